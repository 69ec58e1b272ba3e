use crate::host::{Host, read};

/// The connection (source of users) through which the user logs in.
#[derive(Debug, Clone, Copy)]
pub struct Connection<'e>(pub(crate) &'e Host);

impl Connection<'_> {
    /// The identifier, such as `con_fpe5kj482KO1eOzQ`.
    #[must_use]
    pub fn id(&self) -> String {
        read!(self.0, event_connection::id, "/connection/id")
    }

    /// The unique name, as used for `realm`.
    #[must_use]
    pub fn name(&self) -> String {
        read!(self.0, event_connection::name, "/connection/name")
    }

    /// The kind of connection; `auth0` for the tenant's own database.
    #[must_use]
    pub fn strategy(&self) -> String {
        read!(self.0, event_connection::strategy, "/connection/strategy")
    }

    /// One entry of the connection's metadata.
    #[must_use]
    pub fn metadata(&self, key: &str) -> Option<String> {
        read!(self.0, text event_connection::metadata(key), "/connection/metadata")
    }

    /// The keys of the connection's metadata, in alphabetical order.
    #[must_use]
    pub fn metadata_keys(&self) -> Vec<String> {
        read!(self.0, keys event_connection::metadata_keys, "/connection/metadata")
    }
}
