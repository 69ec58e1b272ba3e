//! The one thread that writes.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use claimsmith_model::Histogram;
use claimsmith_storage::{
    StorageError, StorageFigures, Unwritable,
    kv::{Change, Writes},
};
use tokio::sync::{mpsc, oneshot};

use crate::{database::SledDatabase, disk::Disk, group::Group, reopenable::Reopenable};

type Result<T> = std::result::Result<T, StorageError>;

/// How many changes may wait before callers wait for a place.
const QUEUE_MAX: usize = 1_024;

/// How many changes share one flush at most: with some microseconds each, the
/// first waits some milliseconds for the last.
const GROUP_MAX: usize = 256;

/// How often it is tried whether a disk takes writes again.
const TRY_AGAIN: Duration = Duration::from_secs(1);

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
/// A change that the disk wouldn't take is refused before sled hears of it. When a write
/// fails all the same, sled writes nothing more until it is opened anew, which is done here,
/// in place, once the disk takes writes again. What was answered with `Ok` was flushed
/// before, so it is there; what was written since the last flush is written once more, since
/// others have read it and keep it in their caches.
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
    unwritable: Mutex<Option<Unwritable>>,
    group_sizes: Histogram,
    flush_ns: Histogram,
}

struct Ticket {
    change: Change,
    answer: oneshot::Sender<Result<()>>,
}

