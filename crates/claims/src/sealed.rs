//! The claims from which a token is signed.

use claimsmith_model::{AdmittedClaim, JsonObject, TokenKind};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::Value;

/// The longest value that a report repeats, in bytes of compact JSON text, so that
/// reports stay small beside tokens of 100 KB.
const REPORTED_VALUE_BYTES_MAX: usize = 1_024;

/// The claims of one token after the authoritative check: the only thing from which a
/// token can be signed. Only [`Ledger::seal`](crate::Ledger::seal) makes one.
///
/// Serialises as one JSON object, the server's claims first, in the order in which
/// the server gave them, then the custom ones by name. No name is in both.
#[derive(Debug, Clone)]
pub struct SealedClaims {
    server: JsonObject,
    custom: JsonObject,
    /// One for each custom claim, in the same order.
    origins: Vec<Origin>,
}

/// Where a custom claim came from.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) action: Box<str>,
    pub(crate) value_bytes: usize,
}

/// An admitted claim, as a ledger or a sealed set holds it.
#[derive(Debug, Clone, Copy)]
pub struct AdmittedRef<'a> {
    /// The claim's name.
    pub name: &'a str,
    /// Its value.
    pub value: &'a Value,
    /// The Action that set it.
    pub action: &'a str,
    pub(crate) value_bytes: usize,
}

impl SealedClaims {
    pub(crate) const fn new(server: JsonObject, custom: JsonObject, origins: Vec<Origin>) -> Self {
        Self {
            server,
            custom,
            origins,
        }
    }

    /// The same claims, and the hashes that tie an ID token to what comes beside it
    /// through the browser (OpenID Connect Core section 3.3.2.11). They can't be known
    /// when the claims are sealed, because the access token is signed then; no Action can
    /// set these two names, in any token.
    #[must_use]
    pub fn with_hashes(mut self, access_token: Option<String>, code: Option<String>) -> Self {
        for (name, hash) in [("at_hash", access_token), ("c_hash", code)] {
            if let Some(hash) = hash {
                self.server.insert(name.to_owned(), Value::String(hash));
            }
        }
        self
    }

    /// The claims that the server wrote.
    #[must_use]
    pub const fn server(&self) -> &JsonObject {
        &self.server
    }

    /// The custom claims.
    #[must_use]
    pub const fn custom(&self) -> &JsonObject {
        &self.custom
    }

    /// The custom claims with the Actions that set them, in alphabetical order.
    pub fn admitted(&self) -> impl Iterator<Item = AdmittedRef<'_>> {
        self.custom
            .iter()
            .zip(&self.origins)
            .map(|((name, value), origin)| AdmittedRef {
                name,
                value,
                action: &origin.action,
                value_bytes: origin.value_bytes,
            })
    }
}

impl AdmittedRef<'_> {
    /// The report's entry for this claim; a value longer than 1,024 bytes of JSON text
    /// is left out.
    #[must_use]
    pub fn record(&self, token: TokenKind) -> AdmittedClaim {
        AdmittedClaim {
            token,
            claim: self.name.to_owned(),
            value: (self.value_bytes <= REPORTED_VALUE_BYTES_MAX).then(|| self.value.clone()),
            action: self.action.to_owned(),
        }
    }
}

impl Serialize for SealedClaims {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(self.server.len() + self.custom.len()))?;
        for (name, value) in self.server.iter().chain(&self.custom) {
            object.serialize_entry(name, value)?;
        }
        object.end()
    }
}
