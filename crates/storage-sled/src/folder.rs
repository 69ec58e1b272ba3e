//! A folder that one process at a time has open.

use std::{
    fs::{DirBuilder, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use claimsmith_storage::{StorageError, kv::Writes};

use crate::{ahead::WriteAheadLog, database::SledDatabase, disk::Disk};

/// A database and its log.
type Opened = Result<(SledDatabase, WriteAheadLog), StorageError>;

/// A folder that is ours for as long as this value lives.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder when it isn't there, readable by this user only, and takes
    /// it.
    ///
    /// `InUse` when another process has it; `Backend` when it can't be written.
    pub(crate) fn claim(path: PathBuf) -> Result<Self, StorageError> {
        create_private(&path).map_err(|error| unwritable(&path, &error))?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join("lock"))
            .map_err(|error| unwritable(&path, &error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StorageError::InUse),
            Err(TryLockError::Error(error)) => Err(unwritable(&path, &error)),
        }
    }

    #[cfg(test)]
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A folder within, made when it isn't there.
    pub(crate) fn subfolder(&self, name: &str) -> Result<PathBuf, StorageError> {
        let path = self.path.join(name);
        create_private(&path).map_err(|error| unwritable(&path, &error))?;
        sync_folder(&self.path).map_err(|error| unwritable(&self.path, &error))?;
        Ok(path)
    }

    /// What opens the database in this folder, also again when it has been closed. sled
    /// keeps about `cache_bytes` of it in memory.
    pub(crate) fn database_opener(
        &self,
        cache_bytes: u64,
    ) -> impl Fn() -> Result<SledDatabase, StorageError> + Send + use<> {
        let path = self.path.clone();
        move || {
            let database = SledDatabase::open(&path.join("db"), cache_bytes)?;
            sync_folder(&path).map_err(|error| unwritable(&path, &error))?;
            Ok(database)
        }
    }

    /// What opens the database in this folder together with its write-ahead log.
    pub(crate) fn logged_database_opener(
        &self,
        cache_bytes: u64,
    ) -> Result<impl Fn() -> Opened + Send + use<>, StorageError> {
        let log = self.subfolder("ahead")?;
        let open = self.database_opener(cache_bytes);
        Ok(move || {
            let database = open()?;
            let store = |writes: &Writes| database.store(writes);
            let log = WriteAheadLog::open(&log, store, || database.flush())?;
            Ok((database, log))
        })
    }

    /// The disk that the folder is on, of which this much stays free.
    pub(crate) fn disk(&self, kept_free_bytes: u64) -> Disk {
        Disk::of(self.path.clone(), kept_free_bytes)
    }
}

/// Makes what was created in, or renamed into, a folder survive a power loss.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn create_private(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn unwritable(path: &Path, error: &io::Error) -> StorageError {
    StorageError::Backend(format!(
        "the data folder {} can't be written: {error}; let this user write it, or choose another",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_claimed_once_and_free_again_afterwards() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        let claimed = Folder::claim(path.clone()).unwrap();
        assert!(matches!(
            Folder::claim(path.clone()),
            Err(StorageError::InUse)
        ));
        drop(claimed);
        assert!(Folder::claim(path).is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn a_new_folder_is_for_this_user_only() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data");
        let _claimed = Folder::claim(path.clone()).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_folder_that_can_not_be_written_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = Folder::claim(file.path().join("data"))
            .unwrap_err()
            .to_string();
        assert!(error.contains(file.path().to_str().unwrap()), "{error}");
        assert!(error.contains("can't be written"), "{error}");
    }
}
