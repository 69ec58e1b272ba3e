use serde::de::DeserializeOwned;

use crate::host::{Host, read};

/// The login or exchange under way.
#[derive(Debug, Clone, Copy)]
pub struct Transaction<'e>(pub(crate) &'e Host);

impl Transaction<'_> {
    /// How the login is done: `oauth2-password`, `oauth2-refresh-token`,
    /// `oidc-basic-profile`, …; `None` at `credentials-exchange`.
    #[must_use]
    pub fn protocol(&self) -> Option<String> {
        read!(self.0, event_transaction::protocol, "/transaction/protocol")
    }

    /// The scopes that the request asked for, in its order.
    #[must_use]
    pub fn requested_scopes(&self) -> Vec<String> {
        read!(
            self.0,
            event_transaction::requested_scopes,
            "/transaction/requested_scopes"
        )
    }

    /// The scopes that the access token will have as things stand, with what this
    /// Action and those before it changed.
    #[must_use]
    pub fn target_scopes(&self) -> Vec<String> {
        read!(
            self.0,
            event_transaction::target_scopes,
            "/transaction/target_scopes"
        )
    }

    /// One entry of the transaction's metadata, with what this Action and those
    /// before it set; `None` when there is none, or (logged) when it is not a `T`.
    #[must_use]
    pub fn metadata<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let json =
            read!(self.0, json event_transaction::metadata_json(key), "/transaction/metadata");
        crate::json::decode("event.transaction.metadata", key, json)
    }

    /// The keys of the transaction's metadata, in alphabetical order.
    #[must_use]
    pub fn metadata_keys(&self) -> Vec<String> {
        read!(self.0, keys event_transaction::metadata_keys, "/transaction/metadata")
    }

    /// The identifier that the caller gave this transaction (`correlation_id`).
    #[must_use]
    pub fn correlation_id(&self) -> Option<String> {
        read!(
            self.0,
            event_transaction::correlation_id,
            "/transaction/correlation_id"
        )
    }
}
