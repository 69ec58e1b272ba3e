use crate::host::{Host, read};

/// The API that the access token is for.
#[derive(Debug, Clone, Default)]
pub struct ResourceServer {
    identifier: String,
}

impl ResourceServer {
    /// `None` at a login that asked for no audience.
    pub(crate) fn of_event(host: &Host) -> Option<Self> {
        let identifier: Option<String> = read!(
            host,
            event_resource_server::identifier,
            "/resource_server/identifier"
        );
        Some(Self {
            identifier: identifier?,
        })
    }

    /// Its identifier, which becomes the token's `aud`.
    #[must_use]
    pub fn identifier(&self) -> &str {
        &self.identifier
    }
}
