//! What is counted of each tenant: enough to see whose load it is.

use std::sync::atomic::{AtomicU64, Ordering};

/// What is counted of one tenant. Three series each: histograms by tenant would be a
/// hundred.
#[derive(Debug, Default)]
pub(crate) struct TenantCounters {
    tokens_issued: AtomicU64,
    tokens_refused: AtomicU64,
    action_time_us: AtomicU64,
}

impl TenantCounters {
    pub(super) fn token_request(&self, is_refused: bool) {
        let counter = if is_refused {
            &self.tokens_refused
        } else {
            &self.tokens_issued
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn actions_ran(&self, wall_time_us: u64) {
        self.action_time_us
            .fetch_add(wall_time_us, Ordering::Relaxed);
    }

    pub(super) fn tokens_issued(&self) -> u64 {
        self.tokens_issued.load(Ordering::Relaxed)
    }

    pub(super) fn tokens_refused(&self) -> u64 {
        self.tokens_refused.load(Ordering::Relaxed)
    }

    pub(super) fn action_time_us(&self) -> u64 {
        self.action_time_us.load(Ordering::Relaxed)
    }
}
