//! Remembers how the user last logged in, and puts what the user prefers into the
//! ID token.
//!
//! The one idea: metadata that one Action sets is there for the next one, and is
//! stored once at the end. Bind this Action twice, and the second run finds what
//! the first one set.

use actions_sdk::post_login::{Api, Event};

#[actions_sdk::post_login]
fn keep_profile(event: &Event, api: &mut Api) -> actions_sdk::Result<()> {
    let user = event.user();
    let mut token = api.id_token();
    if let Some(contact) = user.user_metadata::<String>("preferred_contact") {
        token.set_custom_claim("https://example.com/preferred_contact", contact);
    }
    if let Some(color) = user.attribute::<String>("favorite_color") {
        token.set_custom_claim("https://example.com/favorite_color", color);
    }
    if let Some(channel) = user.user_metadata::<String>("last_login_channel") {
        token.set_custom_claim("https://example.com/previous_channel", channel);
    }
    api.user()
        .set_user_metadata("last_login_channel", channel(event));
    Ok(())
}

/// Such as `Mobile App by oauth2-password`.
fn channel(event: &Event) -> String {
    let protocol = event.transaction().protocol().unwrap_or_default();
    [event.client().name().as_str(), " by ", &protocol].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{
        "client": { "name": "Mobile App" },
        "transaction": { "protocol": "oauth2-password" },
        "user": {
            "favorite_color": "green",
            "user_metadata": { "preferred_contact": "email" }
        }
    }"#;

    #[test]
    fn the_id_token_shows_what_the_user_prefers() {
        let event = Event::from_json(EVENT).unwrap();
        let mut api = Api::recording(&event);

        keep_profile(&event, &mut api).unwrap();

        let claims = api.recorded().id_token_claims;
        assert_eq!(claims["https://example.com/preferred_contact"], "email");
        assert_eq!(claims["https://example.com/favorite_color"], "green");
        assert!(!claims.contains_key("https://example.com/previous_channel"));
    }

    #[test]
    fn the_next_action_sees_the_channel_that_this_one_set() {
        let event = Event::from_json(EVENT).unwrap();
        let mut api = Api::recording(&event);

        keep_profile(&event, &mut api).unwrap();
        let next_event = api.event_of_next_action();
        let mut next_api = Api::recording(&next_event);
        keep_profile(&next_event, &mut next_api).unwrap();

        let channel = "Mobile App by oauth2-password";
        assert_eq!(api.recorded().user_metadata["last_login_channel"], channel);
        let claims = next_api.recorded().id_token_claims;
        assert_eq!(claims["https://example.com/previous_channel"], channel);
    }
}
