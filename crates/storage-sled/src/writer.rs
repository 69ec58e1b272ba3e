//! The one thread that writes.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Instant,
};

use claimsmith_model::Histogram;
use claimsmith_storage::{StorageError, StorageFigures, kv::Change};
use tokio::sync::{mpsc, oneshot};

use crate::{database::SledDatabase, group::Group};

type Result<T> = std::result::Result<T, StorageError>;

/// How many changes may wait before callers wait for a place.
const QUEUE_MAX: usize = 1_024;

/// How many changes share one flush at most: with some microseconds each, the
/// first waits some milliseconds for the last.
const GROUP_MAX: usize = 256;

/// How many writes are in a batch of sled's before the next changes begin another one.
/// Nobody reads while sled stores a batch, which takes some microseconds for each write.
const BATCH_WRITES: usize = 64;

/// Bounds of the sizes of groups: powers of two up to [`GROUP_MAX`].
const GROUP_SIZES: [u64; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/// Bounds of the durations of flushes in nanoseconds: from a quarter of a millisecond,
/// as good as a disk gets, to seconds, when logins begin to fail for it.
const FLUSH_NS: [u64; 12] = [
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    1_000_000_000,
    5_000_000_000,
];

/// Runs changes one after another on a thread of its own, and stores and flushes once for
/// all that wait (group commit). Dropping it completes what waits.
///
/// Changes share batches of sled's, because sled begins each batch with a buffer that it
/// syncs by itself.
///
/// sled's own ways to flush are not used: `flush_async` can hang for good when
/// several tasks wait, and many threads that call `flush` hinder each other.
#[derive(Debug)]
pub(crate) struct Writer {
    tickets: Option<mpsc::Sender<Ticket>>,
    thread: Option<JoinHandle<()>>,
    counted: Arc<Counted>,
}

/// What the thread counts.
#[derive(Debug)]
struct Counted {
    failed: AtomicBool,
    group_sizes: Histogram,
    flush_ns: Histogram,
}

struct Ticket {
    change: Change,
    answer: oneshot::Sender<Result<()>>,
}

impl Writer {
    pub(crate) fn start(database: SledDatabase) -> io::Result<Self> {
        let (tickets, waiting) = mpsc::channel(QUEUE_MAX);
        let counted = Arc::new(Counted {
            failed: AtomicBool::new(false),
            group_sizes: Histogram::new(&GROUP_SIZES),
            flush_ns: Histogram::new(&FLUSH_NS),
        });
        let counting = Arc::clone(&counted);
        let thread = std::thread::Builder::new()
            .name("storage-writer".into())
            .spawn(move || run(&database, waiting, &counting))?;
        Ok(Self {
            tickets: Some(tickets),
            thread: Some(thread),
            counted,
        })
    }

    /// What the writer does and bears just now.
    pub(crate) fn figures(&self) -> StorageFigures {
        let tickets = self.tickets.as_ref();
        let queued = tickets.map_or(0, |tickets| tickets.max_capacity() - tickets.capacity());
        StorageFigures {
            queued: queued as u64,
            failed: self.has_failed(),
            group_sizes: self.counted.group_sizes.distribution(),
            flush_ns: self.counted.flush_ns.distribution(),
        }
    }

    /// Whether nothing is written any more: a write has failed, or the thread is gone.
    pub(crate) fn has_failed(&self) -> bool {
        let is_gone = self.tickets.as_ref().is_none_or(mpsc::Sender::is_closed);
        is_gone || self.counted.failed.load(Ordering::Relaxed)
    }

    /// Runs a change; `Ok` means that its writes are on the disk.
    pub(crate) async fn write(&self, change: Change) -> Result<()> {
        let stopped = || StorageError::Backend("the writer has stopped".into());
        let (answer, answered) = oneshot::channel();
        let tickets = self.tickets.as_ref().ok_or_else(stopped)?;
        tickets
            .send(Ticket { change, answer })
            .await
            .map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Without a sender the thread ends once it has done what waits.
        self.tickets = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the storage writer panicked");
        }
    }
}

fn run(database: &SledDatabase, mut receiver: mpsc::Receiver<Ticket>, counted: &Counted) {
    // Set once the disk has failed. What is in memory may then not be what is on
    // the disk, and a later flush that succeeds would prove nothing about it.
    let mut broken: Option<String> = None;
    let mut tickets = Vec::with_capacity(GROUP_MAX);
    while receiver.blocking_recv_many(&mut tickets, GROUP_MAX) > 0 {
        counted.group_sizes.note(tickets.len() as u64);
        let mut group = Group::on(database);
        let mut unflushed = false;
        let mut results = Vec::with_capacity(tickets.len());
        let mut waiting = tickets.drain(..).peekable();
        while let Some(Ticket { change, answer }) = waiting.next() {
            let result = match &broken {
                Some(reason) => Err(StorageError::Backend(reason.clone())),
                None => decide(change, &mut group),
            };
            results.push((answer, result));
            let is_full = group.len() >= BATCH_WRITES || waiting.peek().is_none();
            if is_full && group.len() > 0 {
                unflushed = true;
                if let Err(error) = database.store(group.take()) {
                    broken = Some(broken_by(&error));
                }
            }
        }
        drop(waiting);
        if unflushed && broken.is_none() {
            let began = Instant::now();
            if let Err(error) = database.flush() {
                broken = Some(broken_by(&error));
            }
            counted.flush_ns.note_duration(began.elapsed());
        }
        counted.failed.store(broken.is_some(), Ordering::Relaxed);
        for (answer, result) in results {
            let result = match &broken {
                Some(reason) => Err(StorageError::Backend(reason.clone())),
                None => result,
            };
            // A caller that has gone away doesn't hear it.
            let _ = answer.send(result);
        }
    }
}

