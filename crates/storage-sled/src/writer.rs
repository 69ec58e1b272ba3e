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
    vec::Drain,
};

use claimsmith_model::Histogram;
use claimsmith_storage::{
    StorageError, StorageFigures, Unwritable,
    kv::{Change, Writes},
};
use tokio::sync::{mpsc, oneshot};

use crate::{
    ahead::WriteAheadLog,
    database::{SledDatabase, unsynced},
    disk::Disk,
    group::Group,
    reopenable::Reopenable,
};

type Result<T> = std::result::Result<T, StorageError>;

/// How many changes may wait before callers wait for a place.
const QUEUE_MAX: usize = 1_024;

/// How many changes are put on the disk together at most: with some microseconds each, the
/// first waits some milliseconds for the last.
const GROUP_MAX: usize = 256;

/// How many bytes a group writes at most, unless it is one change.
const GROUP_BYTES_MAX: usize = 1024 * 1024;

/// How often it is tried whether a disk takes writes again.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// Bounds of the sizes of groups: powers of two up to [`GROUP_MAX`].
const GROUP_SIZES: [u64; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/// Bounds of the durations in nanoseconds of putting a group on the disk: from a twentieth of
/// a millisecond, as good as a disk gets, to seconds, when logins begin to fail for it.
const FLUSH_NS: [u64; 14] = [
    50_000,
    100_000,
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

/// Runs changes one after another on a thread of its own, and puts on the disk together what
/// those write that wait (group commit). Dropping it completes what waits.
///
/// What a group writes goes to the write-ahead log, and then to sled, where it can be read:
/// nothing is read that isn't on the disk. sled is flushed when the log is long, on a thread
/// of its own.
///
/// A change that the disk wouldn't take is refused before anything hears of it. When a write
/// fails all the same, nothing more is written until the database and the log are opened
/// anew, which is done here, in place, once the disk takes writes again. What was answered
/// with `Ok` is in the log or in the database's files, so it is there.
///
/// sled's `flush_async` is not used, because it can hang for good when several tasks wait; and
/// one thread at a time calls `flush`, because many hinder each other.
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
    /// Starts it for a database and its log, which `open` opens anew, on `disk`.
    pub(crate) fn start(
        database: Arc<Reopenable<SledDatabase>>,
        log: WriteAheadLog,
        disk: Disk,
        open: impl Fn() -> Result<(SledDatabase, WriteAheadLog)> + Send + 'static,
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
            log,
            disk,
            open,
            flushing: None,
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
    log: WriteAheadLog,
    disk: Disk,
    open: O,
    /// Flushes the database.
    flushing: Option<JoinHandle<Result<()>>>,
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
        tried: Instant,
    },
}

/// Why changes are not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Refusal {
    why: Unwritable,
    detail: String,
}

impl<O: Fn() -> Result<(SledDatabase, WriteAheadLog)>> Worker<O> {
    /// Runs until nobody can send any more.
    fn run(mut self, mut waiting: mpsc::Receiver<Ticket>) {
        let mut tickets = Vec::with_capacity(GROUP_MAX);
        let mut refusal = self.refusal();
        while self.receive(&mut waiting, &mut tickets, refusal.is_some()) {
            refusal = self.refusal();
            self.carry_out(tickets.drain(..), refusal.as_ref());
        }
        if let Err(error) = self.finish() {
            tracing::warn!(%error, "what was written last is read from the log at the next start");
        }
    }

