//! Following a tenant's log as it grows.

use std::time::Duration;

use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::timeout,
};

use super::{
    entries::{LogId, TenantLogEntry},
    read::{list_after, newest},
};
use crate::{ServiceError, management::TenantAdmin};

/// How many entries come at once.
const TAKEN_AT_ONCE_MAX: usize = 100;
/// How long to wait for an entry before saying that there is none.
const PATIENCE: Duration = Duration::from_secs(1);
/// How many may follow one tenant's log at once: each holds a connection.
pub(crate) const FOLLOWERS_MAX: usize = 10;

/// Follows a tenant's log from some entry on.
#[derive(Debug)]
pub struct Follower {
    admin: TenantAdmin,
    changes: watch::Receiver<u64>,
    after: LogId,
    _place: OwnedSemaphorePermit,
}

impl Follower {
    /// Follows the log from after an entry on, or from now on.
    ///
    /// # Errors
    /// `TooMany` when ten do so already; when the log can't be read.
    pub async fn start(admin: &TenantAdmin, after: Option<LogId>) -> Result<Self, ServiceError> {
        let place = admin.tenant().followers().try_acquire_owned();
        let place = place.map_err(|_| {
            ServiceError::TooMany(format!(
                "{FOLLOWERS_MAX} follow this tenant's log already; end one of them"
            ))
        })?;
        let after = match after {
            Some(after) => after,
            None => newest(admin).await?,
        };
        Ok(Self {
            admin: admin.clone(),
            changes: admin.environment().executions.changes(),
            after,
            _place: place,
        })
    }

    /// The next entries, in their order. None for a second are an empty list, and the end
    /// comes when nothing is logged any more.
    ///
    /// # Errors
    /// When the log can't be read.
    pub async fn next(&mut self) -> Result<Option<Vec<TenantLogEntry>>, ServiceError> {
        loop {
            // What comes while they are read is news.
            self.changes.mark_unchanged();
            let entries = list_after(&self.admin, Some(self.after), TAKEN_AT_ONCE_MAX).await?;
            if let Some(last) = entries.last() {
                self.after = last.log_id;
                return Ok(Some(entries));
            }
            match timeout(PATIENCE, self.changes.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Ok(None),
                Err(_) => return Ok(Some(Vec::new())),
            }
        }
    }
}
