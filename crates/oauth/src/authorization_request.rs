//! What a client sends to the authorization endpoint, through the user's browser.

use claimsmith_model::{JsonObject, Secret};
use serde_json::Value;

use crate::parameters::{
    TokenRequestError, copy_text, read_form_of_browser, remove_secrets, take_text,
};

/// The longest authorization request in bytes. It comes in a URL, and what lies on the
/// way to a server takes eight kilobytes of one, or sixteen.
pub const AUTHORIZATION_REQUEST_BYTES_MAX: usize = 16 * 1024;

/// The parameters of which a request may have several: those of RFC 8707 section 2.
const REPEATABLE: &str = "resource";

/// An authorization request as it is on the wire (RFC 6749 section 4.1.1, OpenID Connect
/// Core section 3.1.2.1): read and bounded, nothing of it checked against anything yet.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AuthorizationRequest {
    /// `client_id`.
    pub client_id: Option<String>,
    /// `redirect_uri`.
    pub redirect_uri: Option<String>,
    /// `response_type`, not split up yet.
    pub response_type: Option<String>,
    /// `response_mode`.
    pub response_mode: Option<String>,
    /// `state`: what the client wants back.
    pub state: Option<String>,
    /// `scope`, not split up yet.
    pub scope: Option<String>,
    /// `audience`: the identifier of the API that access tokens shall be for.
    pub audience: Option<String>,
    /// `resource` (RFC 8707 section 2).
    pub resources: Vec<String>,
    /// `organization`: its identifier or name.
    pub organization: Option<String>,
    /// `connection`: where the user logs in.
    pub connection: Option<String>,
    /// `nonce`.
    pub nonce: Option<String>,
    /// `prompt`, not split up yet.
    pub prompt: Option<String>,
    /// `max_age`, in seconds.
    pub max_age: Option<String>,
    /// `login_hint`.
    pub login_hint: Option<String>,
    /// `id_token_hint`; neither Actions nor the wire see it again.
    pub id_token_hint: Option<Secret>,
    /// `acr_values`, not split up yet.
    pub acr_values: Option<String>,
    /// `ui_locales`, not split up yet.
    pub ui_locales: Option<String>,
    /// `code_challenge` (RFC 7636 section 4.3).
    pub code_challenge: Option<String>,
    /// `code_challenge_method` (RFC 7636 section 4.3).
    pub code_challenge_method: Option<String>,
    /// `correlation_id`: the caller's own identifier for this transaction.
    pub correlation_id: Option<String>,
    /// A parameter that stands for others and isn't taken, if there is one: `request`,
    /// `request_uri` (RFC 9101) or `registration` (OpenID Connect Core section 7.2.1).
    pub unsupported: Option<&'static str>,
    /// A parameter that came more than once.
    pub repeated: Option<String>,
    /// Every parameter but those that hold secrets: what Actions read as
    /// `event.request.query`, and what the request can be made from again.
    pub parameters: JsonObject,
}

impl AuthorizationRequest {
    /// Reads a query or a form.
    ///
    /// A repeated parameter is told and not refused, because whom to tell is in the
    /// others. Of a repeated one nothing counts.
    ///
    /// # Errors
    /// See [`TokenRequestError`].
    pub fn from_form(form: &[u8]) -> Result<Self, TokenRequestError> {
        if form.len() > AUTHORIZATION_REQUEST_BYTES_MAX {
            return Err(TokenRequestError::AuthorizationRequestTooLong);
        }
        let read = read_form_of_browser(form, REPEATABLE)?;
        let mut request = Self::from_parameters(read.parameters)?;
        request.repeated = read.repeated;
        Ok(request)
    }