impl Writer {
    /// Starts it for a database on `disk`, which `open` opens anew.
    pub(crate) fn start(
        database: Arc<Reopenable<SledDatabase>>,
        disk: Disk,
        open: impl Fn() -> Result<SledDatabase> + Send + 'static,
    ) -> io::Result<Self> {
        let (tickets, waiting) = mpsc::channel(QUEUE_MAX);
        let counted = Arc::new(Counted {
            failed: AtomicBool::new(false),
            unwritable: Mutex::default(),
            group_sizes: Histogram::new(&GROUP_SIZES),
            flush_ns: Histogram::new(&FLUSH_NS),
        });
        let worker = Worker {
            database,
            disk,
            open,
            counted: Arc::clone(&counted),
            state: State::Well,
        };
        let thread = std::thread::Builder::new()
            .name("storage-writer".into())
            .spawn(move || worker.run(waiting))?;
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
            unwritable: self.unwritable(),
            group_sizes: self.counted.group_sizes.distribution(),
            flush_ns: self.counted.flush_ns.distribution(),
        }
    }

    /// Whether a write has failed and the database was not opened anew since.
    pub(crate) fn has_failed(&self) -> bool {
        self.is_gone() || self.counted.failed.load(Ordering::Relaxed)
    }

    /// Why nothing is written just now, if so.
    pub(crate) fn unwritable(&self) -> Option<Unwritable> {
        if self.is_gone() {
            return Some(Unwritable::Failing);
        }
        *self.counted.unwritable()
    }

    fn is_gone(&self) -> bool {
        self.tickets.as_ref().is_none_or(mpsc::Sender::is_closed)
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

impl Counted {
    fn unwritable(&self) -> MutexGuard<'_, Option<Unwritable>> {
        self.unwritable
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
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

/// What the thread has.
struct Worker<O> {
    database: Arc<Reopenable<SledDatabase>>,
    disk: Disk,
    open: O,
    counted: Arc<Counted>,
    state: State,
}

/// Whether changes are carried out.
#[derive(Debug)]
enum State {
    Well,
    /// The disk wouldn't take them; the database is as it should be.
    Refusing(Refusal),
    /// A write has failed.
    Broken {
        refusal: Refusal,
        /// What was written since the last flush, in order. It may be on the disk or not,
        /// whole or in part, and was read by others: so it is written again.
        unflushed: Vec<Writes>,
        tried: Instant,
    },
}

/// Why changes are not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Refusal {
    why: Unwritable,
    detail: String,
}

impl<O: Fn() -> Result<SledDatabase>> Worker<O> {
    /// Runs until nobody can send any more.
    fn run(mut self, mut waiting: mpsc::Receiver<Ticket>) {
        let mut tickets = Vec::with_capacity(GROUP_MAX);
        let mut refusal = self.refusal();
        while self.receive(&mut waiting, &mut tickets, refusal.is_some()) {
            refusal = self.refusal();
            self.carry_out(&mut tickets, refusal.as_ref());
        }
    }

    /// Waits for changes; while something is wrong no longer than until it is time to try
    /// again. False when none will come.
    fn receive(
        &self,
        waiting: &mut mpsc::Receiver<Ticket>,
        tickets: &mut Vec<Ticket>,
        is_unwell: bool,
    ) -> bool {
        if !is_unwell {
            return waiting.blocking_recv_many(tickets, GROUP_MAX) > 0;
        }
        let timer = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        match timer {
            Ok(timer) => {
                let received = timer.block_on(async {
                    tokio::time::timeout(TRY_AGAIN, waiting.recv_many(tickets, GROUP_MAX)).await
                });
                received != Ok(0)
            }
            // Without a timer, the next change is the time.
            Err(_) => waiting.blocking_recv_many(tickets, GROUP_MAX) > 0,
        }
    }

    /// Why no change can be carried out now, if so. Puts the database right when it is time.
    fn refusal(&mut self) -> Option<Refusal> {
        let result = match &mut self.state {
            State::Well | State::Refusing(_) => self.disk.look(),
            State::Broken { refusal, tried, .. } if tried.elapsed() < TRY_AGAIN => {
                return Some(refusal.clone());
            }
            State::Broken { tried, .. } => {
                *tried = Instant::now();
                self.put_right()
            }
        };
        match (result, &mut self.state) {
            (Ok(()), State::Well) => {}
            (Ok(()), state) => {
                tracing::info!("changes are stored again");
                *state = State::Well;
            }
            (Err(error), State::Broken { refusal, .. }) => refusal.becomes(&error),
            (Err(error), State::Refusing(refusal)) => refusal.becomes(&error),
            (Err(error), state @ State::Well) => {
                tracing::error!(%error, "no change is stored until the disk takes it");
                *state = State::Refusing(Refusal::of(&error));
            }
        }
        self.tell();
        self.state.refusal().cloned()
    }

    /// Opens the database anew, and writes once more what may not be on the disk.
    fn put_right(&self) -> Result<()> {
        let State::Broken { unflushed, .. } = &self.state else {
            return Ok(());
        };
        let probe = self.disk.probe()?;
        self.database.reopen(|| {
            // Its room is for what opening writes.
            drop(probe);
            let database = (self.open)()?;
            for writes in unflushed {
                database.store(writes)?;
            }
            Ok(database)
        })?;
        self.database.with(SledDatabase::flush)
    }

    /// Runs changes and answers each, when all that they write is on the disk.
    fn carry_out(&mut self, tickets: &mut Vec<Ticket>, refusal: Option<&Refusal>) {
        if tickets.is_empty() {
            return;
        }
        self.counted.group_sizes.note(tickets.len() as u64);
        let mut results = Vec::with_capacity(tickets.len());
        let mut written = Vec::new();
        let mut failed = None;
        let carried_out = self.database.with(|database| {
            let mut group = Group::on(database);
            let mut waiting = tickets.drain(..).peekable();
            while let Some(Ticket { change, answer }) = waiting.next() {
                let result = match refusal.or(failed.as_ref()) {
                    Some(refusal) => Err(refusal.error(false)),
                    None => decide(change, &mut group),
                };
                results.push((answer, result));
                let is_full = group.len() >= BATCH_WRITES || waiting.peek().is_none();
                if is_full && group.len() > 0 {
                    let writes = group.take();
                    let stored = database.store(&writes);
                    written.push(writes);
                    if let Err(error) = stored {
                        failed = Some(Refusal::of(&error));
                    }
                }
            }
            Ok(())
        });
        if let Err(error) = carried_out {
            // There is no database just now, and nothing of the tickets was looked at.
            let refusal = Refusal::of(&error);
            for ticket in tickets.drain(..) {
                results.push((ticket.answer, Err(refusal.error(false))));
            }
        }
        if !written.is_empty() && failed.is_none() {
            let began = Instant::now();
            if let Err(error) = self.database.with(SledDatabase::flush) {
                failed = Some(Refusal::of(&error));
            }
            self.counted.flush_ns.note_duration(began.elapsed());
        }
        let failed = failed.filter(|_| !written.is_empty());
        if let Some(refusal) = &failed {
            tracing::error!(error = %refusal.detail, "a write failed; it is tried again each second");
            self.state = State::Broken {
                refusal: refusal.clone(),
                unflushed: written,
                tried: Instant::now(),
            };
            self.tell();
        }
        for (answer, result) in results {
            let result = match &failed {
                // What wrote nothing has read what others wrote.
                Some(refusal) => result.and_then(|()| Err(refusal.error(true))),
                None => result,
            };
            // A caller that has gone away doesn't hear it.
            let _ = answer.send(result);
        }
    }

    /// Tells others how it is.
    fn tell(&self) {
        let is_broken = matches!(self.state, State::Broken { .. });
        self.counted.failed.store(is_broken, Ordering::Relaxed);
        *self.counted.unwritable() = self.state.refusal().map(|refusal| refusal.why);
    }
}

/// Has the change read what those before it have written, and adds what it writes.
fn decide(change: Change, group: &mut Group<'_, SledDatabase>) -> Result<()> {
    let writes = catch_unwind(AssertUnwindSafe(|| change(group)))
        .unwrap_or_else(|_| Err(StorageError::Backend("a change panicked".into())))?;
    group.add(writes);
    Ok(())
}

impl State {
    const fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Well => None,
            Self::Refusing(refusal) | Self::Broken { refusal, .. } => Some(refusal),
        }
    }
}

impl Refusal {
    fn of(error: &StorageError) -> Self {
        let (why, detail) = match error {
            StorageError::Unwritable { why, detail, .. } => (*why, detail.clone()),
            error => (Unwritable::Failing, error.to_string()),
        };
        Self { why, detail }
    }

