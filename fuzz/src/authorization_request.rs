//! What a client sends to the authorization endpoint, through anybody's browser.

use claimsmith_oauth::{
    AUTHORIZATION_REQUEST_BYTES_MAX, AuthorizationRequest, AuthorizationResponse, ResponseMode,
    is_redirect_uri, is_registered,
};

/// Where the client of these requests is called back.
const REGISTERED: [&str; 2] = ["https://app.example.com/cb?a=1", "http://127.0.0.1/cb"];

/// Any bytes as an authorization request: what is read can be made from its parameters
/// again, no redirect URI but a registered one is taken for one, and a response is a URL
/// that begins with it and fits into a header.
///
/// # Panics
/// When that doesn't hold.
pub fn authorization_request(bytes: &[u8]) {
    let request = match AuthorizationRequest::from_form(bytes) {
        Ok(request) => request,
        Err(error) => {
            let text = error.to_string();
            assert!(text.len() < 1_000 && !text.contains('\n'), "{text}");
            return;
        }
    };
    assert!(bytes.len() <= AUTHORIZATION_REQUEST_BYTES_MAX);
    let again = AuthorizationRequest::from_parameters(request.parameters.clone());
    let mut again = again.expect("what was read can be read again");
    again.repeated.clone_from(&request.repeated);
    again.id_token_hint.clone_from(&request.id_token_hint);
    assert_eq!(again, request);

    let redirect_uri = request.redirect_uri.unwrap_or_default();
    let registered = REGISTERED.map(str::to_owned);
    if is_registered(&redirect_uri, &registered, false) {
        assert!(registered.contains(&redirect_uri), "{redirect_uri}");
    }
    if is_registered(&redirect_uri, &registered, true) {
        let is_own = registered.contains(&redirect_uri);
        let port = redirect_uri
            .strip_prefix("http://127.0.0.1:")
            .and_then(|rest| rest.strip_suffix("/cb"));
        assert!(
            is_own || port.is_some_and(|port| port.parse::<u16>().is_ok()),
            "{redirect_uri}"
        );
    }
    if !is_redirect_uri(&redirect_uri) {
        return;
    }
    for mode in [ResponseMode::Query, ResponseMode::Fragment] {
        let state = request.state.clone();
        let response = AuthorizationResponse::new(redirect_uri.clone(), mode, state, "https://as/");
        let url = response.url().expect("these modes have a URL");
        assert!(url.starts_with(&redirect_uri), "{url}");
        assert!(url.bytes().all(|byte| byte.is_ascii_graphic()), "{url}");
    }
}
