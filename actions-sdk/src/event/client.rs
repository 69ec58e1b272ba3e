use crate::host::{Host, read};

/// The OAuth client (application) that asked for the token.
#[derive(Debug, Clone, Copy)]
pub struct Client<'e>(pub(crate) &'e Host);

impl Client<'_> {
    /// The `client_id` (RFC 6749 section 2.2).
    #[must_use]
    pub fn client_id(&self) -> String {
        read!(self.0, event_client::client_id, "/client/client_id")
    }

    /// The client's display name.
    #[must_use]
    pub fn name(&self) -> String {
        read!(self.0, event_client::name, "/client/name")
    }

    /// One entry of the client's metadata.
    #[must_use]
    pub fn metadata(&self, key: &str) -> Option<String> {
        read!(self.0, text event_client::metadata(key), "/client/metadata")
    }

    /// The keys of the client's metadata, in alphabetical order.
    #[must_use]
    pub fn metadata_keys(&self) -> Vec<String> {
        read!(self.0, keys event_client::metadata_keys, "/client/metadata")
    }
}