    /// Takes over what is said now, and logs it when that is something else.
    fn becomes(&mut self, error: &StorageError) {
        let refusal = Self::of(error);
        if refusal.why != self.why {
            tracing::error!(%error, "still no change is stored");
        }
        *self = refusal;
    }

    fn error(&self, may_be_stored: bool) -> StorageError {
        StorageError::Unwritable {
            why: self.why,
            may_be_stored,
            detail: self.detail.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use claimsmith_storage::kv::Reader;
    use tokio::task::JoinSet;

    use crate::folder::Folder;

    fn put(key: &'static [u8], value: &'static [u8]) -> Change {
        Box::new(move |_| Ok(Writes::from([(key.to_vec(), Some(value.to_vec()))])))
    }

    /// A database with its writer, in a folder.
    struct World {
        writer: Writer,
        database: Arc<Reopenable<SledDatabase>>,
        folder: Folder,
        _dir: tempfile::TempDir,
    }

    fn world() -> World {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::claim(dir.path().join("data")).unwrap();
        let open = folder.database_opener(1024 * 1024);
        let database = Arc::new(Reopenable::new(open().unwrap()));
        let writer = Writer::start(Arc::clone(&database), folder.disk(1), open).unwrap();
        World {
            writer,
            database,
            folder,
            _dir: dir,
        }
    }

    impl World {
        fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
            self.database.with(|database| database.get(key)).unwrap()
        }
    }

    #[tokio::test]
    async fn a_change_that_panics_writes_nothing_and_later_ones_go_on() {
        let world = world();
        let writer = &world.writer;

        let panicked = writer.write(Box::new(|_| panic!("on purpose"))).await;
        let later = writer.write(put(b"key", b"value")).await;

        assert!(matches!(panicked, Err(StorageError::Backend(_))));
        assert!(later.is_ok());
        assert_eq!(world.get(b"key").unwrap(), b"value");
    }

    #[tokio::test]
    async fn what_is_written_is_counted_and_a_change_that_fails_is_no_failure_of_the_writer() {
        let world = world();
        let writer = &world.writer;

        writer.write(put(b"key", b"value")).await.unwrap();
        let refused = writer.write(Box::new(|_| Err(StorageError::Changed))).await;

        assert!(refused.is_err());
        let figures = writer.figures();
        assert_eq!(figures.unwritable, None);
        assert_eq!(figures.queued, 0);
        assert_eq!(figures.group_sizes.sum, 2);
        let flushes: u64 = figures.flush_ns.cells.iter().map(|(_, count)| count).sum();
        assert_eq!(flushes + figures.flush_ns.beyond, 1);
    }

    #[tokio::test]
    async fn a_disk_that_can_not_be_written_refuses_before_anything_is_and_takes_changes_again() {
        let world = world();
        world.writer.write(put(b"before", b"1")).await.unwrap();
        let lock = world.folder.path().join("lock");
        let hidden = world.folder.path().join("hidden");
        // Nobody, root neither, opens a folder for writing.
        std::fs::rename(&lock, &hidden).unwrap();
        std::fs::create_dir(&lock).unwrap();

        let refused = world.writer.write(put(b"key", b"value")).await;

        let Err(StorageError::Unwritable { may_be_stored, .. }) = refused else {
            panic!("{refused:?}");
        };
        assert!(!may_be_stored);
        assert_eq!(world.writer.figures().unwritable, Some(Unwritable::Failing));
        assert!(!world.writer.has_failed());
        assert_eq!(world.get(b"before").unwrap(), b"1");
        assert_eq!(world.get(b"key"), None);

        std::fs::remove_dir(&lock).unwrap();
        std::fs::rename(&hidden, &lock).unwrap();
        world.writer.write(put(b"key", b"value")).await.unwrap();
        assert_eq!(world.writer.figures().unwritable, None);
        assert_eq!(world.get(b"key").unwrap(), b"value");
    }

    #[tokio::test]
    async fn a_change_sees_those_before_it() {
        let world = world();
        let writer = &world.writer;
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
        let world = Arc::new(world());
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
            let world = Arc::clone(&world);
            writes.spawn(async move { world.writer.write(count(number)).await });
        }

        assert!(writes.join_all().await.iter().all(Result::is_ok));
        let last = world.get(b"last").unwrap();
        assert_eq!(last, (CHANGES - 1).to_string().into_bytes());
    }

    #[tokio::test]
    async fn a_change_takes_place_although_its_caller_went_away() {
        let world = world();
        let writer = &world.writer;
        {
            let mut write = Box::pin(writer.write(put(b"key", b"value")));
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            let _ = std::future::Future::poll(write.as_mut(), &mut context);
        }
        let World {
            writer, database, ..
        } = world;
        drop(writer);
        let stored = database.with(|database| database.get(b"key"));
        assert_eq!(stored.unwrap().unwrap(), b"value");
    }
}
