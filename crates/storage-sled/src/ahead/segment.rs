//! A file of the log.

use std::{
    fs::{self, File},
    io::{self, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use claimsmith_storage::StorageError;

use super::record::{BLOCK_BYTES, Record};
use crate::folder::sync_folder;

/// By how much a file grows. A write to where the file has something already takes the disk
/// half as long as one that makes it longer (measured: 78 µs against 140).
const GROWTH_BYTES: u64 = 256 * 1024;

/// How long a file stays: one that a large change has made longer is cut.
const LENGTH_MAX: u64 = 8 * 1024 * 1024;

/// A file that is written from its beginning on, again and again.
#[derive(Debug)]
pub(super) struct Segment {
    path: PathBuf,
    /// None before the first write.
    file: Option<File>,
    length: u64,
    /// How much was written since it was begun.
    written: u64,
}

impl Segment {
    /// The file at `path`, in which something was written that stays.
    pub(super) const fn at(path: PathBuf, written: u64) -> Self {
        Self {
            path,
            file: None,
            length: 0,
            written,
        }
    }

    pub(super) const fn written(&self) -> u64 {
        self.written
    }

    /// What was written doesn't stay.
    pub(super) fn begin_anew(&mut self) -> io::Result<()> {
        self.written = 0;
        if let Some(file) = &self.file
            && self.length > LENGTH_MAX
        {
            file.set_len(LENGTH_MAX)?;
            self.length = LENGTH_MAX;
        }
        Ok(())
    }

    /// Writes whole blocks behind what is there, and puts them on the disk.
    pub(super) fn append(&mut self, blocks: &[u8]) -> io::Result<()> {
        let mut file = match self.file.take() {
            Some(file) => file,
            None => self.open()?,
        };
        let end = self.written + blocks.len() as u64;
        if self.length < end {
            let length = end + GROWTH_BYTES;
            file.seek(SeekFrom::Start(self.length))?;
            file.write_all(&vec![0; usize::try_from(length - self.length).unwrap_or(0)])?;
            self.length = length;
        }
        file.seek(SeekFrom::Start(self.written))?;
        file.write_all(blocks)?;
        file.sync_data()?;
        self.written = end;
        self.file = Some(file);
        Ok(())
    }

    fn open(&mut self) -> io::Result<File> {
        let is_new = !self.path.exists();
        let mut options = File::options();
        let file = options.create(true).truncate(false).write(true);
        let file = file.open(&self.path)?;
        if let Some(folder) = self.path.parent().filter(|_| is_new) {
            sync_folder(folder)?;
        }
        self.length = file.metadata()?.len();
        Ok(file)
    }
}

/// What is in a file.
#[derive(Debug)]
pub(super) struct Content {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Content {
    /// All of the file; nothing when there is none.
    pub(super) fn read(path: PathBuf) -> Result<Self, StorageError> {
        match fs::read(&path) {
            Ok(bytes) => Ok(Self { path, bytes }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self {
                path,
                bytes: Vec::new(),
            }),
            Err(error) => Err(StorageError::Backend(format!(
                "{} can't be read: {error}",
                path.display()
            ))),
        }
    }

    /// The records of the generation that was begun last.
    pub(super) fn chain(&self) -> Chain<'_> {
        let mut records = Vec::<Record>::new();
        let mut end = 0;
        while let Some(record) = self.record_at(end) {
            let is_next = match records.last().map(|record| record.place) {
                Some(last) => {
                    (record.place.generation, record.place.number)
                        == (last.generation, last.number.saturating_add(1))
                }
                None => record.place.number == 0,
            };
            if !is_next {
                break;
            }
            end += record.bytes();
            records.push(record);
        }
        let blocks = (end..self.bytes.len()).step_by(BLOCK_BYTES);
        let behind = blocks.filter_map(|at| Some(self.record_at(at)?.place.generation));
        Chain {
            path: &self.path,
            behind: behind.max(),
            records,
            end: end as u64,
        }
    }

    fn record_at(&self, at: usize) -> Option<Record<'_>> {
        Record::read(self.bytes.get(at..)?)
    }
}

/// Records that follow one another from the beginning of a file.
#[derive(Debug)]
pub(super) struct Chain<'a> {
    pub(super) path: &'a Path,
    pub(super) records: Vec<Record<'a>>,
    /// Where the last one ends.
    pub(super) end: u64,
    /// The newest generation of which there are whole records behind that.
    pub(super) behind: Option<u64>,
}

impl Chain<'_> {
    /// Which generation's they are.
    pub(super) fn generation(&self) -> Option<u64> {
        self.records.first().map(|record| record.place.generation)
    }

    /// What to say of a file that was written whole once and isn't now.
    pub(super) fn damaged(&self) -> StorageError {
        StorageError::Backend(format!(
            "{} is damaged at byte {}, and changes that were stored can't be read; \
             restore a backup",
            self.path.display(),
            self.end
        ))
    }
}
