//! What the authorization endpoint answers, through the user's browser.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{ErrorBody, ErrorCode, ResponseMode};

/// What is percent-encoded in a parameter: all but the unreserved characters of RFC 3986
/// section 2.3.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// An authorization response (RFC 6749 sections 4.1.2 and 4.2.2) on its way to a client.
/// Its `Debug` shows no value.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthorizationResponse {
    /// Where it goes: a redirect URI of the client's.
    pub redirect_uri: String,
    /// How it gets there.
    pub mode: ResponseMode,
    /// What it holds.
    pub parameters: Vec<(&'static str, String)>,
    /// The error that it tells of, if it does.
    pub error: Option<ErrorCode>,
}

impl AuthorizationResponse {
    /// A response with the request's `state`, and the issuer, which tells a client of
    /// several servers whose answer it is (RFC 9207).
    #[must_use]
    pub fn new(
        redirect_uri: String,
        mode: ResponseMode,
        state: Option<String>,
        issuer: &str,
    ) -> Self {
        let mut parameters = vec![("iss", issuer.to_owned())];
        parameters.extend(state.map(|state| ("state", state)));
        Self {
            redirect_uri,
            mode,
            parameters,
            error: None,
        }
    }

    /// Adds a parameter.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.parameters.push((name, value.into()));
        self
    }

    /// Adds an error (RFC 6749 section 4.1.2.1).
    #[must_use]
    pub fn with_error(mut self, error: &ErrorBody) -> Self {
        self.error = Some(error.error());
        self.with("error", error.error().as_str())
            .with("error_description", error.error_description())
    }

    /// The URL that the browser goes to, where the response is in a URL.
    #[must_use]
    pub fn url(&self) -> Option<String> {
        let separator = match self.mode {
            ResponseMode::Query if self.redirect_uri.contains('?') => '&',
            ResponseMode::Query => '?',
            ResponseMode::Fragment => '#',
            ResponseMode::FormPost | ResponseMode::WebMessage => return None,
        };
        let mut url = self.redirect_uri.clone();
        url.push(separator);
        for (position, (name, value)) in self.parameters.iter().enumerate() {
            if position > 0 {
                url.push('&');
            }
            url.push_str(name);
            url.push('=');
            url.extend(utf8_percent_encode(value, ENCODED));
        }
        Some(url)
    }
}

impl fmt::Debug for AuthorizationResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.parameters.iter().map(|(name, _)| *name).collect();
        f.debug_struct("AuthorizationResponse")
            .field("redirect_uri", &self.redirect_uri)
            .field("mode", &self.mode)
            .field("parameters", &names)
            .field("error", &self.error)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(redirect_uri: &str, mode: ResponseMode) -> AuthorizationResponse {
        let state = Some("a&b=c#d ü\r\n".to_owned());
        AuthorizationResponse::new(redirect_uri.to_owned(), mode, state, "https://login/")
    }

    #[test]
    fn a_url_holds_the_parameters_encoded() {
        let response = response("https://app/cb", ResponseMode::Query).with("code", "xyz");
        assert_eq!(
            response.url().as_deref(),
            Some(
                "https://app/cb?iss=https%3A%2F%2Flogin%2F&state=a%26b%3Dc%23d%20%C3%BC%0D%0A\
                 &code=xyz"
            )
        );
    }

    #[test]
    fn the_redirect_uris_own_query_stays() {
        let url = |mode| response("https://app/cb?a=1", mode).url();
        let query = url(ResponseMode::Query).unwrap();
        assert!(query.starts_with("https://app/cb?a=1&iss="), "{query}");
        let fragment = url(ResponseMode::Fragment).unwrap();
        assert!(
            fragment.starts_with("https://app/cb?a=1#iss="),
            "{fragment}"
        );
        assert_eq!(url(ResponseMode::FormPost), None);
        assert_eq!(url(ResponseMode::WebMessage), None);
    }

    #[test]
    fn an_error_is_two_parameters() {
        let error = ErrorBody::new(ErrorCode::AccessDenied, "no “quotes”");
        let response = response("https://app/cb", ResponseMode::Query).with_error(&error);
        let parameters = &response.parameters[2..];
        assert_eq!(parameters[0], ("error", "access_denied".to_owned()));
        assert_eq!(
            parameters[1],
            ("error_description", "no 'quotes'".to_owned())
        );
    }

    #[test]
    fn no_value_is_in_the_debug_text() {
        let response = response("https://app/cb", ResponseMode::Query).with("code", "s3cret");
        let text = format!("{response:?}");
        assert!(text.contains("code") && !text.contains("s3cret"), "{text}");
    }
}
