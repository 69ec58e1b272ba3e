//! Records between being taken and being written.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
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
const GROUP_MAX: usize = 256;

/// How long the first record of a group waits for others. Waking the writing thread
/// for each record cost the request that made it more than writing it cost the thread.
const LINGER: Duration = Duration::from_millis(100);

/// What the writing thread is told.
#[derive(Debug)]
enum Message {
    /// Write a record.
    Record(Queued),
    /// Delete a tenant's records; those before this message are written by then.
    RemoveTenant(TenantId, oneshot::Sender<Result<()>>),
}

/// A record with its place in the queue.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) tenant: TenantId,
    pub(super) record: Arc<ExecutionRecord>,
    /// What it weighs, see [`rough_bytes`].
    pub(super) bytes: usize,
}

/// The records that are not written yet, bounded in number and bytes.
#[derive(Debug)]
pub(super) struct Queue {
    limits: ExecutionLogLimits,
    waiting: Mutex<Waiting>,
    /// Tells the writing thread that there is something to do now.
    ready: Condvar,
    written: AtomicU64,
    dropped: AtomicU64,
    /// Whether records were lost since the last flush.
    lost: AtomicBool,
    /// Whether the last flush failed, or records were lost before it.
    failed: AtomicBool,
}

#[derive(Debug, Default)]
struct Waiting {
    messages: VecDeque<Message>,
    /// The records among the messages, and those that are being written.
    records: HashMap<(TenantId, ExecutionId), Arc<ExecutionRecord>>,
    count: usize,
    bytes: usize,
    /// The thread has nothing to do, and sleeps until it is told.
    is_idle: bool,
    /// Somebody waits for the messages to be worked off, so no record waits for others.
    is_urgent: bool,
    /// Nothing comes any more, or nobody takes it.
    is_closed: bool,
}

/// What the writing thread is to do next.
enum Next {
    Handle(Vec<Message>),
    Flush,
    End,
}

impl Queue {
    pub(super) fn new(limits: ExecutionLogLimits) -> Self {
        Self {
            limits,
            waiting: Mutex::default(),
            ready: Condvar::new(),
            written: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            lost: AtomicBool::new(false),
            failed: AtomicBool::new(false),
        }
    }

    /// Takes a record, which can be found from now on; or drops and counts it.
    pub(super) fn take(&self, tenant: &TenantId, record: Arc<ExecutionRecord>) {
        let bytes = rough_bytes(&record);
        let mut waiting = self.lock();
        if waiting.is_closed
            || waiting.count >= self.limits.queued_records_max
            || waiting.bytes.saturating_add(bytes) > self.limits.queued_bytes_max
        {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        waiting.count += 1;
        waiting.bytes += bytes;
        let key = (tenant.clone(), record.id.clone());
        waiting.records.insert(key, Arc::clone(&record));
        waiting.messages.push_back(Message::Record(Queued {
            tenant: tenant.clone(),
            record,
            bytes,
        }));
        if waiting.is_idle || waiting.messages.len() == GROUP_MAX {
            self.wake(waiting);
        }
    }

    /// Asks for the removal of a tenant's records. The receiver fails when the thread
    /// has ended.
    pub(super) fn remove_tenant(&self, tenant: TenantId) -> oneshot::Receiver<Result<()>> {
        let (answer, answered) = oneshot::channel();
        let mut waiting = self.lock();
        if !waiting.is_closed {
            let message = Message::RemoveTenant(tenant, answer);
            waiting.messages.push_back(message);
            waiting.is_urgent = true;
            self.wake(waiting);
        }
        answered
    }

    /// Takes nothing more. The thread ends once it has done what waits.
    pub(super) fn close(&self) {
        let mut waiting = self.lock();
        waiting.is_closed = true;
        self.wake(waiting);
    }

    fn wake(&self, mut waiting: MutexGuard<'_, Waiting>) {
        waiting.is_idle = false;
        drop(waiting);
        self.ready.notify_one();
    }

    /// Waits for a whole group, for as much of one as has come in [`LINGER`], or until
    /// it is time to flush.
    fn next(&self, flush_at: Option<Instant>) -> Next {
        let mut waiting = self.lock();
        let mut group_at = None;
        loop {
            let now = Instant::now();
            if waiting.messages.is_empty() {
                waiting.is_urgent = false;
                if waiting.is_closed {
                    return Next::End;
                }
            } else {
                let at = *group_at.get_or_insert(now + LINGER);
                let is_whole = waiting.messages.len() >= GROUP_MAX;
                if is_whole || waiting.is_urgent || waiting.is_closed || at <= now {
                    let count = waiting.messages.len().min(GROUP_MAX);
                    return Next::Handle(waiting.messages.drain(..count).collect());
                }
            }
            if flush_at.is_some_and(|at| at <= now) {
                return Next::Flush;
            }
            waiting.is_idle = waiting.messages.is_empty();
            waiting = match flush_at.into_iter().chain(group_at).min() {
                Some(at) => {
                    let woken = self.ready.wait_timeout(waiting, at - now);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
                None => {
                    let woken = self.ready.wait(waiting);
                    woken.unwrap_or_else(PoisonError::into_inner)
                }
            };
        }
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
    fn drop_unwritten(&self, group: &[Queued]) {
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

/// The writing thread: ends when the queue is closed and empty.
pub(super) fn run(records: &Records, queue: &Queue) {
    let _closing = ClosesAtEnd(queue);
    let mut flush_at = None;
    loop {
        match queue.next(flush_at) {
            Next::Handle(messages) => {
                handle(records, queue, messages);
                flush_at.get_or_insert_with(|| Instant::now() + FLUSH_EVERY);
            }
            Next::Flush => {
                flush(records, queue);
                flush_at = None;
            }
            Next::End => break,
        }
    }
    flush(records, queue);
}

/// Closes the queue also when the thread panics, so that nobody waits for it in vain.
struct ClosesAtEnd<'a>(&'a Queue);

impl Drop for ClosesAtEnd<'_> {
    fn drop(&mut self) {
        let mut waiting = self.0.lock();
        waiting.is_closed = true;
        let unwritten = std::mem::take(&mut waiting.messages);
        drop(waiting);
        let unwritten: Vec<_> = unwritten.into_iter().filter_map(Message::record).collect();
        self.0.drop_unwritten(&unwritten);
    }
}

impl Message {
    fn record(self) -> Option<Queued> {
        match self {
            Self::Record(queued) => Some(queued),
            Self::RemoveTenant(..) => None,
        }
    }
}

fn handle(records: &Records, queue: &Queue, messages: Vec<Message>) {
    let mut group = Vec::with_capacity(messages.len());
    for message in messages {
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
