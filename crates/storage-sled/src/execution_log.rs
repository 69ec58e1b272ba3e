//! Execution records in a database of their own.

mod queue;
mod records;

use std::{path::Path, sync::Arc, thread::JoinHandle};

use async_trait::async_trait;
use claimsmith_model::{Clock, ExecutionId, ExecutionRecord, TenantId};
use claimsmith_storage::{ExecutionLog, ExecutionLogFigures, MasterKey, StorageError};

use crate::folder::Folder;
use queue::Queue;
use records::Records;

type Result<T> = std::result::Result<T, StorageError>;

/// How much of the records sled keeps in memory. Records are written once and
/// rarely read, so little will do.
const CACHE_BYTES: u64 = 4 * 1024 * 1024;

/// How much an execution log holds.
#[derive(Debug, Clone, Copy)]
pub struct ExecutionLogLimits {
    /// The most bytes of sealed records that are kept; the oldest go first. The
    /// files can take up to about three times that, because sled reclaims space
    /// later than it frees it.
    pub kept_bytes_max: u64,
    /// How long a record is kept, in seconds.
    pub kept_s_max: u32,
    /// The most records that wait to be written; further ones are dropped.
    pub queued_records_max: usize,
    /// The most bytes of records that wait to be written, roughly counted; further
    /// ones are dropped.
    pub queued_bytes_max: usize,
}

impl Default for ExecutionLogLimits {
    /// 256 MiB, which is some hundred thousand ordinary records; ten days, as long
    /// as the reference product keeps them; 4,096 queued records in at most 16 MiB,
    /// which bridges a disk that stands still for a moment.
    fn default() -> Self {
        Self {
            kept_bytes_max: 256 * 1024 * 1024,
            kept_s_max: 10 * 24 * 60 * 60,
            queued_records_max: 4_096,
            queued_bytes_max: 16 * 1024 * 1024,
        }
    }
}

/// Execution records in a folder, sealed, capped, and written in the background.
///
/// Records are written in groups, ten times a second or when a group is full, and flushed
/// twice a second: a crash may take those of the last second, never more, and never damages the others. Dropping it writes what is queued.
#[derive(Debug)]
pub struct SledExecutionLog {
    queue: Arc<Queue>,
    thread: Option<JoinHandle<()>>,
    records: Records,
    _folder: Folder,
}

impl SledExecutionLog {
    /// Opens, or makes, the execution records in the folder `data_dir`.
    ///
    /// # Errors
    /// `InUse` when another process has them open, `WrongMasterKey`, `Corrupt`, or
    /// `Backend`, which names the folder when it can't be written.
    pub async fn open(
        data_dir: &Path,
        master: &MasterKey,
        limits: ExecutionLogLimits,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let path = data_dir.join("executions");
        let master = master.clone();
        tokio::task::spawn_blocking(move || {
            let folder = Folder::claim(path)?;
            let records =
                Records::open(folder.open_database(CACHE_BYTES)?, &master, limits, clock)?;
            let queue = Arc::new(Queue::new(limits));
            let writer = (records.clone(), Arc::clone(&queue));
            let thread = std::thread::Builder::new()
                .name("execution-log".into())
                .spawn(move || queue::run(&writer.0, &writer.1))
                .map_err(|error| {
                    StorageError::Backend(format!("no thread could be made: {error}"))
                })?;
            Ok(Self {
                queue,
                thread: Some(thread),
                records,
                _folder: folder,
            })
        })
        .await
        .map_err(|_| StorageError::Backend("sled could not open its files".into()))?
    }
}

#[async_trait]
impl ExecutionLog for SledExecutionLog {
    fn record(&self, tenant: &TenantId, record: Arc<ExecutionRecord>) {
        self.queue.take(tenant, record);
    }

    async fn execution(
        &self,
        tenant: &TenantId,
        id: &ExecutionId,
    ) -> Result<Option<Arc<ExecutionRecord>>> {
        // The queue first: what leaves it is in the database by then.
        match self.queue.find(tenant, id) {
            Some(record) => Ok(Some(record)),
            None => Ok(self.records.find(tenant, id)?.map(Arc::new)),
        }
    }

    async fn remove_tenant(&self, tenant: &TenantId) -> Result<()> {
        let answered = self.queue.remove_tenant(tenant.clone()).await;
        answered.map_err(|_| StorageError::Backend("the execution log has stopped".into()))?
    }

    fn figures(&self) -> ExecutionLogFigures {
        let figures = self.queue.figures();
        let is_gone = self.thread.as_ref().is_none_or(JoinHandle::is_finished);
        ExecutionLogFigures {
            failed: figures.failed || is_gone,
            ..figures
        }
    }
}

impl Drop for SledExecutionLog {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the writer of execution records panicked");
        }
    }
}
