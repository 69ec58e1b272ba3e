//! What an Action asks the host to do.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::TokenKind;

/// One thing that an Action asked for, in the order of asking.
///
/// Commands are requests: claims still go through the claim policy, and all
/// commands of an Action that fails are discarded.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Put a claim into a token.
    SetClaim(ClaimCommand),
    /// Add a scope to a login's access token.
    AddScope(String),
    /// Remove a scope from a login's access token.
    RemoveScope(String),
    /// Set, or with `null` remove, a key of the user's `app_metadata`.
    SetAppMetadata {
        /// The key.
        key: String,
        /// The value.
        value: Value,
    },
    /// Set, or with `null` remove, a key of the user's `user_metadata`.
    SetUserMetadata {
        /// The key.
        key: String,
        /// The value.
        value: Value,
    },
    /// Set, or with `null` remove, a key of the transaction's metadata.
    SetTransactionMetadata {
        /// The key.
        key: String,
        /// A string, number or boolean.
        value: Value,
    },
    /// Replace the scopes of an exchange's access token.
    SetTargetScopes(Vec<String>),
    /// Store a text in the cache.
    CacheSet {
        /// The key.
        key: String,
        /// The text.
        value: String,
        /// When it ends, in milliseconds since 1970.
        expires_at_ms: u64,
    },
    /// Remove a text from the cache.
    CacheDelete {
        /// The key.
        key: String,
    },
}

/// A request to put a claim into a token.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimCommand {
    /// Which token.
    pub token: TokenKind,
    /// The claim's name, as the guest wrote it.
    pub name: String,
    /// The claim's value; `None` when what the guest wrote was not JSON.
    pub value: Option<Value>,
}

/// An Action's refusal of the login or exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denial {
    /// The OAuth error that the client gets.
    pub code: DenialCode,
    /// The reason, for the client; at most 1,024 characters.
    pub reason: String,
}

/// The OAuth error of a denial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DenialCode {
    /// A login was denied.
    AccessDenied,
    /// An exchange was denied: the scope is not to be had.
    InvalidScope,
    /// An exchange was denied: the request is wrong.
    InvalidRequest,
    /// An exchange was denied: not now, through no fault of the client.
    ServerError,
}
