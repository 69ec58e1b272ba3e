//! Error codes and the body of an error answer.

use std::fmt;

use serde::{Serialize, Serializer};

/// The longest `error_description` in bytes. Long enough for a sentence that says
/// what to do, and for what an Action gives as its reason.
const DESCRIPTION_BYTES_MAX: usize = 1024;

/// The `error` of an answer that refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// A parameter is missing, repeated or malformed (RFC 6749 section 5.2).
    InvalidRequest,
    /// The client didn't prove who it is (RFC 6749 section 5.2).
    InvalidClient,
    /// The grant is wrong, expired, revoked or another client's; a wrong password,
    /// too (RFC 6749 section 5.2).
    InvalidGrant,
    /// The client may not use this grant (RFC 6749 section 5.2).
    UnauthorizedClient,
    /// The server doesn't know this grant (RFC 6749 section 5.2).
    UnsupportedGrantType,
    /// A scope is unknown, malformed or more than may be had (RFC 6749 section 5.2).
    InvalidScope,
    /// The user, or a rule of the tenant, refused (RFC 6749 section 4.1.2.1).
    AccessDenied,
    /// The server failed (RFC 6749 section 4.1.2.1).
    ServerError,
    /// The server can't answer now (RFC 6749 section 4.1.2.1).
    TemporarilyUnavailable,
    /// There is no such audience, or the client may not have it (RFC 8707 section 2).
    InvalidTarget,
    /// The access token is expired, revoked or malformed (RFC 6750 section 3.1).
    InvalidToken,
    /// The access token lacks a scope (RFC 6750 section 3.1).
    InsufficientScope,
    /// The caller asks too often; the reference product's code.
    TooManyRequests,
    /// A token of this kind can't be revoked (RFC 7009 section 2.2.1).
    UnsupportedTokenType,
    /// Too many logins failed; the reference product's code.
    TooManyAttempts,
    /// The server gives no such response (RFC 6749 section 4.1.2.1).
    UnsupportedResponseType,
    /// The user isn't logged in, and may not be asked (OpenID Connect Core section
    /// 3.1.2.6).
    LoginRequired,
    /// The user hasn't agreed, and may not be asked (OpenID Connect Core section 3.1.2.6).
    ConsentRequired,
    /// The parameter `request` isn't taken (OpenID Connect Core section 3.1.2.6).
    RequestNotSupported,
    /// The parameter `request_uri` isn't taken (OpenID Connect Core section 3.1.2.6).
    RequestUriNotSupported,
    /// The parameter `registration` isn't taken (OpenID Connect Core section 3.1.2.6).
    RegistrationNotSupported,
}

impl ErrorCode {
    /// The code as it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::AccessDenied => "access_denied",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::TooManyRequests => "too_many_requests",
            Self::UnsupportedTokenType => "unsupported_token_type",
            Self::TooManyAttempts => "too_many_attempts",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::LoginRequired => "login_required",
            Self::ConsentRequired => "consent_required",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::RegistrationNotSupported => "registration_not_supported",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The body of an error answer (RFC 6749 section 5.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorBody {
    error: ErrorCode,
    error_description: String,
}

impl ErrorBody {
    /// An error with a text for the client's developer.
    ///
    /// The text is held to at most 1024 bytes of the characters that RFC 6749
    /// section 5.2 allows: printable ASCII without `"` and `\`. Typographic signs
    /// become their plain forms and everything else `?`, so the text can also go
    /// into a quoted header parameter as it is.
    #[must_use]
    pub fn new(error: ErrorCode, error_description: &str) -> Self {
        Self {
            error,
            error_description: plain_text(error_description),
        }
    }

    /// The code.
    #[must_use]
    pub const fn error(&self) -> ErrorCode {
        self.error
    }

    /// The text, without quotes, backslashes and control characters.
    #[must_use]
    pub fn error_description(&self) -> &str {
        &self.error_description
    }
}

/// `text` in the characters of an `error_description`.
pub(crate) fn plain_text(text: &str) -> String {
    let mut plain = String::with_capacity(text.len().min(DESCRIPTION_BYTES_MAX));
    for character in text.chars() {
        let mut own_bytes = [0; 4];
        let replacement = match character {
            '"' | '‘' | '’' | '“' | '”' | '„' | '«' | '»' => "'",
            '\\' => "/",
            '–' | '—' => "-",
            '…' => "...",
            '\n' | '\r' | '\t' | '\u{a0}' => " ",
            ' '..='~' => character.encode_utf8(&mut own_bytes),
            _ => "?",
        };
        if plain.len() + replacement.len() > DESCRIPTION_BYTES_MAX {
            break;
        }
        plain.push_str(replacement);
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_error_body_is_written_as_rfc_6749_says() {
        let body = ErrorBody::new(ErrorCode::InvalidGrant, "wrong email or password");
        assert_eq!(
            serde_json::to_string(&body).unwrap(),
            r#"{"error":"invalid_grant","error_description":"wrong email or password"}"#
        );
    }

    #[test]
    fn a_description_keeps_its_sense_in_plain_characters() {
        let body = ErrorBody::new(ErrorCode::AccessDenied, "it’s \"late\" — come\nback\\é…");
        assert_eq!(body.error_description(), "it's 'late' - come back/?...");
    }

    #[test]
    fn a_description_ends_at_its_limit() {
        let inside = ErrorBody::new(ErrorCode::AccessDenied, &"a".repeat(1024));
        let outside = ErrorBody::new(ErrorCode::AccessDenied, &"a".repeat(1025));
        assert_eq!(inside.error_description().len(), 1024);
        assert_eq!(outside.error_description().len(), 1024);
    }

    proptest! {
        #[test]
        fn a_description_never_holds_a_character_that_rfc_6749_forbids(text in any::<String>()) {
            let body = ErrorBody::new(ErrorCode::AccessDenied, &text);
            let allowed = |byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
            prop_assert!(body.error_description().bytes().all(allowed));
        }
    }
}
