//! What a script says of a user, and the user that it becomes.

use claimsmith_model::{Connection, JsonObject, METADATA_BYTES_MAX, User, UserId};
use claimsmith_storage::StorageError;

use crate::{
    ServiceError, Services, TenantContext,
    admin::users::{ROOT_PROPERTIES, apply_profile, bounded, name_by_login, new_user, user_id},
    fields::{Fields, Problem, Read, open_object},
};

/// How often a user is read and written when others write them at the same time.
const ATTEMPTS_MAX: usize = 5;

/// A profile that has been read, every member of it.
#[derive(Debug)]
pub(super) struct Profile {
    user_id: UserId,
    fields: JsonObject,
}

/// What became of a profile.
#[derive(Debug)]
pub(super) enum Kept {
    /// The user, as they are stored now.
    User(Box<User>),
    /// The user is blocked, and was left as they were.
    Blocked(UserId),
    /// There can't be such a user: the text says why, for the record.
    Impossible(String),
}

impl Profile {
    /// Reads a profile.
    ///
    /// # Errors
    /// What is wrong with it, for the record.
    pub(super) fn parse(json: &str) -> Result<Self, String> {
        let read = || {
            let value = serde_json::from_str(json)
                .map_err(|error| Problem::new(format!("it is not JSON: {error}")))?;
            let mut fields: JsonObject = open_object(value)?;
            fields.retain(|_, value| !value.is_null());
            let mut first = Fields::new(fields);
            let user_id = first.required("user_id", user_id)?;
            let profile = Self {
                user_id,
                fields: first.into_rest(),
            };
            // Once for all: whoever it becomes, they are made of the same members.
            let nobody = new_user(profile.user_id.clone(), String::new(), Default::default());
            profile.applied_to(&nobody)?;
            Ok(profile)
        };
        read().map_err(|problem: Problem| format!("the profile can't be taken: {problem}"))
    }

    /// The user with everything that the profile says, and of what a profile may say
    /// nothing else. Metadata is merged at its root, as Actions and admins change it, too.
    fn applied_to(&self, before: &User) -> Read<User> {
        let mut user = User {
            email: None,
            email_verified: false,
            username: None,
            phone_number: None,
            phone_verified: None,
            name: None,
            nickname: None,
            given_name: None,
            family_name: None,
            picture: None,
            profile_attributes: JsonObject::new(),
            ..before.clone()
        };
        let mut fields = Fields::new(self.fields.clone());
        apply_profile(&mut user, &mut fields)?;
        let attributes = fields.into_rest();
        if let Some(name) = attributes
            .keys()
            .find(|name| ROOT_PROPERTIES.contains(&name.as_str()))
        {
            return Err(Problem::new(
                "a profile can't have it: the server decides it, or nobody may know it; leave it \
                 out",
            )
            .under(name));
        }
        bounded(&attributes)
            .map_err(|problem| Problem::new(format!("the other members together: {problem}")))?;
        user.profile_attributes = attributes;
        name_by_login(&mut user);
        Ok(user)
    }
}

/// Makes the user of a connection what the profile says, or makes them; a new one begins
/// with what `begin` does to them.
///
/// # Errors
/// When the user can't be read or written.
pub(super) async fn keep(
    services: &Services,
    context: &TenantContext,
    connection: &Connection,
    profile: Profile,
    begin: impl Fn(&mut User),
) -> Result<Kept, ServiceError> {
    let store = context.store.as_ref();
    let mut last = StorageError::Changed;
    for _ in 0..ATTEMPTS_MAX {
        let now = services.environment.clock.now();
        let present = store.user(&profile.user_id).await?;
        if let Some(present) = &present {
            // Whoever could take over a user by an identifier would have their tokens.
            if present.connection != connection.name {
                return Ok(Kept::Impossible(
                    "the profile's user_id is that of a user of another connection; put the \
                     connection's name before it"
                        .to_owned(),
                ));
            }
            if present.blocked {
                return Ok(Kept::Blocked(present.user_id.clone()));
            }
        }
        let before = match &present {
            Some(present) => present.clone(),
            None => {
                let mut user = new_user(profile.user_id.clone(), connection.name.clone(), now);
                begin(&mut user);
                user
            }
        };
        let mut after = match profile.applied_to(&before) {
            Ok(after) => after,
            // With what is stored already, metadata may be too large.
            Err(problem) => return Ok(Kept::Impossible(format!("the profile: {problem}"))),
        };
        let written = match &present {
            Some(present) if *present == after => Ok(()),
            Some(present) => {
                after.updated_at = now;
                store.update_user(present, &after).await
            }
            None => store.create_user(&after).await,
        };
        match written {
            Ok(()) => return Ok(Kept::User(Box::new(after))),
            // Somebody else wrote or made the same user: what they are now decides.
            Err(error @ (StorageError::Changed | StorageError::Conflict { .. })) => last = error,
            Err(error) => return Err(error.into()),
        }
    }
    match last {
        StorageError::Conflict { what } => Ok(Kept::Impossible(format!(
            "{what} is there already, and is not the one that the profile's user_id names"
        ))),
        other => Err(other.into()),
    }
}