/// Has the change read what those before it have written, and adds what it writes.
fn decide(change: Change, group: &mut Group<'_, SledDatabase>) -> Result<()> {
    let writes = catch_unwind(AssertUnwindSafe(|| change(group)))
        .unwrap_or_else(|_| Err(StorageError::Backend("a change panicked".into())))?;
    group.add(writes);
    Ok(())
}

fn broken_by(error: &StorageError) -> String {
    tracing::error!(%error, "a write failed; nothing is written until the server is restarted");
    format!("an earlier write failed: {error}; nothing is written until the server is restarted")
}

#[cfg(test)]
mod tests {
    use super::*;
    use claimsmith_storage::kv::{Reader, Writes};
    use tokio::task::JoinSet;

    fn put(key: &'static [u8], value: &'static [u8]) -> Change {
        Box::new(move |_| Ok(Writes::from([(key.to_vec(), Some(value.to_vec()))])))
    }

    fn database() -> (tempfile::TempDir, SledDatabase) {
        let dir = tempfile::tempdir().unwrap();
        let database = SledDatabase::open(&dir.path().join("db"), 1024 * 1024).unwrap();
        (dir, database)
    }

    #[tokio::test]
    async fn a_change_that_panics_writes_nothing_and_later_ones_go_on() {
        let (_dir, database) = database();
        let writer = Writer::start(database.clone()).unwrap();

        let panicked = writer.write(Box::new(|_| panic!("on purpose"))).await;
        let later = writer.write(put(b"key", b"value")).await;

        assert!(matches!(panicked, Err(StorageError::Backend(_))));
        assert!(later.is_ok());
        assert_eq!(database.get(b"key").unwrap().unwrap(), b"value");
    }

    #[tokio::test]
    async fn what_is_written_is_counted_and_a_change_that_fails_is_no_failure_of_the_writer() {
        let (_dir, database) = database();
        let writer = Writer::start(database).unwrap();

        writer.write(put(b"key", b"value")).await.unwrap();
        let refused = writer.write(Box::new(|_| Err(StorageError::Changed))).await;

        assert!(refused.is_err());
        let figures = writer.figures();
        assert!(!figures.failed);
        assert_eq!(figures.queued, 0);
        assert_eq!(figures.group_sizes.sum, 2);
        let flushes: u64 = figures.flush_ns.cells.iter().map(|(_, count)| count).sum();
        assert_eq!(flushes + figures.flush_ns.beyond, 1);
    }

    #[tokio::test]
    async fn a_change_sees_those_before_it() {
        let (_dir, database) = database();
        let writer = Writer::start(database).unwrap();
        let claim = |number: u8| -> Change {
            Box::new(move |reader| match reader.get(b"key")? {
                None => Ok(Writes::from([(b"key".to_vec(), Some(vec![number]))])),
                Some(_) => Err(StorageError::Changed),
            })
        };
        let (one, other) = tokio::join!(writer.write(claim(1)), writer.write(claim(2)));
        assert_eq!(one.is_ok() as u8 + other.is_ok() as u8, 1);
    }

    #[tokio::test]
    async fn changes_that_wait_together_each_see_those_before_them_across_batches() {
        const CHANGES: usize = 2 * BATCH_WRITES + 1;
        let (_dir, database) = database();
        let writer = Arc::new(Writer::start(database.clone()).unwrap());
        // Each writes a key of its own and counts those of all before it.
        let count = |number: usize| -> Change {
            Box::new(move |reader| {
                let before = reader.count(b"key")?;
                let key = format!("key {number}").into_bytes();
                Ok(Writes::from([
                    (key, Some(b"there".to_vec())),
                    (b"last".to_vec(), Some(before.to_string().into_bytes())),
                ]))
            })
        };

        let mut writes = JoinSet::new();
        for number in 0..CHANGES {
            let writer = Arc::clone(&writer);
            writes.spawn(async move { writer.write(count(number)).await });
        }

        assert!(writes.join_all().await.iter().all(Result::is_ok));
        let last = database.get(b"last").unwrap().unwrap();
        assert_eq!(last, (CHANGES - 1).to_string().into_bytes());
    }

    #[tokio::test]
    async fn a_change_takes_place_although_its_caller_went_away() {
        let (_dir, database) = database();
        let writer = Writer::start(database.clone()).unwrap();
        {
            let mut write = Box::pin(writer.write(put(b"key", b"value")));
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            let _ = std::future::Future::poll(write.as_mut(), &mut context);
        }
        drop(writer);
        assert_eq!(database.get(b"key").unwrap().unwrap(), b"value");
    }
}
