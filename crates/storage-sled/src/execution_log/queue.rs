//! Entries between being taken and being written.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use claimsmith_model::{
    ActionId, Clock, ExecutionId, ExecutionRecord, LogClass, TenantEvent, TenantId,
};
use claimsmith_storage::{ExecutionLogFigures, LogEntry, LogPart, Logged, has_run};
use tokio::sync::{oneshot, watch};

use super::{ExecutionLogLimits, Result, writer::Writer};

/// What a crash may take is what was written since the last flush, and what was
/// queued: well under a second.
const FLUSH_EVERY: Duration = Duration::from_millis(500);

/// How often it is tried whether entries can be written again.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// How many entries are written at once.
const GROUP_MAX: usize = 256;

/// How long the first entry of a group waits for others. Waking the writing thread
/// for each record cost the request that made it more than writing it cost the thread.
const LINGER: Duration = Duration::from_millis(100);

/// What the writing thread is told.
#[derive(Debug)]
enum Message {
    /// Write an entry.
    Entry(Queued),
    /// Delete a tenant's entries; those before this message are written by then.
    RemoveTenant(TenantId, oneshot::Sender<Result<()>>),
}

/// An entry with its place in the queue.
#[derive(Debug, Clone)]
pub(super) struct Queued {
    pub(super) tenant: TenantId,
    pub(super) position: u64,
    pub(super) what: Logged,
    /// What it weighs, see [`rough_bytes`].
    pub(super) bytes: usize,
}

/// The entries that are not written yet, bounded in number and bytes.
#[derive(Debug)]
pub(super) struct Queue {
    limits: ExecutionLogLimits,
    clock: Arc<dyn Clock>,
    waiting: Mutex<Waiting>,
    /// Tells the writing thread that there is something to do now.
    ready: Condvar,
    /// Tells those who follow the log up to where it is written.
    written_to: watch::Sender<u64>,
    written: AtomicU64,
    dropped: AtomicU64,
    /// Whether entries were lost since the last flush.
    lost: AtomicBool,
    /// Whether the last flush failed, or entries were lost before it.
    failed: AtomicBool,
}

#[derive(Debug, Default)]
struct Waiting {
    messages: VecDeque<Message>,
    /// The entries among the messages, and those that are being written, in order.
    unwritten: VecDeque<Queued>,
    bytes: usize,
    /// The position of the entry that was taken last.
    position: u64,
    /// The thread has nothing to do, and sleeps until it is told.
    is_idle: bool,
    /// Somebody waits for the messages to be worked off, so no entry waits for others.
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
    /// An empty queue. `position` is the last that was given before.
    pub(super) fn new(limits: ExecutionLogLimits, clock: Arc<dyn Clock>, position: u64) -> Self {
        Self {
            limits,
            clock,
            waiting: Mutex::new(Waiting {
                position,
                ..Waiting::default()
            }),
            ready: Condvar::new(),
            written_to: watch::Sender::new(position),
            written: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            lost: AtomicBool::new(false),
            failed: AtomicBool::new(false),
        }
    }

    /// Takes an entry, which can be found from now on; or drops and counts it.
    pub(super) fn take(&self, tenant: &TenantId, what: Logged) {
        let bytes = rough_bytes(&what);
        // Anybody can cause those: they must not keep out what tokens leave.
        let part = match what.class() {
            LogClass::Requests => 2,
            LogClass::Executions | LogClass::Changes => 1,
        };
        let now = super::position_of(self.clock.now());
        let mut waiting = self.lock();
        if waiting.is_closed
            || waiting.unwritten.len() >= self.limits.queued_records_max / part
            || waiting.bytes.saturating_add(bytes) > self.limits.queued_bytes_max / part
        {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        waiting.bytes += bytes;
        waiting.position = now.max(waiting.position + 1);
        let queued = Queued {
            tenant: tenant.clone(),
            position: waiting.position,
            what,
            bytes,
        };
        waiting.unwritten.push_back(queued.clone());
        waiting.messages.push_back(Message::Entry(queued));
        if waiting.is_idle || waiting.messages.len() == GROUP_MAX {
            self.wake(waiting);
        }
    }

    /// Asks for the removal of a tenant's entries. The receiver fails when the thread
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
        let waiting = self.lock();
        let mut of_tenant = waiting.unwritten.iter().rev();
        of_tenant
            .find_map(|queued| {
                queued
                    .what
                    .execution(id)
                    .filter(|_| queued.tenant == *tenant)
            })
            .cloned()
    }

    /// The records before a position in which an Action ran.
    pub(super) fn executions_of(
        &self,
        tenant: &TenantId,
        action: &ActionId,
        before: u64,
    ) -> Vec<(u64, Arc<ExecutionRecord>)> {
        let waiting = self.lock();
        let of_tenant = waiting.unwritten.iter().filter(|it| it.tenant == *tenant);
        let of_tenant = of_tenant.filter(|it| it.position < before);
        let of_action = of_tenant.filter_map(|queued| match &queued.what {
            Logged::Execution(record) if has_run(record, action) => {
                Some((queued.position, Arc::clone(record)))
            }
            _ => None,
        });
        of_action.collect()
    }

