//! What a client sends to the token endpoint.

use claimsmith_oauth::{PARAMETERS_MAX, TokenRequest, VALUE_BYTES_MAX, parse_query};

/// What must never reach an Action.
const SECRET_NAMES: [&str; 6] = [
    "password",
    "client_secret",
    "client_assertion",
    "refresh_token",
    "code",
    "code_verifier",
];

/// Any bytes as the body of a token request, in both of its forms, and as its query: what
/// is read is bounded and without secrets, and what isn't is told in a short text.
///
/// # Panics
/// When that doesn't hold.
pub fn token_request(bytes: &[u8]) {
    let bodies = [
        TokenRequest::from_form(bytes).map(|request| request.body),
        TokenRequest::from_json(bytes).map(|request| request.body),
        parse_query(&String::from_utf8_lossy(bytes)),
    ];
    for body in bodies {
        let body = match body {
            Ok(body) => body,
            Err(error) => {
                let text = error.to_string();
                assert!(text.len() < 1_000, "{text}");
                assert!(!text.contains('\n'), "{text}");
                continue;
            }
        };
        assert!(body.len() <= PARAMETERS_MAX);
        for (name, value) in &body {
            assert!(
                !SECRET_NAMES.contains(&name.to_ascii_lowercase().as_str()),
                "{name} would be shown to Actions"
            );
            assert!(
                value
                    .as_str()
                    .is_none_or(|text| text.len() <= VALUE_BYTES_MAX)
            );
        }
    }
}
