//! What an Action asks the host to do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Something that an Action asked to have done outside the token and the event, in
/// the order of asking.
///
/// Commands are requests: those of an Action that fails are discarded. Claims are in
/// the claim ledgers, and changes of the transaction in the event.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
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

/// An Action's refusal of the login or exchange.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Denial {
    /// The OAuth error that the client gets.
    pub code: DenialCode,
    /// The reason, for the client; at most 1,024 characters.
    pub reason: String,
}

/// The OAuth error of a denial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
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
