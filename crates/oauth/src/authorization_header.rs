//! Credentials in the `Authorization` header.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use claimsmith_model::Secret;

use crate::form::decode_component;

/// The longest value of a Basic header in bytes: more than any `client_id` with
/// any secret needs.
const BASIC_BYTES_MAX: usize = 8 * 1024;

/// The longest Bearer token in bytes. A token may hold 100 KB of custom claims,
/// which base64 makes 137 KB; the rest is room for permissions and scopes.
const BEARER_BYTES_MAX: usize = 256 * 1024;

/// Standard base64 from clients that pad and those that don't.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why an `Authorization` header can't be read. No text quotes the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorizationHeaderError {
    /// Another scheme than the expected one.
    #[error("the Authorization header must use the {expected} scheme")]
    WrongScheme {
        /// `Basic` or `Bearer`.
        expected: &'static str,
    },
    /// The value is longer than any credentials.
    #[error("the Authorization header is too long")]
    TooLong,
    /// What follows `Basic` isn't `base64(client_id:client_secret)`.
    #[error("the Basic credentials must be base64 of client_id, a colon and client_secret")]
    MalformedBasic,
    /// A form has more than one token.
    #[error("the parameter access_token appears more than once; send it once")]
    RepeatedBearer,
    /// What follows `Bearer` isn't one token.
    #[error("the Bearer token must be one word of letters, digits and - . _ ~ + /")]
    MalformedBearer,
}

/// A client's identifier and secret from `Authorization: Basic` (RFC 6749
/// section 2.3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BasicCredentials {
    /// The `client_id`; not empty.
    pub client_id: String,
    /// The `client_secret`; may be empty.
    pub client_secret: Secret,
}

impl BasicCredentials {
    /// Reads the value of an `Authorization` header.
    ///
    /// Identifier and secret are form-urlencoded before they are joined; many
    /// clients leave that out, so what can't be decoded is taken as it is. A bare
    /// `+` is a space, as the RFC has it: secrets that the server makes hold none.
    ///
    /// # Errors
    /// When the scheme isn't `Basic`, or what follows isn't base64 of two texts
    /// with a colon between them.
    pub fn parse(header_value: &str) -> Result<Self, AuthorizationHeaderError> {
        let malformed = AuthorizationHeaderError::MalformedBasic;
        let encoded = credentials(header_value, "Basic", BASIC_BYTES_MAX)?;
        let bytes = BASE64.decode(encoded).map_err(|_| malformed)?;
        let text = String::from_utf8(bytes).map_err(|_| malformed)?;
        let (client_id, client_secret) = text.split_once(':').ok_or(malformed)?;
        if client_id.is_empty() {
            return Err(malformed);
        }
        Ok(Self {
            client_id: decoded_or_as_is(client_id),
            client_secret: Secret::new(decoded_or_as_is(client_secret)),
        })
    }
}

/// An access token from `Authorization: Bearer` (RFC 6750 section 2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BearerToken(Secret);

impl BearerToken {
    /// Reads the value of an `Authorization` header.
    ///
    /// # Errors
    /// When the scheme isn't `Bearer`, or what follows isn't one token of the
    /// characters that the RFC allows.
    pub fn parse(header_value: &str) -> Result<Self, AuthorizationHeaderError> {
        Self::of(credentials(header_value, "Bearer", BEARER_BYTES_MAX)?)
    }

    /// Reads the parameter `access_token` of a form (RFC 6750 section 2.2), if there is
    /// one.
    ///
    /// # Errors
    /// When it is there more than once, or isn't one token.
    pub fn from_form(form: &[u8]) -> Result<Option<Self>, AuthorizationHeaderError> {
        let mut found = None;
        for pair in form.split(|byte| *byte == b'&') {
            let Some(value) = pair.strip_prefix(b"access_token=") else {
                continue;
            };
            let malformed = AuthorizationHeaderError::MalformedBearer;
            let token = decode_component(value).map_err(|_| malformed)?;
            if token.len() > BEARER_BYTES_MAX {
                return Err(AuthorizationHeaderError::TooLong);
            }
            if found.replace(Self::of(&token)?).is_some() {
                return Err(AuthorizationHeaderError::RepeatedBearer);
            }
        }
        Ok(found)
    }

    fn of(token: &str) -> Result<Self, AuthorizationHeaderError> {
        let unpadded = token.trim_end_matches('=');
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
        if unpadded.is_empty() || !unpadded.bytes().all(allowed) {
            return Err(AuthorizationHeaderError::MalformedBearer);
        }
        Ok(Self(Secret::new(token)))
    }

    /// The token itself, for the one place that checks it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// What follows the scheme, which is compared without regard to case (RFC 9110
/// section 11.1).
fn credentials<'a>(
    header_value: &'a str,
    scheme: &'static str,
    bytes_max: usize,
) -> Result<&'a str, AuthorizationHeaderError> {
    let wrong_scheme = AuthorizationHeaderError::WrongScheme { expected: scheme };
    let (given, credentials) = header_value.trim().split_once(' ').ok_or(wrong_scheme)?;
    if !given.eq_ignore_ascii_case(scheme) {
        return Err(wrong_scheme);
    }
    let credentials = credentials.trim_start_matches(' ');
    if credentials.len() > bytes_max {
        return Err(AuthorizationHeaderError::TooLong);
    }
    Ok(credentials)
}