    /// Those of the entries asked for that are here, and the position up to which there
    /// are none but these and those in the database.
    pub(super) fn entries(&self, tenant: &TenantId, part: &LogPart) -> (Vec<LogEntry>, u64) {
        let waiting = self.lock();
        let asked_for = waiting.unwritten.iter().filter(|queued| {
            queued.tenant == *tenant
                && part.order.includes(queued.position)
                && part.classes.contains(&queued.what.class())
        });
        let entries = asked_for.map(|queued| LogEntry {
            position: queued.position,
            what: queued.what.clone(),
        });
        (entries.collect(), waiting.position)
    }

    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.written_to.subscribe()
    }

    /// Lets go of entries that are in the database. They are the first ones.
    fn release(&self, group: &[Queued]) {
        let Some(last) = group.last() else {
            return;
        };
        let mut waiting = self.lock();
        while let Some(first) = waiting.unwritten.front()
            && first.position <= last.position
        {
            waiting.bytes = waiting.bytes.saturating_sub(first.bytes);
            waiting.unwritten.pop_front();
        }
        drop(waiting);
        self.written_to.send_replace(last.position);
    }

    /// Lets go of entries that could not be written, and counts them.
    fn drop_unwritten(&self, group: &[Queued]) {
        self.release(group);
        self.dropped
            .fetch_add(group.len() as u64, Ordering::Relaxed);
    }

    pub(super) fn figures(&self) -> ExecutionLogFigures {
        let (count, bytes) = {
            let waiting = self.lock();
            (waiting.unwritten.len(), waiting.bytes)
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
pub(super) fn run(mut writer: Writer, queue: &Queue) {
    let _closing = ClosesAtEnd(queue);
    let mut flush_at = None;
    loop {
        match queue.next(flush_at) {
            Next::Handle(messages) => {
                handle(&mut writer, queue, messages);
                flush_at.get_or_insert_with(|| Instant::now() + FLUSH_EVERY);
            }
            Next::Flush => {
                let is_written = flush(&mut writer, queue);
                flush_at = (!is_written).then(|| Instant::now() + TRY_AGAIN);
            }
            Next::End => break,
        }
    }
    flush(&mut writer, queue);
}

/// Closes the queue also when the thread panics, so that nobody waits for it in vain.
struct ClosesAtEnd<'a>(&'a Queue);

impl Drop for ClosesAtEnd<'_> {
    fn drop(&mut self) {
        let mut waiting = self.0.lock();
        waiting.is_closed = true;
        let unwritten = std::mem::take(&mut waiting.messages);
        drop(waiting);
        let unwritten: Vec<_> = unwritten.into_iter().filter_map(Message::entry).collect();
        self.0.drop_unwritten(&unwritten);
    }
}

impl Message {
    fn entry(self) -> Option<Queued> {
        match self {
            Self::Entry(queued) => Some(queued),
            Self::RemoveTenant(..) => None,
        }
    }
}

fn handle(writer: &mut Writer, queue: &Queue, messages: Vec<Message>) {
    let mut group = Vec::with_capacity(messages.len());
    for message in messages {
        match message {
            Message::Entry(queued) => group.push(queued),
            Message::RemoveTenant(tenant, answer) => {
                write(writer, queue, &std::mem::take(&mut group));
                let removed = writer.remove_tenant(&tenant);
                // A caller that has gone away doesn't hear it.
                let _ = answer.send(removed);
            }
        }
    }
    write(writer, queue, &group);
}

fn write(writer: &mut Writer, queue: &Queue, group: &[Queued]) {
    if group.is_empty() {
        return;
    }
    match writer.write(group) {
        Ok(()) => {
            queue.release(group);
            queue
                .written
                .fetch_add(group.len() as u64, Ordering::Relaxed);
        }
        Err(error) => {
            // Once: a full disk stays full.
            if !queue.lost.swap(true, Ordering::Relaxed) && !queue.failed.load(Ordering::Relaxed) {
                tracing::error!(%error, records = group.len(), "execution records were lost");
            }
            queue.drop_unwritten(group);
        }
    }
}

/// Whether all could be written since the last time, and is on the disk.
fn flush(writer: &mut Writer, queue: &Queue) -> bool {
    let flushed = writer.flush();
    let lost = queue.lost.swap(false, Ordering::Relaxed);
    let has_failed = lost || flushed.is_err();
    let had_failed = queue.failed.swap(has_failed, Ordering::Relaxed);
    // Once: a full disk stays full.
    if let Err(error) = flushed
        && !had_failed
    {
        tracing::error!(%error, "execution records may be lost in a crash");
    }
    !has_failed
}

/// How much an entry weighs in memory, near enough for a bound.
fn rough_bytes(what: &Logged) -> usize {
    match what {
        Logged::Execution(record) => bytes_of_record(record),
        Logged::Event(event) => bytes_of_event(event),
    }
}

/// Log lines and claims are what can be large.
fn bytes_of_record(record: &ExecutionRecord) -> usize {
    const RECORD: usize = 1_024;
    const LINE: usize = 64;
    const CLAIM: usize = 1_024;
    let scripts = record.script.iter();
    let logs: usize = record
        .runs
        .iter()
        .flat_map(|run| &run.logs)
        .chain(scripts.clone().flat_map(|script| &script.logs))
        .map(|line| LINE + line.message.len())
        .sum();
    let claims = record.admitted.len() + record.refused.len() + record.warnings.len();
    let commands: usize = record
        .runs
        .iter()
        .map(|run| run.refused_commands.len())
        .chain(scripts.map(|script| script.refused_commands.len()))
        .sum();
    RECORD * (1 + record.runs.len()) + logs + CLAIM * (claims + commands)
}

/// Every text of an event is bounded.
fn bytes_of_event(event: &TenantEvent) -> usize {
    const EVENT: usize = 2_048;
    const DETAIL: usize = 512;
    EVENT + event.description.len() + DETAIL * event.details.len()
}
