use serde::Deserialize;

use crate::host::{Host, call};

/// How the user proved who they are.
#[derive(Debug, Clone, Copy)]
pub struct Authentication<'e>(pub(crate) &'e Host);

impl Authentication<'_> {
    /// The methods used, in order.
    #[must_use]
    pub fn methods(&self) -> Vec<AuthenticationMethod> {
        let json = call!(self.0, event_authentication::methods_json());
        crate::json::decode("event", "/authentication/methods", Some(json)).unwrap_or_default()
    }
}

/// One method that the user proved themselves by.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct AuthenticationMethod {
    /// Such as `pwd` for a password.
    #[serde(default)]
    pub name: String,
    /// When, RFC 3339 in UTC.
    #[serde(default)]
    pub timestamp: String,
}
