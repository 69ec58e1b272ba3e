//! Puts the user's roles, and the organization that the login names, into the
//! access token.
//!
//! The one idea: what the server knows of the user's place reaches the APIs under
//! names of your own.

use actions_sdk::post_login::{Api, Event};

#[actions_sdk::post_login]
fn add_roles_and_organization(event: &Event, api: &mut Api) -> actions_sdk::Result<()> {
    let mut token = api.access_token();
    token.set_custom_claim("https://example.com/roles", event.authorization().roles());
    if let Some(organization) = event.organization() {
        token.set_custom_claim("https://example.com/organization", organization.name());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actions_sdk::testing::json;

    #[test]
    fn a_member_gets_roles_and_organization() {
        let event = Event::builder()
            .roles(["editor", "admin"])
            .organization("acme")
            .build();
        let mut api = Api::recording(&event);

        add_roles_and_organization(&event, &mut api).unwrap();

        let claims = api.recorded().access_token_claims;
        assert_eq!(
            claims["https://example.com/roles"],
            json!(["admin", "editor"])
        );
        assert_eq!(claims["https://example.com/organization"], "acme");
    }

    #[test]
    fn a_login_without_an_organization_gets_no_organization_claim() {
        let event = Event::builder().build();
        let mut api = Api::recording(&event);

        add_roles_and_organization(&event, &mut api).unwrap();

        let claims = api.recorded().access_token_claims;
        assert_eq!(claims["https://example.com/roles"], json!([]));
        assert!(!claims.contains_key("https://example.com/organization"));
    }
}
