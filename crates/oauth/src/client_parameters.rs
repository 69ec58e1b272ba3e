//! What a client says in a request's body of who it is.

use claimsmith_model::{JsonObject, Secret};

use crate::parameters::{TokenRequestError, copy_text, take_text};

/// The `client_assertion_type` of a signed JWT (RFC 7523 section 2.2).
pub const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Client authentication in the body (RFC 6749 section 2.3.1, RFC 7521 section 4.2):
/// read, and not checked against anything yet.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClientParameters {
    /// `client_id`.
    pub client_id: Option<String>,
    /// `client_secret`.
    pub client_secret: Option<Secret>,
    /// `client_assertion_type`.
    pub client_assertion_type: Option<String>,
    /// `client_assertion`.
    pub client_assertion: Option<Secret>,
}

impl ClientParameters {
    /// Takes the secrets out of `parameters`, and leaves the others.
    pub(crate) fn take(parameters: &mut JsonObject) -> Result<Self, TokenRequestError> {
        Ok(Self {
            client_id: copy_text(parameters, "client_id")?,
            client_secret: take_text(parameters, "client_secret")?.map(Secret::new),
            client_assertion_type: copy_text(parameters, "client_assertion_type")?,
            client_assertion: take_text(parameters, "client_assertion")?.map(Secret::new),
        })
    }
}
