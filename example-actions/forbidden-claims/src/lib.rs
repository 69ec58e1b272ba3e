//! Tries three claims that the claim policy refuses, beside a good one.
//!
//! The one idea: a refused claim is never lost silently, and never stops an
//! Action. Run it and look at the execution's report: it says why each claim was
//! refused and what to write instead.

use actions_sdk::{credentials_exchange, post_login};

/// Your own namespace: admitted.
const GOOD: &str = "https://example.com/role";

/// A namespace of the identity provider, a name that the token format owns, and a
/// name without a namespace.
const FORBIDDEN: [&str; 3] = ["https://acme.auth0.com/role", "sub", "role"];

#[actions_sdk::post_login]
fn at_login(_: &post_login::Event, api: &mut post_login::Api) -> actions_sdk::Result<()> {
    api.access_token().set_custom_claim(GOOD, "editor");
    for name in FORBIDDEN {
        api.access_token().set_custom_claim(name, "editor");
    }
    Ok(())
}

#[actions_sdk::credentials_exchange]
fn at_exchange(
    _: &credentials_exchange::Event,
    api: &mut credentials_exchange::Api,
) -> actions_sdk::Result<()> {
    api.access_token().set_custom_claim(GOOD, "editor");
    for name in FORBIDDEN {
        // An Action that wants to know asks with `try_`, and is told at once.
        if let Err(refusal) = api.access_token().try_set_custom_claim(name, "editor") {
            actions_sdk::log::warn(refusal.to_string());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actions_sdk::{Refusal, log::Level};

    fn refusal() -> Refusal {
        Refusal::new(
            "reserved_name",
            "`sub` is reserved.",
            "Choose another name.",
        )
    }

    #[test]
    fn a_login_goes_on_past_a_refused_claim() {
        let event = post_login::Event::builder()
            .refuse_claim("sub", refusal())
            .build();
        let mut api = post_login::Api::recording(&event);

        at_login(&event, &mut api).unwrap();

        let did = api.recorded();
        assert_eq!(did.access_token_claims[GOOD], "editor");
        assert!(!did.access_token_claims.contains_key("sub"));
        assert_eq!(did.refusals, [refusal()]);
    }

    #[test]
    fn an_exchange_logs_what_was_refused_and_what_to_do() {
        let event = credentials_exchange::Event::builder()
            .refuse_claim("sub", refusal())
            .build();
        let mut api = credentials_exchange::Api::recording(&event);

        at_exchange(&event, &mut api).unwrap();

        let did = api.recorded();
        assert_eq!(did.access_token_claims[GOOD], "editor");
        let line = "reserved_name: `sub` is reserved. Choose another name.".to_owned();
        assert_eq!(did.logs, [(Level::Warn, line)]);
    }
}
