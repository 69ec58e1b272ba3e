//! Whether the disk takes what is to be written.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::PathBuf,
};

use claimsmith_storage::{StorageError, Unwritable};

type Result<T> = std::result::Result<T, StorageError>;

/// How much is written to find out whether there is room: more than sled writes when it
/// opens a database, which is the rest of a segment (512 KiB) and its table of pages.
const PROBE_BYTES: usize = 4 * 1024 * 1024;

/// The disk that a folder of ours is on.
///
/// sled keeps its first error of a write until it is opened again, and what it has in
/// memory by then may be on no disk. So it is asked for nothing that the disk won't take,
/// as far as that can be known before: a disk that is almost full, or read-only, is refused
/// here, and sled goes on reading.
#[derive(Debug, Clone)]
pub(crate) struct Disk {
    folder: PathBuf,
    kept_free_bytes: u64,
}

/// Room that is taken on the disk until this is dropped.
#[derive(Debug)]
pub(crate) struct Probe {
    file: PathBuf,
}

impl Disk {
    /// The disk of `folder`, of which this much stays free.
    pub(crate) const fn of(folder: PathBuf, kept_free_bytes: u64) -> Self {
        Self {
            folder,
            kept_free_bytes,
        }
    }

    /// Looks whether it can be written, without writing: microseconds.
    pub(crate) fn look(&self) -> Result<()> {
        let free = fs2::available_space(&self.folder).map_err(|error| refused(&error))?;
        if free < self.kept_free_bytes {
            return Err(StorageError::Unwritable {
                why: Unwritable::Full,
                may_be_stored: false,
                detail: format!(
                    "{free} bytes are left for {}, and {} are kept free",
                    self.folder.display(),
                    self.kept_free_bytes
                ),
            });
        }
        // Opening alone tells a disk that is mounted read-only. The lock is held through
        // another handle, and closing this one leaves it so.
        let lock = File::options().write(true).open(self.folder.join("lock"));
        lock.map(drop).map_err(|error| refused(&error))
    }

    /// Finds out by writing, and keeps the room.
    pub(crate) fn probe(&self) -> Result<Probe> {
        self.look()?;
        let probe = Probe {
            file: self.folder.join("probe"),
        };
        let written = || {
            let mut file = File::create(&probe.file)?;
            file.write_all(&vec![0; PROBE_BYTES])?;
            file.sync_all()
        };
        written().map_err(|error| refused(&error))?;
        Ok(probe)
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        // The next probe writes over it.
        let _ = fs::remove_file(&self.file);
    }
}

/// A write that was not begun, or left nothing behind.
pub(crate) fn refused(error: &io::Error) -> StorageError {
    StorageError::Unwritable {
        why: Unwritable::of(error),
        may_be_stored: false,
        detail: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        File::create(dir.path().join("lock")).unwrap();
        dir
    }

    #[test]
    fn a_disk_with_room_is_written_and_left_as_it_was() {
        let dir = folder();
        let disk = Disk::of(dir.path().to_owned(), 1);

        disk.look().unwrap();
        drop(disk.probe().unwrap());

        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_kept_free_is_not_written() {
        let dir = folder();
        let disk = Disk::of(dir.path().to_owned(), u64::MAX);

        let refused = disk.probe().unwrap_err();

        let StorageError::Unwritable {
            why, may_be_stored, ..
        } = refused
        else {
            panic!("{refused}");
        };
        assert_eq!((why, may_be_stored), (Unwritable::Full, false));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
