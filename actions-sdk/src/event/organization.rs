use crate::host::{Host, read};

/// The organization that the request names.
#[derive(Debug, Clone)]
pub struct Organization<'e> {
    host: &'e Host,
    id: String,
}

impl<'e> Organization<'e> {
    /// `None` when the request names no organization.
    pub(crate) fn of_event(host: &'e Host) -> Option<Self> {
        let id: Option<String> = read!(host, event_organization::id, "/organization/id");
        Some(Self { host, id: id? })
    }

    /// The identifier, such as `org_9ybsU1dN2dKfDkBi`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The unique name.
    #[must_use]
    pub fn name(&self) -> String {
        let name: Option<String> = read!(self.host, event_organization::name, "/organization/name");
        name.unwrap_or_default()
    }

    /// The name for people.
    #[must_use]
    pub fn display_name(&self) -> String {
        let name: Option<String> = read!(
            self.host,
            event_organization::display_name,
            "/organization/display_name"
        );
        name.unwrap_or_default()
    }

    /// One entry of the organization's metadata.
    #[must_use]
    pub fn metadata(&self, key: &str) -> Option<String> {
        read!(self.host, text event_organization::metadata(key), "/organization/metadata")
    }

    /// The keys of the organization's metadata, in alphabetical order.
    #[must_use]
    pub fn metadata_keys(&self) -> Vec<String> {
        read!(self.host, keys event_organization::metadata_keys, "/organization/metadata")
    }
}
