//! What a client sends to the token endpoint.

use claimsmith_model::{JsonObject, Secret};

use crate::{
    client_parameters::ClientParameters,
    parameters::{
        TokenRequestError, copy_text, copy_texts, read_form, read_json, remove_secrets, take_text,
    },
};

/// A token request as it is on the wire (RFC 6749 sections 4 to 6): read and
/// bounded, nothing of it checked against anything yet.
///
/// A parameter without a value is absent (RFC 6749 section 3.2), and so is a JSON
/// null.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TokenRequest {
    /// `grant_type`.
    pub grant_type: Option<String>,
    /// Who asks.
    pub client: ClientParameters,
    /// `audience`: the identifier of the API that the token shall be for.
    pub audience: Option<String>,
    /// `resource`: the same (RFC 8707 section 2), possibly several times.
    pub resource: Vec<String>,
    /// `scope`, not split up yet.
    pub scope: Option<String>,
    /// `username` (RFC 6749 section 4.3.2).
    pub username: Option<String>,
    /// `password` (RFC 6749 section 4.3.2).
    pub password: Option<Secret>,
    /// `realm`: the connection that the user belongs to.
    pub realm: Option<String>,
    /// `organization`: its identifier or name.
    pub organization: Option<String>,
    /// `refresh_token` (RFC 6749 section 6).
    pub refresh_token: Option<Secret>,
    /// `code` (RFC 6749 section 4.1.3).
    pub code: Option<Secret>,
    /// `code_verifier` (RFC 7636 section 4.5).
    pub code_verifier: Option<Secret>,
    /// `redirect_uri` (RFC 6749 section 4.1.3).
    pub redirect_uri: Option<String>,
    /// `correlation_id`: the caller's own identifier for this transaction.
    pub correlation_id: Option<String>,
    /// Every parameter except those that hold secrets: what Actions read as
    /// `event.request.body`.
    pub body: JsonObject,
}

impl TokenRequest {
    /// Reads a body of type `application/x-www-form-urlencoded`.
    ///
    /// # Errors
    /// See [`TokenRequestError`]; also when a parameter appears twice.
    pub fn from_form(body: &[u8]) -> Result<Self, TokenRequestError> {
        Self::from_parameters(read_form(body)?)
    }

    /// Reads a body of type `application/json`: one object.
    ///
    /// # Errors
    /// See [`TokenRequestError`]; also when a member appears twice, or one of those
    /// above is not a string.
    pub fn from_json(body: &[u8]) -> Result<Self, TokenRequestError> {
        Self::from_parameters(read_json(body)?)
    }

    fn from_parameters(mut parameters: JsonObject) -> Result<Self, TokenRequestError> {
        let client = ClientParameters::take(&mut parameters)?;
        let mut secret =
            |name: &'static str| Ok(take_text(&mut parameters, name)?.map(Secret::new));
        let password = secret("password")?;
        let refresh_token = secret("refresh_token")?;
        let code = secret("code")?;
        let code_verifier = secret("code_verifier")?;
        remove_secrets(&mut parameters);
        Ok(Self {
            grant_type: copy_text(&parameters, "grant_type")?,
            client,
            audience: copy_text(&parameters, "audience")?,
            resource: copy_texts(&parameters, "resource")?,
            scope: copy_text(&parameters, "scope")?,
            username: copy_text(&parameters, "username")?,
            password,
            realm: copy_text(&parameters, "realm")?,
            organization: copy_text(&parameters, "organization")?,
            refresh_token,
            code,
            code_verifier,
            redirect_uri: copy_text(&parameters, "redirect_uri")?,
            correlation_id: copy_text(&parameters, "correlation_id")?,
            body: parameters,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_form_and_a_json_body_give_the_same_request() {
        let form = TokenRequest::from_form(
            b"grant_type=client_credentials&client_id=reports&client_secret=s%2Bt\
              &audience=https%3A%2F%2Fapi.example.com%2F&scope=read+write&organization=",
        )
        .unwrap();
        let json = TokenRequest::from_json(
            br#"{"grant_type":"client_credentials","client_id":"reports","client_secret":"s+t",
                 "audience":"https://api.example.com/","scope":"read write","organization":null}"#,
        )
        .unwrap();

        assert_eq!(form, json);
        assert_eq!(form.client.client_id.as_deref(), Some("reports"));
        assert_eq!(form.client.client_secret, Some(Secret::new("s+t")));
        assert_eq!(form.audience.as_deref(), Some("https://api.example.com/"));
        assert_eq!(form.scope.as_deref(), Some("read write"));
        assert_eq!(form.organization, None);
    }

    #[test]
    fn the_body_that_actions_see_holds_no_secret() {
        let secrets = [
            "password",
            "client_secret",
            "client_assertion",
            "refresh_token",
            "code",
            "code_verifier",
        ];
        let mut sent: JsonObject = secrets
            .iter()
            .map(|name| ((*name).to_owned(), json!("hunter2")))
            .collect();
        sent.insert("grant_type".into(), json!("password"));
        sent.insert("username".into(), json!("ada"));
        sent.insert("device".into(), json!({"os": "linux"}));
        sent.insert("nothing".into(), Value::Null);

        let request = TokenRequest::from_json(Value::Object(sent).to_string().as_bytes()).unwrap();

        let seen = json!({"grant_type": "password", "username": "ada", "device": {"os": "linux"}});
        assert_eq!(Value::Object(request.body.clone()), seen);
        assert_eq!(request.password, Some(Secret::new("hunter2")));
        assert_eq!(request.code_verifier, Some(Secret::new("hunter2")));
        assert!(!format!("{request:?}").contains("hunter2"));
    }

    #[test]
    fn a_member_that_must_be_a_string_is_named_when_it_is_not() {
        for name in [
            "grant_type",
            "client_id",
            "client_secret",
            "password",
            "audience",
            "scope",
        ] {
            let body = json!({name: ["a"]}).to_string();
            assert_eq!(
                TokenRequest::from_json(body.as_bytes()),
                Err(TokenRequestError::NotAString { name })
            );
        }
    }

    #[test]
    fn a_resource_may_be_given_several_times() {
        let form = TokenRequest::from_form(b"resource=a&scope=s&resource=b&resource=").unwrap();
        assert_eq!(form.resource, ["a", "b"]);
        assert_eq!(form.body["resource"], json!(["a", "b"]));
        let json = TokenRequest::from_json(br#"{"resource":["a","b"],"scope":"s"}"#).unwrap();
        assert_eq!(json, form);
        let one = TokenRequest::from_form(b"resource=a").unwrap();
        assert_eq!(
            (one.resource, &one.body["resource"]),
            (vec!["a".to_owned()], &json!("a"))
        );

        for wrong in [r#"{"resource":[1]}"#, r#"{"resource":{}}"#] {
            let name = "resource";
            assert_eq!(
                TokenRequest::from_json(wrong.as_bytes()),
                Err(TokenRequestError::NotAString { name })
            );
        }
        // In JSON a list says it, and a member that appears twice is a mistake.
        assert!(TokenRequest::from_json(br#"{"resource":"a","resource":"b"}"#).is_err());
    }

    #[test]
    fn an_empty_body_is_a_request_without_parameters() {
        let request = TokenRequest::from_form(b"").unwrap();
        assert_eq!(request.grant_type, None);
        assert!(request.body.is_empty());
        assert_eq!(TokenRequest::from_json(b"{}").unwrap(), request);
    }
}