    /// Leaves nothing to the log, so that nothing is replayed at the next start.
    fn finish(&mut self) -> Result<()> {
        self.await_flush()?;
        self.database.with(SledDatabase::flush)?;
        self.log.settle()
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

    /// Opens the database and its log anew.
    fn put_right(&mut self) -> Result<()> {
        let probe = self.disk.probe()?;
        // Whatever it says: what it didn't put on the disk is in the log.
        let _ = self.await_flush();
        let Self {
            database,
            open,
            log,
            ..
        } = self;
        database.reopen(|| {
            // Its room is for what opening writes.
            drop(probe);
            let (database, opened) = open()?;
            *log = opened;
            Ok(database)
        })
    }

    /// Runs changes and answers each, when all that they write is on the disk.
    fn carry_out(&mut self, tickets: Drain<'_, Ticket>, refusal: Option<&Refusal>) {
        let mut tickets = tickets.peekable();
        let mut refusal = refusal.cloned();
        while tickets.peek().is_some() {
            if let Some(refusal) = &refusal {
                for Ticket { answer, .. } in tickets {
                    let _ = answer.send(Err(refusal.error(false)));
                }
                return;
            }
            let mut results = Vec::with_capacity(tickets.len());
            let database = Arc::clone(&self.database);
            let stored = database.with(|database| {
                let mut group = Group::on(database);
                while group.bytes() < GROUP_BYTES_MAX
                    && let Some(Ticket { change, answer }) = tickets.next()
                {
                    results.push((answer, decide(change, &mut group)));
                }
                self.store(database, &group.into_batches())
            });
            self.counted.group_sizes.note(results.len() as u64);
            if let Err(error) = &stored {
                tracing::error!(%error, "a write failed; it is tried again each second");
                refusal = Some(Refusal::of(error));
                self.state = State::Broken {
                    refusal: Refusal::of(error),
                    tried: Instant::now(),
                };
                self.tell();
            }
            for (answer, result) in results {
                let result = match &refusal {
                    // What wrote nothing has read what others wrote.
                    Some(refusal) => result.and_then(|()| Err(refusal.error(true))),
                    None => result,
                };
                // A caller that has gone away doesn't hear it.
                let _ = answer.send(result);
            }
        }
    }

    /// Puts batches on the disk, and into the database.
    fn store(&mut self, database: &SledDatabase, batches: &[Writes]) -> Result<()> {
        if batches.is_empty() {
            return Ok(());
        }
        if self.log.is_full() {
            self.await_flush()?;
            self.log.go_on()?;
            self.flush()?;
        }
        let began = Instant::now();
        self.log.append(batches)?;
        self.counted.flush_ns.note_duration(began.elapsed());
        batches.iter().try_for_each(|batch| database.store(batch))
    }

    /// Begins to flush the database.
    fn flush(&mut self) -> Result<()> {
        let database = Arc::clone(&self.database);
        let thread = std::thread::Builder::new().name("storage-flush".into());
        let flush = thread.spawn(move || database.with(SledDatabase::flush));
        self.flushing = Some(flush.map_err(|error| unsynced(&error))?);
        Ok(())
    }

    /// Waits for the flush that was begun last.
    fn await_flush(&mut self) -> Result<()> {
        self.flushing.take().map_or(Ok(()), |flush| {
            let panicked = |_| Err(StorageError::Backend("a flush panicked".into()));
            flush.join().unwrap_or_else(panicked)
        })
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

    use crate::{folder::Folder, group::BATCH_WRITES};

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
        let open = folder.logged_database_opener(1024 * 1024).unwrap();
        let (opened, log) = open().unwrap();
        let database = Arc::new(Reopenable::new(opened));
        let writer = Writer::start(Arc::clone(&database), log, folder.disk(1), open).unwrap();
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
    async fn a_writer_that_ends_in_order_leaves_nothing_to_be_replayed() {
        let World {
            writer,
            database,
            folder,
            _dir,
        } = world();
        writer.write(put(b"key", b"value")).await.unwrap();
        drop(writer);
        drop(database);

        let open = folder.database_opener(1024 * 1024);
        assert_eq!(open().unwrap().get(b"key").unwrap().unwrap(), b"value");
        let replay = |writes: &Writes| panic!("{writes:?} is replayed");
        let folder = folder.path().join("ahead");
        WriteAheadLog::open(&folder, replay, || Ok(())).unwrap();
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
