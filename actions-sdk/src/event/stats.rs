use crate::host::{Host, read};

/// Figures about the user.
#[derive(Debug, Clone, Copy)]
pub struct Stats<'e>(pub(crate) &'e Host);

impl Stats<'_> {
    /// How many times the user has logged in, this login included.
    #[must_use]
    pub fn logins_count(&self) -> u64 {
        read!(self.0, event_stats::logins_count, "/stats/logins_count")
    }
}
