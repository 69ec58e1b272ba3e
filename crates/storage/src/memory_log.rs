//! Execution records and events in memory, for tests.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use claimsmith_model::{ActionId, ExecutionId, ExecutionRecord, TenantEvent, TenantId};
use tokio::sync::watch;

use crate::{
    ExecutionLog, ExecutionLogFigures, ExecutionPage, LogEntry, LogPart, Logged, StorageError,
    has_run,
};

/// How many entries it keeps unless told otherwise: more than any test looks at.
const ENTRIES_MAX: usize = 4_096;

/// The last execution records and events, in memory. When it is full, a new one takes the
/// place of the oldest, which counts as dropped.
#[derive(Debug)]
pub struct MemoryExecutionLog {
    entries_max: usize,
    entries: Mutex<VecDeque<(TenantId, LogEntry)>>,
    dropped: AtomicU64,
    position: watch::Sender<u64>,
}

impl MemoryExecutionLog {
    /// An empty log of the last 4,096 entries.
    #[must_use]
    pub fn new() -> Self {
        Self::with_entries_max(ENTRIES_MAX)
    }

    /// An empty log of the last `entries_max` entries.
    #[must_use]
    pub fn with_entries_max(entries_max: usize) -> Self {
        Self {
            entries_max,
            entries: Mutex::default(),
            dropped: AtomicU64::new(0),
            position: watch::Sender::new(0),
        }
    }

    fn take(&self, tenant: &TenantId, what: Logged) {
        let mut entries = self.lock();
        let position = *self.position.borrow() + 1;
        entries.push_back((tenant.clone(), LogEntry { position, what }));
        while entries.len() > self.entries_max {
            entries.pop_front();
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        self.position.send_replace(position);
    }

    /// What `choose` answers of each of a tenant's entries.
    fn of_tenant<T>(&self, tenant: &TenantId, choose: impl Fn(&LogEntry) -> Option<T>) -> Vec<T> {
        let entries = self.lock();
        let of_tenant = entries.iter().filter(|(of, _)| of == tenant);
        of_tenant.filter_map(|(_, entry)| choose(entry)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(TenantId, LogEntry)>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryExecutionLog {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl ExecutionLog for MemoryExecutionLog {
    fn record(&self, tenant: &TenantId, record: Arc<ExecutionRecord>) {
        self.take(tenant, Logged::Execution(record));
    }

    fn record_event(&self, tenant: &TenantId, event: Arc<TenantEvent>) {
        self.take(tenant, Logged::Event(event));
    }

    async fn execution(
        &self,
        tenant: &TenantId,
        id: &ExecutionId,
    ) -> Result<Option<Arc<ExecutionRecord>>, StorageError> {
        let found = self.of_tenant(tenant, |entry| entry.what.execution(id).cloned());
        Ok(found.into_iter().next())
    }

    async fn executions_of(
        &self,
        tenant: &TenantId,
        action: &ActionId,
        before: Option<u64>,
        take: usize,
    ) -> Result<ExecutionPage, StorageError> {
        let records = self.of_tenant(tenant, |entry| match &entry.what {
            Logged::Execution(record)
                if has_run(record, action) && before.is_none_or(|end| entry.position < end) =>
            {
                Some((entry.position, Arc::clone(record)))
            }
            _ => None,
        });
        let page = ExecutionPage {
            records,
            next: None,
        };
        Ok(page.arrange(take))
    }

    async fn entries(
        &self,
        tenant: &TenantId,
        part: &LogPart,
    ) -> Result<Vec<LogEntry>, StorageError> {
        let found = self.of_tenant(tenant, |entry| {
            let is_asked_for =
                part.order.includes(entry.position) && part.classes.contains(&entry.what.class());
            is_asked_for.then(|| entry.clone())
        });
        Ok(part.arrange(found))
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.position.subscribe()
    }

    async fn remove_tenant(&self, tenant: &TenantId) -> Result<(), StorageError> {
        self.lock().retain(|(of, _)| of != tenant);
        Ok(())
    }

    fn figures(&self) -> ExecutionLogFigures {
        let kept = self.lock().len() as u64;
        let dropped = self.dropped.load(Ordering::Relaxed);
        ExecutionLogFigures {
            written: dropped + kept,
            dropped,
            ..ExecutionLogFigures::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{execution_log_contract, execution_record};

    #[tokio::test]
    async fn the_memory_log_keeps_the_contract() {
        execution_log_contract(&MemoryExecutionLog::new()).await;
    }

    #[tokio::test]
    async fn a_full_log_drops_the_oldest_and_counts_it() {
        let log = MemoryExecutionLog::with_entries_max(2);
        let tenant: TenantId = "dev".parse().unwrap();
        for id in ["one", "two", "three"] {
            log.record(&tenant, Arc::new(execution_record(id)));
        }
        assert!(
            log.execution(&tenant, &"one".parse().unwrap())
                .await
                .unwrap()
                .is_none()
        );
        assert!(
            log.execution(&tenant, &"three".parse().unwrap())
                .await
                .unwrap()
                .is_some()
        );
        assert_eq!(log.figures().dropped, 1);
    }
}
