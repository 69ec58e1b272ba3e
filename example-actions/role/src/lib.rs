//! Puts the user's role into the access token and the ID token.
//!
//! The one idea: what an admin noted in `app_metadata` becomes a claim.

use actions_sdk::post_login::{Api, Event};

const ROLE: &str = "https://example.com/role";

#[actions_sdk::post_login]
fn add_role(event: &Event, api: &mut Api) -> actions_sdk::Result<()> {
    if let Some(role) = event.user().app_metadata::<String>("role") {
        api.access_token().set_custom_claim(ROLE, &role);
        api.id_token().set_custom_claim(ROLE, &role);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_tokens_carry_the_role() {
        let event = Event::builder().app_metadata("role", "editor").build();
        let mut api = Api::recording(&event);

        add_role(&event, &mut api).unwrap();

        let did = api.recorded();
        assert_eq!(did.access_token_claims[ROLE], "editor");
        assert_eq!(did.id_token_claims[ROLE], "editor");
    }

    #[test]
    fn a_user_without_a_role_gets_no_claim() {
        let event = Event::builder().build();
        let mut api = Api::recording(&event);

        add_role(&event, &mut api).unwrap();

        let did = api.recorded();
        assert!(did.access_token_claims.is_empty());
        assert!(did.id_token_claims.is_empty());
    }
}