/// The metadata and the further attributes fit into a profile at their largest.
const _: () = assert!(claimsmith_runtime::PROFILE_BYTES_MAX > 3 * METADATA_BYTES_MAX);

#[cfg(test)]
mod tests {
    use claimsmith_model::Timestamp;
    use serde_json::{Value, json};

    use super::*;

    fn parsed(profile: &Value) -> Result<Profile, String> {
        Profile::parse(&profile.to_string())
    }

    fn applied(profile: &Value, before: &User) -> User {
        parsed(profile).unwrap().applied_to(before).unwrap()
    }

    fn nobody() -> User {
        let id = "auth0|7".parse().unwrap();
        new_user(id, "Users".to_owned(), Timestamp::default())
    }

    #[test]
    fn a_profile_becomes_the_user_that_it_says() {
        let user = applied(
            &json!({
                "user_id": "7",
                "email": "ada@example.com",
                "email_verified": true,
                "given_name": "Ada",
                "picture": null,
                "favorite_color": "blue",
                "app_metadata": { "plan": "gold" },
                "user_metadata": { "language": "en" },
            }),
            &nobody(),
        );

        assert_eq!(user.user_id.as_str(), "auth0|7");
        assert_eq!(user.email.as_deref(), Some("ada@example.com"));
        assert!(user.email_verified);
        assert_eq!(user.name.as_deref(), Some("ada@example.com"));
        assert_eq!(user.nickname.as_deref(), Some("ada"));
        assert_eq!(user.app_metadata["plan"], "gold");
        assert_eq!(user.user_metadata["language"], "en");
        assert_eq!(
            json!(user.profile_attributes),
            json!({ "favorite_color": "blue" })
        );
    }

    #[test]
    fn what_the_store_does_not_say_any_more_is_gone_and_metadata_stays() {
        let before = applied(
            &json!({
                "user_id": "7",
                "email": "ada@example.com",
                "email_verified": true,
                "favorite_color": "blue",
                "app_metadata": { "plan": "gold", "seats": 3 },
            }),
            &nobody(),
        );

        let profile = json!({ "user_id": "7", "name": "Ada", "app_metadata": { "plan": "iron" } });
        let after = applied(&profile, &before);

        assert_eq!((after.email, after.email_verified), (None, false));
        assert_eq!(after.name.as_deref(), Some("Ada"));
        assert!(after.profile_attributes.is_empty());
        assert_eq!(
            json!(after.app_metadata),
            json!({ "plan": "iron", "seats": 3 })
        );
    }

    #[test]
    fn a_profile_that_can_not_be_taken_says_why() {
        for (profile, text) in [
            (json!([]), "Expected type object"),
            (json!({}), "Missing required property: user_id"),
            (
                json!({ "user_id": null }),
                "Missing required property: user_id",
            ),
            (json!({ "user_id": 7 }), "on property user_id"),
            (json!({ "user_id": "" }), "on property user_id"),
            (json!({ "user_id": "a b" }), "on property user_id"),
            (json!({ "user_id": "x".repeat(123) }), "on property user_id"),
            (
                json!({ "user_id": "7", "email": "nobody" }),
                "on property email",
            ),
            (
                json!({ "user_id": "7", "email_verified": "yes" }),
                "on property email_verified",
            ),
            (
                json!({ "user_id": "7", "app_metadata": "gold" }),
                "on property app_metadata",
            ),
            (
                json!({ "user_id": "7", "blob": "x".repeat(METADATA_BYTES_MAX) }),
                "other members",
            ),
        ] {
            let error = parsed(&profile).unwrap_err();
            assert!(error.contains(text), "{profile}: {error}");
        }
        assert!(Profile::parse("no JSON").is_err());
        assert!(parsed(&json!({ "user_id": "x".repeat(122) })).is_ok());
    }

    #[test]
    fn a_profile_decides_nothing_that_is_the_servers() {
        for name in ROOT_PROPERTIES {
            let takes = [
                "app_metadata",
                "email",
                "email_verified",
                "family_name",
                "given_name",
                "name",
                "nickname",
                "phone_number",
                "phone_verified",
                "picture",
                "user_id",
                "user_metadata",
                "username",
            ];
            if takes.contains(&name) {
                continue;
            }
            let error = parsed(&json!({ "user_id": "7", name: "x" })).unwrap_err();
            assert!(error.ends_with(&format!("on property {name}")), "{error}");
        }
    }
}
