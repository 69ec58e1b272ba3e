use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a store knows of a user. It becomes the user as Actions see them, in
/// `event.user`.
///
/// A profile is a JSON object, so a store's answer can be read as one with
/// `response.json()`. Members that the server gives a meaning have functions here;
/// others become root attributes. `user_id` is required: a text that stands for this user
/// in the store for ever. Whether a member is one that a profile may have is the
/// server's to say; a native test doesn't know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Profile(Map<String, Value>);

impl Profile {
    /// A profile of which nothing is known but who it is.
    #[must_use]
    pub fn new(user_id: impl Into<String>) -> Self {
        Self(Map::new()).set("user_id", user_id.into())
    }

    /// Sets a member. `null` is the same as leaving it out.
    #[must_use]
    pub fn set(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.0.insert(name.into(), value.into());
        self
    }

    /// Sets the email address, and whether it is known to be the user's.
    #[must_use]
    pub fn email(self, email: impl Into<String>, is_verified: bool) -> Self {
        self.set("email", email.into())
            .set("email_verified", is_verified)
    }

    /// Sets one key of `app_metadata`, which the user can't change and never sees.
    #[must_use]
    pub fn app_metadata(self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.metadata("app_metadata", key.into(), value.into())
    }

    /// Sets one key of `user_metadata`.
    #[must_use]
    pub fn user_metadata(self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.metadata("user_metadata", key.into(), value.into())
    }

    fn metadata(mut self, name: &str, key: String, value: Value) -> Self {
        let metadata = self.0.entry(name).or_insert(Value::Null);
        match metadata {
            Value::Object(metadata) => {
                metadata.insert(key, value);
            }
            other => *other = Value::Object(Map::from_iter([(key, value)])),
        }
        self
    }

    /// The user's identifier in the store.
    #[must_use]
    pub fn user_id(&self) -> Option<&str> {
        self.get("user_id")?.as_str()
    }

    /// One member.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_profile_is_the_object_that_its_functions_say() {
        let profile = Profile::new("7")
            .email("ada@example.com", true)
            .set("favorite_color", "blue")
            .app_metadata("plan", "gold")
            .app_metadata("seats", 3)
            .user_metadata("language", "en");

        assert_eq!(
            serde_json::to_value(&profile).unwrap(),
            json!({
                "user_id": "7",
                "email": "ada@example.com",
                "email_verified": true,
                "favorite_color": "blue",
                "app_metadata": {"plan": "gold", "seats": 3},
                "user_metadata": {"language": "en"},
            })
        );
        assert_eq!(profile.user_id(), Some("7"));
    }

    #[test]
    fn metadata_that_is_no_object_becomes_one() {
        let profile: Profile = serde_json::from_str(r#"{"app_metadata": null}"#).unwrap();

        let profile = profile.app_metadata("plan", "gold");

        assert_eq!(profile.get("app_metadata"), Some(&json!({"plan": "gold"})));
    }
}
