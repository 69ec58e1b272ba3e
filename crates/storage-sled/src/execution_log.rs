//! Execution records and events in a database of their own.

mod place;
mod queue;
mod records;
mod writer;

use std::{path::Path, sync::Arc, thread::JoinHandle};

use async_trait::async_trait;
use claimsmith_model::{
    ActionId, Clock, ExecutionId, ExecutionRecord, LogClass, TenantEvent, TenantId, Timestamp,
};
use claimsmith_storage::{
    ExecutionLog, ExecutionLogFigures, ExecutionPage, LogEntry, LogPart, Logged, MasterKey,
    StorageError,
};
use tokio::sync::watch;

use crate::{folder::Folder, reopenable::Reopenable};
use queue::Queue;
use records::Records;
use writer::Writer;

type Result<T> = std::result::Result<T, StorageError>;

/// How much of the records sled keeps in memory. Records are written once and
/// rarely read, so little will do.
const CACHE_BYTES: u64 = 4 * 1024 * 1024;

/// How much of the disk stays free. More than the tenants' data leaves free: what was
/// logged must not be why nothing else can be stored.
const KEPT_FREE_BYTES: u64 = 64 * 1024 * 1024;

/// How much an execution log holds.
#[derive(Debug, Clone, Copy)]
pub struct ExecutionLogLimits {
    /// How much is kept of execution records.
    pub executions: Retention,
    /// How much is kept of logins and token requests that ran no trigger.
    pub requests: Retention,
    /// How much is kept of what admins changed.
    pub changes: Retention,
    /// The most entries that wait to be written; further ones are dropped.
    pub queued_records_max: usize,
    /// The most bytes of entries that wait to be written, roughly counted; further
    /// ones are dropped.
    pub queued_bytes_max: usize,
}

/// How much is kept of one class of entries; the oldest go first.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// The most bytes of sealed entries. The files can take up to about three times
    /// that, because sled reclaims space later than it frees it.
    pub bytes_max: u64,
    /// How long an entry is kept, in seconds.
    pub s_max: u32,
}

impl ExecutionLogLimits {
    const fn of_class(&self, class: LogClass) -> Retention {
        match class {
            LogClass::Executions => self.executions,
            LogClass::Requests => self.requests,
            LogClass::Changes => self.changes,
        }
    }
}

impl Default for ExecutionLogLimits {
    /// 256 MiB of execution records, which is some hundred thousand ordinary ones, and 64
    /// MiB of each of the others. Ten days, as long as the reference product keeps them;
    /// what admins changed for a year, because that is asked for late. 4,096 queued records
    /// in at most 16 MiB, which bridges a disk that stands still for a moment.
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        const DAY_S: u32 = 24 * 60 * 60;
        let retention = |bytes_max, days| Retention {
            bytes_max,
            s_max: days * DAY_S,
        };
        Self {
            executions: retention(256 * MIB, 10),
            requests: retention(64 * MIB, 10),
            changes: retention(64 * MIB, 365),
            queued_records_max: 4_096,
            queued_bytes_max: 16 * 1024 * 1024,
        }
    }
}

/// The position of an entry that is taken now, unless there is one already: microseconds
/// since 1970.
fn position_of(now: Timestamp) -> u64 {
    u64::try_from(now.as_millis())
        .unwrap_or_default()
        .saturating_mul(1_000)
}

/// Execution records and events in a folder, sealed, capped, and written in the background.
///
/// Entries are written in groups, ten times a second or when a group is full, and flushed
/// twice a second: a crash may take those of the last second, never more, and never damages
/// the others. Dropping it writes what is queued.
#[derive(Debug)]
pub struct SledExecutionLog {
    queue: Arc<Queue>,
    thread: Option<JoinHandle<()>>,
    records: Arc<Reopenable<Records>>,
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
            let open_database = folder.database_opener(CACHE_BYTES);
            let log_clock = Arc::clone(&clock);
            let open = move || {
                let database = open_database()?;
                Records::open(database, &master, limits, Arc::clone(&log_clock))
            };
            let (records, kept, last) = open()?;
            let records = Arc::new(Reopenable::new(records));
            let queue = Arc::new(Queue::new(limits, clock, last));
            let disk = folder.disk(KEPT_FREE_BYTES);
            let writer = Writer::new(Arc::clone(&records), kept, disk, Box::new(open));
            let written = Arc::clone(&queue);
            let thread = std::thread::Builder::new()
                .name("execution-log".into())
                .spawn(move || queue::run(writer, &written))
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
        self.queue.take(tenant, Logged::Execution(record));
    }

    fn record_event(&self, tenant: &TenantId, event: Arc<TenantEvent>) {
        self.queue.take(tenant, Logged::Event(event));
    }

    async fn execution(
        &self,
        tenant: &TenantId,
        id: &ExecutionId,
    ) -> Result<Option<Arc<ExecutionRecord>>> {
        // The queue first: what leaves it is in the database by then.
        match self.queue.find(tenant, id) {
            Some(record) => Ok(Some(record)),
            None => self.records.with(|records| records.find(tenant, id)),
        }
    }

    async fn executions_of(
        &self,
        tenant: &TenantId,
        action: &ActionId,
        before: Option<u64>,
        take: usize,
    ) -> Result<ExecutionPage> {
        let before = before.unwrap_or(u64::MAX);
        // The queue first, here too.
        let queued = self.queue.executions_of(tenant, action, before);
        let records = Arc::clone(&self.records);
        let (tenant, action) = (tenant.clone(), action.clone());
        blocking(move || {
            let mut page =
                records.with(|records| records.executions_of(&tenant, &action, before, take))?;
            page.records.extend(queued);
            Ok(page.arrange(take))
        })
        .await
    }

    async fn entries(&self, tenant: &TenantId, part: &LogPart) -> Result<Vec<LogEntry>> {
        let (mut entries, newest) = self.queue.entries(tenant, part);
        let (records, tenant, part) = (Arc::clone(&self.records), tenant.clone(), part.clone());
        blocking(move || {
            // What came after the look into the queue is left for the next time: were it
            // here, something before it might not be.
            entries.extend(records.with(|records| records.entries(&tenant, &part, newest))?);
            Ok(part.arrange(entries))
        })
        .await
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.queue.changes()
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

/// Runs reads that may be long where blocking is allowed.
async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let read = tokio::task::spawn_blocking(read).await;
    read.map_err(|_| StorageError::Backend("reading was cut off".into()))?
}
