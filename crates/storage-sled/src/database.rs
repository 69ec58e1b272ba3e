//! A sled database whose flush survives a power loss.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs::{self, File},
    io,
    ops::Bound,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use claimsmith_storage::{
    StorageError, Unwritable,
    kv::{Entry, Reader, Writes},
};

use crate::{folder::sync_folder, nudger::Nudger};

type Result<T> = std::result::Result<T, StorageError>;

/// How long sled may take to let go of a database that this process has closed.
const LET_GO: Duration = Duration::from_secs(5);

/// A sled database. Clones are handles to the same.
///
/// On Linux, sled's `flush` uses `sync_file_range`, which asks neither the file
/// system to write the file's length nor the disk to empty its cache; and it doesn't
/// sync at all the separate files (`blobs`) that it makes of large pages. So a
/// process that is killed loses nothing, but a machine that loses its power may.
/// [`SledDatabase::flush`] syncs those files as well, and a [`Nudger`] wakes it if sled
/// leaves it asleep.
#[derive(Debug, Clone)]
pub(crate) struct SledDatabase {
    pub(crate) tree: sled::Db,
    files: Arc<Files>,
    storing: Arc<Storing>,
}

/// Has those wait who would read on while something is being stored of which they may have
/// seen a part. Who reads takes no lock.
///
/// A batch of sled's would do that as well, but begins with a buffer of its own that is
/// written and synced by itself, and holds up the readers of all databases.
#[derive(Debug, Default)]
struct Storing {
    is_under_way: AtomicBool,
    /// Held meanwhile.
    turn: Mutex<()>,
}

#[derive(Debug)]
struct Files {
    nudger: Nudger,
    log: File,
    blobs: PathBuf,
    synced_blobs: Mutex<BTreeSet<OsString>>,
}

impl SledDatabase {
    /// Opens the database at `path`, whose lock file is ours already. sled keeps
    /// about `cache_bytes` of it in memory.
    pub(crate) fn open(path: &Path, cache_bytes: u64) -> Result<Self> {
        let config = sled::Config::new()
            .path(path)
            .cache_capacity(cache_bytes)
            // The one writer flushes; a second flusher would only contend with it.
            .flush_every_ms(None);
        let began = Instant::now();
        let tree = loop {
            match config.open() {
                Ok(tree) => break tree,
                // As the folder's lock is ours, sled's can only be held by what this
                // process is still closing.
                Err(sled::Error::Io(error))
                    if error.kind() == io::ErrorKind::Other && began.elapsed() < LET_GO =>
                {
                    thread::sleep(Duration::from_millis(5));
                }
                Err(error) => return Err(failed(&error)),
            }
        };
        let asleep = tree.clone();
        let files = Files {
            // Its result is told to whom it wakes.
            nudger: Nudger::start(move || drop(asleep.flush()))?,
            log: File::open(path.join("db")).map_err(|error| unsynced(&error))?,
            blobs: path.join("blobs"),
            synced_blobs: Mutex::default(),
        };
        let database = Self {
            tree,
            files: Arc::new(files),
            storing: Arc::default(),
        };
        database.flush()?;
        sync_folder(path).map_err(|error| unsynced(&error))?;
        Ok(database)
    }

    /// Writes, which isn't on the disk before the next flush. Who has read some of it reads
    /// all of it from then on.
    ///
    /// # Errors
    /// `Unwritable`, when some of it may have been written.
    pub(crate) fn store(&self, writes: &Writes) -> Result<()> {
        self.storing.carry_out(|| {
            for (key, value) in writes {
                let stored = match value {
                    Some(value) => self.tree.insert(key, value.as_slice()),
                    None => self.tree.remove(key),
                };
                stored.map_err(|error| unwritten(&error))?;
            }
            Ok(())
        })
    }

    /// The entries whose keys come after `key`.
    pub(crate) fn entries_after(&self, key: &[u8], take: usize) -> Result<Vec<Entry>> {
        self.storing.wait();
        let after = (Bound::Excluded(key), Bound::Unbounded);
        let entries = self.tree.range::<&[u8], _>(after).take(take);
        entries.map(read_entry).collect()
    }

    /// Puts everything that was written on the disk.
    pub(crate) fn flush(&self) -> Result<()> {
        let flushed = self.files.nudger.watch(|| self.tree.flush());
        flushed.map_err(|error| unwritten(&error))?;
        self.files.sync().map_err(|error| unsynced(&error))
    }
}

impl Storing {
    fn carry_out<T>(&self, store: impl FnOnce() -> T) -> T {
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        // Before anything of it can be seen: who has seen some sees this.
        self.is_under_way.store(true, Ordering::Release);
        let stored = store();
        self.is_under_way.store(false, Ordering::Release);
        drop(turn);
        stored
    }

