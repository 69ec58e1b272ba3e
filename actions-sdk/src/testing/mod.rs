//! Testing an Action with plain `cargo test`, without wasm.
//!
//! An Action is a function. Give it an event, from JSON in the shape that
//! production shows or from a builder, and an api that records, and look at what
//! it did:
//!
//! ```
//! use actions_sdk::post_login::{Api, Event};
//!
//! fn add_role(event: &Event, api: &mut Api) -> actions_sdk::Result<()> {
//!     if let Some(role) = event.user().app_metadata::<String>("role") {
//!         api.access_token().set_custom_claim("https://example.com/role", role);
//!     }
//!     Ok(())
//! }
//!
//! let event = Event::from_json(r#"{ "user": { "app_metadata": { "role": "editor" } } }"#)?;
//! let mut api = Api::recording(&event);
//! add_role(&event, &mut api)?;
//!
//! let did = api.recorded();
//! assert_eq!(did.access_token_claims["https://example.com/role"], "editor");
//! assert_eq!(did.denial, None);
//! # Ok::<(), actions_sdk::Error>(())
//! ```
//!
//! Time stands still: the request came, and the cache goes by, when the builder's
//! [`received_at_ms`](EventBuilder::received_at_ms) or the member
//! `request.received_at_ms` of the JSON says, else at 2026-01-01T00:00:00Z.
//!
//! The recorder takes every claim: the claim policy is the server's, and
//! `claimsmith action run` applies it on your machine. To see what your Action
//! does when a claim is refused, say so with
//! [`EventBuilder::refuse_claim`]. What a script of a custom database takes is made by a
//! [`ScriptBuilder`]. HTTP calls are answered as the test says; see
//! the module `http` here. Nor does the recorder know the server's limits
//! on sizes, or which scopes a client's grant holds.

mod builder;
pub(crate) mod contract;
mod host;
#[cfg(feature = "http")]
pub mod http;
mod script;

use std::collections::BTreeMap;

use serde_json::Value;

pub use builder::EventBuilder;
pub(crate) use host::{Host, State, write_log};
pub use script::ScriptBuilder;
pub use serde_json::json;

use crate::{Refusal, log::Level};

/// What an Action did to its `Api`.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Recorded {
    /// The refusal of the token, if the Action refused it.
    pub denial: Option<Denial>,
    /// The access token's custom claims, with those of earlier Actions.
    pub access_token_claims: BTreeMap<String, Value>,
    /// The ID token's custom claims, with those of earlier Actions.
    pub id_token_claims: BTreeMap<String, Value>,
    /// The keys of `app_metadata` that the Action set; `null` for one it removed.
    pub app_metadata: BTreeMap<String, Value>,
    /// The keys of `user_metadata` that the Action set; `null` for one it removed.
    pub user_metadata: BTreeMap<String, Value>,
    /// The keys of the transaction's metadata that the Action set; `null` for one
    /// it removed.
    pub transaction_metadata: BTreeMap<String, Value>,
    /// The scopes that the access token has after the Action.
    pub scopes: Vec<String>,
    /// What the cache holds after the Action.
    pub cache: BTreeMap<String, String>,
    /// What was refused, in order.
    pub refusals: Vec<Refusal>,
    /// The HTTP calls that the Action made to hosts that it may call, in order.
    #[cfg(feature = "http")]
    pub http_calls: Vec<http::Call>,
    /// What the Action logged, in order.
    pub logs: Vec<(Level, String)>,
}

/// An Action's refusal of the token.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Denial {
    /// The OAuth error that the client gets; `access_denied` at `post-login`.
    pub code: String,
    /// The reason that the client gets.
    pub reason: Option<String>,
}
