use crate::host::{Host, call};

/// The secrets that were stored with this Action.
#[derive(Debug, Clone, Copy)]
pub struct Secrets<'e>(pub(crate) &'e Host);

impl Secrets<'_> {
    /// The secret of that name; `None` when the Action has no such secret.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        call!(self.0, secrets::get(name))
    }
}