    fn wait(&self) {
        if self.is_under_way.load(Ordering::Acquire) {
            drop(self.turn.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

impl Files {
    fn sync(&self) -> io::Result<()> {
        self.sync_new_blobs()?;
        self.log.sync_data()
    }

    /// A blob is written once, so each is synced once. There are few: only pages
    /// of more than 128 KiB are blobs.
    fn sync_new_blobs(&self) -> io::Result<()> {
        let mut synced = self
            .synced_blobs
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut present = BTreeSet::new();
        let mut any_new = false;
        for entry in fs::read_dir(&self.blobs)? {
            let entry = entry?;
            if !synced.contains(&entry.file_name()) {
                match File::open(entry.path()) {
                    Ok(blob) => blob.sync_data()?,
                    // sled has replaced it in the meantime.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(error),
                }
                any_new = true;
            }
            present.insert(entry.file_name());
        }
        *synced = present;
        if any_new {
            sync_folder(&self.blobs)?;
        }
        Ok(())
    }
}

impl Reader for SledDatabase {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.storing.wait();
        let value = self.tree.get(key).map_err(|error| failed(&error))?;
        Ok(value.map(|value| value.to_vec()))
    }

    fn scan(&self, prefix: &[u8], skip: usize, take: usize) -> Result<Vec<Entry>> {
        self.storing.wait();
        let entries = self.tree.scan_prefix(prefix).skip(skip).take(take);
        entries.map(read_entry).collect()
    }

    fn count(&self, prefix: &[u8]) -> Result<usize> {
        self.storing.wait();
        let mut keys = self.tree.scan_prefix(prefix).keys();
        keys.try_fold(0, |count, key| key.map(|_| count + 1))
            .map_err(|error| failed(&error))
    }
}

fn read_entry(entry: sled::Result<(sled::IVec, sled::IVec)>) -> Result<Entry> {
    let (key, value) = entry.map_err(|error| failed(&error))?;
    Ok((key.to_vec(), value.to_vec()))
}

/// sled's failure as storage's.
pub(crate) fn failed(error: &sled::Error) -> StorageError {
    StorageError::Backend(error.to_string())
}

/// sled's failure of a write.
pub(crate) fn unwritten(error: &sled::Error) -> StorageError {
    match error {
        sled::Error::Io(error) => unsynced(error),
        error => StorageError::Unwritable {
            why: Unwritable::Failing,
            may_be_stored: true,
            detail: error.to_string(),
        },
    }
}

/// A failure to put something on the disk.
pub(crate) fn unsynced(error: &io::Error) -> StorageError {
    StorageError::Unwritable {
        why: Unwritable::of(error),
        may_be_stored: true,
        detail: format!("the database could not be put on the disk: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_pages_are_synced_once_each_and_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        let database = SledDatabase::open(&path, 1024 * 1024).unwrap();
        for number in 0..8_u8 {
            database
                .tree
                .insert([number], vec![number; 300_000])
                .unwrap();
            database.flush().unwrap();
        }
        let blobs = fs::read_dir(path.join("blobs")).unwrap().count();
        assert!(blobs > 0);
        assert_eq!(database.files.synced_blobs.lock().unwrap().len(), blobs);
        drop(database);

        let database = SledDatabase::open(&path, 1024 * 1024).unwrap();
        assert_eq!(database.get(&[7]).unwrap(), Some(vec![7; 300_000]));
        assert_eq!(database.count(b"").unwrap(), 8);
    }

    /// Two keys that are always stored with the same value, and a reader who reads both.
    #[test]
    fn who_has_read_some_of_what_is_stored_reads_all_of_it() {
        const TIMES: u32 = 3_000;
        let dir = tempfile::tempdir().unwrap();
        let database = SledDatabase::open(&dir.path().join("db"), 1024 * 1024).unwrap();
        let is_over = AtomicBool::new(false);
        let read = |key: &[u8]| {
            let value = database.get(key).unwrap();
            value.map_or(0, |bytes| u32::from_be_bytes(bytes.try_into().unwrap()))
        };
        thread::scope(|scope| {
            scope.spawn(|| {
                for number in 1..=TIMES {
                    let value = Some(number.to_be_bytes().to_vec());
                    let keys = [b"a".to_vec(), b"b".to_vec()];
                    let writes = keys.map(|key| (key, value.clone()));
                    database.store(&Writes::from(writes)).unwrap();
                }
                is_over.store(true, Ordering::Release);
            });
            while !is_over.load(Ordering::Acquire) {
                let first = read(b"a");
                let second = read(b"b");
                assert!(
                    first <= second,
                    "{first} was stored with more than {second}"
                );
            }
        });
        assert_eq!((read(b"a"), read(b"b")), (TIMES, TIMES));
    }
}