    /// The request with these [`parameters`](Self::parameters).
    ///
    /// # Errors
    /// When they are no request's.
    pub fn from_parameters(mut parameters: JsonObject) -> Result<Self, TokenRequestError> {
        remove_secrets(&mut parameters);
        let id_token_hint = take_text(&mut parameters, "id_token_hint")?;
        let unsupported = ["request", "request_uri", "registration"]
            .into_iter()
            .find(|name| parameters.contains_key(*name));
        let text = |name| copy_text(&parameters, name);
        Ok(Self {
            client_id: text("client_id")?,
            redirect_uri: text("redirect_uri")?,
            response_type: text("response_type")?,
            response_mode: text("response_mode")?,
            state: text("state")?,
            scope: text("scope")?,
            audience: text("audience")?,
            resources: texts(parameters.get(REPEATABLE)),
            organization: text("organization")?,
            connection: text("connection")?,
            nonce: text("nonce")?,
            prompt: text("prompt")?,
            max_age: text("max_age")?,
            login_hint: text("login_hint")?,
            id_token_hint: id_token_hint.map(Secret::new),
            acr_values: text("acr_values")?,
            ui_locales: text("ui_locales")?,
            code_challenge: text("code_challenge")?,
            code_challenge_method: text("code_challenge_method")?,
            correlation_id: text("correlation_id")?,
            unsupported,
            repeated: None,
            parameters,
        })
    }
}

/// The texts of a parameter that may come several times.
fn texts(value: Option<&Value>) -> Vec<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match value {
        None => Vec::new(),
        Some(Value::Array(several)) => several.iter().filter_map(text).collect(),
        Some(one) => text(one).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(form: &str) -> AuthorizationRequest {
        AuthorizationRequest::from_form(form.as_bytes()).unwrap()
    }

    #[test]
    fn a_request_can_be_made_from_its_parameters_again() {
        let request = read(
            "client_id=app&redirect_uri=https%3A%2F%2Fapp%2F&response_type=code&scope=openid+email\
             &state=a%26b&resource=https%3A%2F%2Fa%2F&resource=https%3A%2F%2Fb%2F&ext-note=hello",
        );
        assert_eq!(request.state.as_deref(), Some("a&b"));
        assert_eq!(request.resources, ["https://a/", "https://b/"]);
        assert_eq!(request.parameters["ext-note"], "hello");

        let again = AuthorizationRequest::from_parameters(request.parameters.clone());

        assert_eq!(again.unwrap(), request);
    }

    #[test]
    fn a_repeated_parameter_is_told_and_counts_for_nothing() {
        let request = read("client_id=app&state=1&state=2&scope=openid&state=3");
        assert_eq!(request.repeated.as_deref(), Some("state"));
        assert_eq!(request.state, None);
        assert_eq!(request.client_id.as_deref(), Some("app"));
        assert!(!request.parameters.contains_key("state"));
        // Also where one of them is empty.
        assert_eq!(read("a=&a=1").repeated.as_deref(), Some("a"));
    }

    #[test]
    fn no_secret_and_no_hint_is_among_what_actions_see() {
        let request = read("client_id=app&password=x&client_secret=y&id_token_hint=a.b.c");
        assert_eq!(request.id_token_hint, Some(Secret::new("a.b.c")));
        assert!(!format!("{request:?}").contains("a.b.c"));
        let names: Vec<&String> = request.parameters.keys().collect();
        assert_eq!(names, ["client_id"]);
    }

    #[test]
    fn what_stands_for_other_parameters_is_named() {
        assert_eq!(read("request_uri=urn:x").unsupported, Some("request_uri"));
        assert_eq!(read("request=e30.e30.").unsupported, Some("request"));
        assert_eq!(read("client_id=app").unsupported, None);
    }

    #[test]
    fn a_request_has_sixteen_kilobytes_and_no_more() {
        let of_length = |length: usize| format!("a={}", "x".repeat(length - 2));
        let largest = of_length(AUTHORIZATION_REQUEST_BYTES_MAX);
        assert!(AuthorizationRequest::from_form(largest.as_bytes()).is_ok());
        let larger = of_length(AUTHORIZATION_REQUEST_BYTES_MAX + 1);
        assert_eq!(
            AuthorizationRequest::from_form(larger.as_bytes()),
            Err(TokenRequestError::AuthorizationRequestTooLong)
        );
    }
}
