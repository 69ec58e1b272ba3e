//! Tokens and how they are signed.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ClientId, RefreshGrantId, Timestamp, UserId};

/// Which of the two tokens of an answer.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, JsonSchema, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum TokenKind {
    /// The access token (RFC 6749 section 1.4).
    AccessToken,
    /// The ID token (OpenID Connect Core section 2).
    IdToken,
}

impl fmt::Display for TokenKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AccessToken => "access token",
            Self::IdToken => "ID token",
        })
    }
}

/// How a token is signed: an `alg` of RFC 7518 section 3.1 or RFC 8037 section 3.1.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Default,
    JsonSchema,
    Serialize,
    Deserialize,
)]
pub enum SigningAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256; what every library verifies.
    #[default]
    RS256,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// Ed25519.
    EdDSA,
    /// HMAC with SHA-256 and a resource server's own secret.
    HS256,
}

impl SigningAlgorithm {
    /// Those that sign with a key pair.
    pub const ASYMMETRIC: [Self; 3] = [Self::RS256, Self::ES256, Self::EdDSA];

    /// The `alg` value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::ES256 => "ES256",
            Self::EdDSA => "EdDSA",
            Self::HS256 => "HS256",
        }
    }
}

/// Lifetime of an opaque access token in seconds: a day, as in the reference product.
pub const OPAQUE_TOKEN_LIFETIME_S: u32 = 86_400;

/// What the server remembers of an opaque access token, under the token's SHA-256. What it
/// rests on is looked at when it is used, so that nobody has to look for the tokens when
/// that ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpaqueToken {
    /// The user that it speaks for.
    pub user_id: UserId,
    /// The client that it was issued to.
    pub client_id: ClientId,
    /// The scopes it has.
    pub scope: Vec<String>,
    /// When it stops being valid.
    pub expires_at: Timestamp,
    /// How many times the user's logins had been ended when this one was proven: it is
    /// worth nothing once they were ended again.
    #[serde(default)]
    pub logins_ended: u32,
    /// The grant of the refresh token that came with it, or that it was given for: it is
    /// worth nothing without it.
    #[serde(default)]
    pub refresh_grant: Option<RefreshGrantId>,
    /// Whether it is good only as long as the user's consent stands.
    #[serde(default)]
    pub rests_on_consent: bool,
}
