//! A sled database whose flush survives a power loss.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs::{self, File},
    io, iter,
    ops::Bound,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
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
        };
        database.flush()?;
        sync_folder(path).map_err(|error| unsynced(&error))?;
        Ok(database)
    }

    /// Writes all or none, which isn't on the disk before the next flush.
    pub(crate) fn store(&self, writes: &Writes) -> Result<()> {
        let mut writes = writes
            .iter()
            .map(|(key, value)| (key.as_slice(), value.as_deref()));
        let stored = match (writes.next(), writes.len()) {
            (None, _) => Ok(()),
            // Is whole by itself. A batch would be two buffers to sync instead of one.
            (Some((key, Some(value))), 0) => self.tree.insert(key, value).map(drop),
            (Some((key, None)), 0) => self.tree.remove(key).map(drop),
            (Some(first), _) => {
                let mut batch = sled::Batch::default();
                for (key, value) in iter::once(first).chain(writes) {
                    match value {
                        Some(value) => batch.insert(key, value),
                        None => batch.remove(key),
                    }
                }
                self.tree.apply_batch(batch)
            }
        };
        stored.map_err(|error| unwritten(&error))
    }

    /// The entries whose keys come after `key`.
    pub(crate) fn entries_after(&self, key: &[u8], take: usize) -> Result<Vec<Entry>> {
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
        let value = self.tree.get(key).map_err(|error| failed(&error))?;
        Ok(value.map(|value| value.to_vec()))
    }

    fn scan(&self, prefix: &[u8], skip: usize, take: usize) -> Result<Vec<Entry>> {
        let entries = self.tree.scan_prefix(prefix).skip(skip).take(take);
        entries.map(read_entry).collect()
    }

    fn count(&self, prefix: &[u8]) -> Result<usize> {
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

fn unsynced(error: &io::Error) -> StorageError {
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
}
