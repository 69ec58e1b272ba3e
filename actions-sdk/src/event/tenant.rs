use crate::host::{Host, read};

/// The tenant whose Action this is.
#[derive(Debug, Clone, Copy)]
pub struct Tenant<'e>(pub(crate) &'e Host);

impl Tenant<'_> {
    /// The tenant's name.
    #[must_use]
    pub fn id(&self) -> String {
        read!(self.0, event_tenant::id, "/tenant/id")
    }
}
