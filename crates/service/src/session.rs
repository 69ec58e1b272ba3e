//! The secret that a browser's session cookie holds.

use claimsmith_model::Secret;

use crate::{Ids, token::hash::sha256};

/// How many characters it has: 256 bits in base64url.
const CHARS: usize = 43;

/// What a browser proves its session by. Stored is only its SHA-256, the key that
/// `SessionRepository` finds the session by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSecret(Secret);

impl SessionSecret {
    /// A new one: 256 bits of chance.
    #[must_use]
    pub fn generate(ids: &Ids) -> Self {
        Self(Secret::new(ids.token()))
    }

    /// The one that a browser sent; `None` for what can't be one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (text.len() == CHARS && text.bytes().all(is_base64url)).then(|| Self(Secret::new(text)))
    }

    /// The text itself, for the cookie.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The key of the session.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        sha256(self.expose())
    }
}
