//! Records between being taken and being written.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use claimsmith_model::{ExecutionId, ExecutionRecord, TenantId};
use claimsmith_storage::ExecutionLogFigures;
use tokio::sync::oneshot;

use super::{ExecutionLogLimits, Result, records::Records};

/// What a crash may take is what was written since the last flush, and what was
/// queued: well under a second.
const FLUSH_EVERY: Duration = Duration::from_millis(500);

/// How many records are written at once.
const GROUP_MAX: usize = 64;

/// What the writing thread is told.
#[derive(Debug)]
pub(super) enum Message {
    /// Write a record.
    Record(Queued),
    /// Delete a tenant's records; those before this message are written by then.
    RemoveTenant(TenantId, oneshot::Sender<Result<()>>),
}

/// A record with its place in the queue.
#[derive(Debug, Clone)]
pub(super) struct Queued {
    pub(super) tenant: TenantId,
    pub(super) record: Arc<ExecutionRecord>,
    bytes: usize,
}

/// The records that are not written yet, bounded in number and bytes.
#[derive(Debug)]
pub(super) struct Queue {
    limits: ExecutionLogLimits,
    waiting: Mutex<Waiting>,
    written: AtomicU64,
    dropped: AtomicU64,
    /// Whether records were lost since the last flush.
    lost: AtomicBool,
    /// Whether the last flush failed, or records were lost before it.
    failed: AtomicBool,
}

#[derive(Debug, Default)]
struct Waiting {
    records: HashMap<(TenantId, ExecutionId), Arc<ExecutionRecord>>,
    count: usize,
    bytes: usize,
}

impl Queue {
    pub(super) fn new(limits: ExecutionLogLimits) -> Self {
        Self {
            limits,
            waiting: Mutex::default(),
            written: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            lost: AtomicBool::new(false),
            failed: AtomicBool::new(false),
        }
    }

    /// Takes a record, which can be found from now on; or drops and counts it.
    pub(super) fn take(&self, tenant: &TenantId, record: Arc<ExecutionRecord>) -> Option<Queued> {
        let bytes = rough_bytes(&record);
        let mut waiting = self.lock();
        if waiting.count >= self.limits.queued_records_max
            || waiting.bytes.saturating_add(bytes) > self.limits.queued_bytes_max
        {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        waiting.count += 1;
        waiting.bytes += bytes;
        let key = (tenant.clone(), record.id.clone());
        waiting.records.insert(key, Arc::clone(&record));
        Some(Queued {
            tenant: tenant.clone(),
            record,
            bytes,
        })
    }

    pub(super) fn find(&self, tenant: &TenantId, id: &ExecutionId) -> Option<Arc<ExecutionRecord>> {
        self.lock()
            .records
            .get(&(tenant.clone(), id.clone()))
            .cloned()
    }

    /// Lets go of records that are in the database.
    fn release(&self, group: &[Queued]) {
        let mut waiting = self.lock();
        for queued in group {
            waiting.count = waiting.count.saturating_sub(1);
            waiting.bytes = waiting.bytes.saturating_sub(queued.bytes);
            let key = (queued.tenant.clone(), queued.record.id.clone());
            // Unless another record has come under the same id meanwhile.
            if waiting
                .records
                .get(&key)
                .is_some_and(|found| Arc::ptr_eq(found, &queued.record))
            {
                waiting.records.remove(&key);
            }
        }
    }

    /// Lets go of records that could not be written, and counts them.
    pub(super) fn drop_unwritten(&self, group: &[Queued]) {
        self.release(group);
        self.dropped
            .fetch_add(group.len() as u64, Ordering::Relaxed);
    }

    pub(super) fn figures(&self) -> ExecutionLogFigures {
        let (count, bytes) = {
            let waiting = self.lock();
            (waiting.count, waiting.bytes)
        };
        ExecutionLogFigures {
            queued_records: count as u64,
            queued_bytes: bytes as u64,
            written: self.written.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The writing thread: ends when nobody can send any more.
pub(super) fn run(records: &Records, queue: &Queue, messages: &mpsc::Receiver<Message>) {
    let mut unflushed_since: Option<Instant> = None;
    loop {
        let message = match unflushed_since {
            Some(since) => messages.recv_timeout(FLUSH_EVERY.saturating_sub(since.elapsed())),
            None => messages
                .recv()
                .map_err(|_| mpsc::RecvTimeoutError::Disconnected),
        };
        match message {
            Ok(first) => {
                handle(
                    records,
                    queue,
                    std::iter::once(first).chain(messages.try_iter()),
                );
                unflushed_since.get_or_insert_with(Instant::now);
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
        if unflushed_since.is_some_and(|since| since.elapsed() >= FLUSH_EVERY) {
            flush(records, queue);
            unflushed_since = None;
        }
    }
    flush(records, queue);
}

fn handle(records: &Records, queue: &Queue, messages: impl Iterator<Item = Message>) {
    let mut group = Vec::new();
    for message in messages.take(GROUP_MAX) {
        match message {
            Message::Record(queued) => group.push(queued),
            Message::RemoveTenant(tenant, answer) => {
                write(records, queue, &std::mem::take(&mut group));
                let removed = records
                    .remove_tenant(&tenant)
                    .and_then(|()| records.flush());
                // A caller that has gone away doesn't hear it.
                let _ = answer.send(removed);
            }
        }
    }
    write(records, queue, &group);
}

fn write(records: &Records, queue: &Queue, group: &[Queued]) {
    if group.is_empty() {
        return;
    }
    match records.write(group) {
        Ok(()) => {
            queue.release(group);
            queue
                .written
                .fetch_add(group.len() as u64, Ordering::Relaxed);
        }
        Err(error) => {
            queue.lost.store(true, Ordering::Relaxed);
            tracing::error!(%error, records = group.len(), "execution records were lost");
            queue.drop_unwritten(group);
        }
    }
}

fn flush(records: &Records, queue: &Queue) {
    let flushed = records.flush();
    let lost = queue.lost.swap(false, Ordering::Relaxed);
    queue
        .failed
        .store(lost || flushed.is_err(), Ordering::Relaxed);
    if let Err(error) = flushed {
        tracing::error!(%error, "execution records may be lost in a crash");
    }
}

/// How much a record weighs in memory, near enough for a bound: log lines and
/// claims are what can be large.
fn rough_bytes(record: &ExecutionRecord) -> usize {
    const RECORD: usize = 1_024;
    const LINE: usize = 64;
    const CLAIM: usize = 1_024;
    let logs: usize = record
        .runs
        .iter()
        .flat_map(|run| &run.logs)
        .map(|line| LINE + line.message.len())
        .sum();
    let claims = record.admitted.len() + record.refused.len() + record.warnings.len();
    let commands: usize = record
        .runs
        .iter()
        .map(|run| run.refused_commands.len())
        .sum();
    RECORD * (1 + record.runs.len()) + logs + CLAIM * (claims + commands)
}
