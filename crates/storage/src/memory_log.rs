//! Execution records in memory, for tests.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use claimsmith_model::{ExecutionId, ExecutionRecord, TenantId};

use crate::{ExecutionLog, ExecutionLogFigures, StorageError};

/// How many records it keeps unless told otherwise: more than any test looks at.
const RECORDS_MAX: usize = 4_096;

/// The last execution records, in memory. When it is full, a new record takes the
/// place of the oldest, which counts as dropped.
#[derive(Debug)]
pub struct MemoryExecutionLog {
    records_max: usize,
    records: Mutex<VecDeque<(TenantId, Arc<ExecutionRecord>)>>,
    dropped: AtomicU64,
}

impl MemoryExecutionLog {
    /// An empty log of the last 4,096 records.
    #[must_use]
    pub fn new() -> Self {
        Self::with_records_max(RECORDS_MAX)
    }

    /// An empty log of the last `records_max` records.
    #[must_use]
    pub fn with_records_max(records_max: usize) -> Self {
        Self {
            records_max,
            records: Mutex::default(),
            dropped: AtomicU64::new(0),
        }
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
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.push_back((tenant.clone(), record));
        while records.len() > self.records_max {
            records.pop_front();
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn execution(
        &self,
        tenant: &TenantId,
        id: &ExecutionId,
    ) -> Result<Option<Arc<ExecutionRecord>>, StorageError> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let found = records
            .iter()
            .find(|(of, record)| of == tenant && record.id == *id);
        Ok(found.map(|(_, record)| Arc::clone(record)))
    }

    async fn remove_tenant(&self, tenant: &TenantId) -> Result<(), StorageError> {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.retain(|(of, _)| of != tenant);
        Ok(())
    }

    fn figures(&self) -> ExecutionLogFigures {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let dropped = self.dropped.load(Ordering::Relaxed);
        ExecutionLogFigures {
            written: dropped + records.len() as u64,
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
        let log = MemoryExecutionLog::with_records_max(2);
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
