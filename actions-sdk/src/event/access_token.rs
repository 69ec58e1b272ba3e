use serde::de::DeserializeOwned;

use crate::host::{Host, read};

/// The access token as it stands: what earlier Actions of this trigger and this
/// one so far have put into it.
#[derive(Debug, Clone, Copy)]
pub struct AccessToken<'e>(pub(crate) &'e Host);

impl AccessToken<'_> {
    /// One custom claim; `None` when no Action has set it, or (logged) when its
    /// value is not a `T`.
    #[must_use]
    pub fn custom_claim<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let json = read!(self.0, json event_access_token::custom_claim_json(name), "/accessToken/customClaims");
        crate::json::decode("custom claim", name, json)
    }

    /// The names of the custom claims set so far, in alphabetical order.
    #[must_use]
    pub fn custom_claim_names(&self) -> Vec<String> {
        read!(self.0, keys event_access_token::custom_claim_names, "/accessToken/customClaims")
    }

    /// The scopes that the token will have, as things stand.
    #[must_use]
    pub fn scope(&self) -> Vec<String> {
        read!(self.0, event_access_token::scope, "/accessToken/scope")
    }
}
