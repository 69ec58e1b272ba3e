//! What a client sends to the revocation endpoint.

use claimsmith_model::{JsonObject, Secret};

use crate::{
    client_parameters::ClientParameters,
    parameters::{TokenRequestError, read_form, read_json, take_text},
};

/// A revocation request as it is on the wire (RFC 7009 section 2.1). Its
/// `token_type_hint` is left aside: what a token is can be seen from itself.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RevocationRequest {
    /// Who asks.
    pub client: ClientParameters,
    /// `token`.
    pub token: Option<Secret>,
}

impl RevocationRequest {
    /// Reads a body of type `application/x-www-form-urlencoded`.
    ///
    /// # Errors
    /// See [`TokenRequestError`]; also when a parameter appears twice.
    pub fn from_form(body: &[u8]) -> Result<Self, TokenRequestError> {
        Self::from_parameters(read_form(body)?)
    }

    /// Reads a body of type `application/json`: one object, as the reference product
    /// takes it.
    ///
    /// # Errors
    /// See [`TokenRequestError`]; also when a member appears twice, or isn't a string.
    pub fn from_json(body: &[u8]) -> Result<Self, TokenRequestError> {
        Self::from_parameters(read_json(body)?)
    }

    fn from_parameters(mut parameters: JsonObject) -> Result<Self, TokenRequestError> {
        Ok(Self {
            client: ClientParameters::take(&mut parameters)?,
            token: take_text(&mut parameters, "token")?.map(Secret::new),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_and_a_json_body_give_the_same_request() {
        let form = b"client_id=app&client_secret=s&token=t&token_type_hint=refresh_token";
        let form = RevocationRequest::from_form(form).unwrap();
        let json = br#"{"client_id":"app","client_secret":"s","token":"t"}"#;
        assert_eq!(form, RevocationRequest::from_json(json).unwrap());
        assert_eq!(form.client.client_id.as_deref(), Some("app"));
        assert_eq!(form.token, Some(Secret::new("t")));
        assert!(!format!("{form:?}").contains("\"t\""));
        assert!(RevocationRequest::from_form(b"token=a&token=b").is_err());
    }
}
