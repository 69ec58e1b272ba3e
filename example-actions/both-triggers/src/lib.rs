//! Puts the name of the trigger into the access token, at both triggers.
//!
//! The one idea: one module may serve logins and client credentials exchanges.

use actions_sdk::{credentials_exchange, post_login};

const TRIGGER: &str = "https://example.com/trigger";

#[actions_sdk::post_login]
fn at_login(_: &post_login::Event, api: &mut post_login::Api) -> actions_sdk::Result<()> {
    api.access_token().set_custom_claim(TRIGGER, "post-login");
    Ok(())
}

#[actions_sdk::credentials_exchange]
fn at_exchange(
    _: &credentials_exchange::Event,
    api: &mut credentials_exchange::Api,
) -> actions_sdk::Result<()> {
    api.access_token()
        .set_custom_claim(TRIGGER, "credentials-exchange");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_says_so() {
        let event = post_login::Event::builder().build();
        let mut api = post_login::Api::recording(&event);

        at_login(&event, &mut api).unwrap();

        assert_eq!(api.recorded().access_token_claims[TRIGGER], "post-login");
    }

    #[test]
    fn an_exchange_says_so() {
        let event = credentials_exchange::Event::builder().build();
        let mut api = credentials_exchange::Api::recording(&event);

        at_exchange(&event, &mut api).unwrap();

        assert_eq!(
            api.recorded().access_token_claims[TRIGGER],
            "credentials-exchange"
        );
    }
}