fn decoded_or_as_is(text: &str) -> String {
    decode_component(text.as_bytes()).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn basic(pair: &str) -> Result<BasicCredentials, AuthorizationHeaderError> {
        BasicCredentials::parse(&format!("Basic {}", BASE64.encode(pair)))
    }

    #[test]
    fn the_example_of_rfc_6749_is_read() {
        let credentials = BasicCredentials::parse("Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW").unwrap();
        assert_eq!(credentials.client_id, "s6BhdRkqt3");
        assert_eq!(credentials.client_secret.expose(), "gX1fBat3bV");
    }

    #[test]
    fn form_encoded_credentials_are_decoded_and_others_taken_as_they_are() {
        let encoded = basic("id%3A1:a%2Bb%25").unwrap();
        assert_eq!(encoded.client_id, "id:1");
        assert_eq!(encoded.client_secret.expose(), "a+b%");

        let plain = basic("id:100%sure:yes").unwrap();
        assert_eq!(plain.client_id, "id");
        assert_eq!(plain.client_secret.expose(), "100%sure:yes");
    }

    #[test]
    fn the_scheme_is_read_in_any_case_and_padding_may_be_left_out() {
        assert!(BasicCredentials::parse("bAsIc  YTpi").is_ok());
        assert_eq!(
            BasicCredentials::parse("Basic YTo=")
                .unwrap()
                .client_secret
                .expose(),
            ""
        );
        assert_eq!(BasicCredentials::parse("Basic YTo").unwrap().client_id, "a");
        assert_eq!(BearerToken::parse("bearer abc").unwrap().expose(), "abc");
    }

    #[test]
    fn what_is_not_basic_credentials_is_refused() {
        let wrong_scheme = AuthorizationHeaderError::WrongScheme { expected: "Basic" };
        let malformed = AuthorizationHeaderError::MalformedBasic;
        assert_eq!(BasicCredentials::parse("Bearer abc"), Err(wrong_scheme));
        assert_eq!(BasicCredentials::parse("Basic"), Err(wrong_scheme));
        assert_eq!(BasicCredentials::parse(""), Err(wrong_scheme));
        assert_eq!(BasicCredentials::parse("Basic !!!"), Err(malformed));
        assert_eq!(BasicCredentials::parse("Basic YTpi YTpi"), Err(malformed));
        assert_eq!(BasicCredentials::parse("Basic /////w=="), Err(malformed));
        assert_eq!(basic("no-colon"), Err(malformed));
        assert_eq!(basic(":secret"), Err(malformed));
    }

    #[test]
    fn what_is_not_one_bearer_token_is_refused() {
        for header in [
            "Bearer a b",
            "Bearer =",
            "Bearer a=b",
            "Bearer a,b",
            "Bearer é",
        ] {
            assert_eq!(
                BearerToken::parse(header),
                Err(AuthorizationHeaderError::MalformedBearer),
                "{header}"
            );
        }
        assert_eq!(
            BearerToken::parse("Bearer aA0-._~+/==").unwrap().expose(),
            "aA0-._~+/=="
        );
    }

    #[test]
    fn a_form_may_hold_one_bearer_token() {
        let read = |form: &str| BearerToken::from_form(form.as_bytes());
        let token = read("a=b&access_token=abc%2B").unwrap().unwrap();
        assert_eq!(token.expose(), "abc+");
        assert_eq!(read("").unwrap(), None);
        assert_eq!(read("token=abc").unwrap(), None);
        let repeated = Err(AuthorizationHeaderError::RepeatedBearer);
        assert_eq!(read("access_token=a&access_token=a"), repeated);
        for wrong in ["access_token=", "access_token=a+b", "access_token=%ff"] {
            let malformed = Err(AuthorizationHeaderError::MalformedBearer);
            assert_eq!(read(wrong), malformed, "{wrong}");
        }
    }

    #[test]
    fn credentials_are_bounded() {
        let basic =
            |length: usize| BasicCredentials::parse(&format!("Basic {}", "A".repeat(length)));
        assert_eq!(
            basic(BASIC_BYTES_MAX),
            Err(AuthorizationHeaderError::MalformedBasic)
        );
        assert_eq!(
            basic(BASIC_BYTES_MAX + 1),
            Err(AuthorizationHeaderError::TooLong)
        );

        let bearer = |length: usize| BearerToken::parse(&format!("Bearer {}", "a".repeat(length)));
        assert!(bearer(BEARER_BYTES_MAX).is_ok());
        assert_eq!(
            bearer(BEARER_BYTES_MAX + 1),
            Err(AuthorizationHeaderError::TooLong)
        );
    }

    #[test]
    fn debug_shows_no_credentials() {
        let shown = format!(
            "{:?} {:?}",
            basic("id:hunter2"),
            BearerToken::parse("Bearer hunter2")
        );
        assert!(shown.contains("id") && !shown.contains("hunter2"));
    }

    proptest! {
        #[test]
        fn no_header_makes_the_readers_panic(rest in any::<String>()) {
            let _ = BasicCredentials::parse(&format!("Basic {rest}"));
            let _ = BasicCredentials::parse(&format!("Basic {}", BASE64.encode(&rest)));
            let _ = BearerToken::parse(&rest);
        }
    }
}
