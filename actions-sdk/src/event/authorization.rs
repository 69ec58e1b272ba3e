use crate::host::{Host, read};

/// What the user may do.
#[derive(Debug, Clone, Copy)]
pub struct Authorization<'e>(pub(crate) &'e Host);

impl Authorization<'_> {
    /// The names of the user's roles, in alphabetical order; with an organization,
    /// those that the user has in it too.
    #[must_use]
    pub fn roles(&self) -> Vec<String> {
        read!(self.0, event_authorization::roles, "/authorization/roles")
    }

    /// The values of the user's permissions on the API of this request, in
    /// alphabetical order.
    #[must_use]
    pub fn permissions(&self) -> Vec<String> {
        read!(
            self.0,
            event_authorization::permissions,
            "/authorization/permissions"
        )
    }
}
