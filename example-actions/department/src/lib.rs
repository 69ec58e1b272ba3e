//! Puts the client's department into its access tokens.
//!
//! The one idea: what an admin noted in a client's metadata reaches the APIs that
//! the client calls.

use actions_sdk::credentials_exchange::{Api, Event};

#[actions_sdk::credentials_exchange]
fn add_department(event: &Event, api: &mut Api) -> actions_sdk::Result<()> {
    if let Some(department) = event.client().metadata("department") {
        api.access_token()
            .set_custom_claim("https://example.com/department", department);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_access_token_names_the_department() {
        let event = Event::builder()
            .client_metadata("department", "engineering")
            .build();
        let mut api = Api::recording(&event);

        add_department(&event, &mut api).unwrap();

        let claims = api.recorded().access_token_claims;
        assert_eq!(claims["https://example.com/department"], "engineering");
    }

    #[test]
    fn a_client_without_a_department_gets_no_claim() {
        let event = Event::builder().build();
        let mut api = Api::recording(&event);

        add_department(&event, &mut api).unwrap();

        assert!(api.recorded().access_token_claims.is_empty());
    }
}
