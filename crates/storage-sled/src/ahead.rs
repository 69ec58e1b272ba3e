//! The write-ahead log: what changes write is here before the database hears of it.

mod record;
mod segment;
#[cfg(test)]
mod tests;

use std::{mem, path::Path};

use claimsmith_storage::{StorageError, kv::Writes};

use crate::database::unsynced;
use record::{Place, encode};
use segment::{Content, Segment};

type Result<T> = std::result::Result<T, StorageError>;

/// How much is written to a file before the log goes on in the other one. So twice as much
/// is replayed at most after a crash: some ten thousand changes, in tenths of a second.
const SEGMENT_BYTES: u64 = 4 * 1024 * 1024;

/// Room that is kept for the next record.
const RECORD_KEPT_BYTES: usize = 256 * 1024;

/// A log of two files, which take turns. What was appended is on the disk.
///
/// sled takes several times as long as the disk to put a write there: it hands it to another
/// thread, and then leaves us to sync (measured: 300 µs against 78). Here a group of changes
/// is one record, written to where the file has room already, and one `fdatasync`. The
/// database is flushed in the background, when a file is full, and what it had not on the
/// disk when the machine went down is stored in it once more.
///
/// Each time that a file is begun is a generation. A record says of which it is, and from
/// which on all are to be replayed. Storing again what the database has does no harm: records
/// say what is under a key, and all that came later are replayed as well.
#[derive(Debug)]
pub(crate) struct WriteAheadLog {
    current: Segment,
    other: Segment,
    /// Of the next record.
    place: Place,
    record: Vec<u8>,
}

impl WriteAheadLog {
    /// Opens the log in a folder, which makes its files when they are needed. What may be
    /// missing in the database is stored, in order, and then flushed.
    ///
    /// # Errors
    /// `Backend` when changes that were acknowledged can't be read; `Unwritable`; those of
    /// `store` and `flush`.
    pub(crate) fn open(
        folder: &Path,
        mut store: impl FnMut(&Writes) -> Result<()>,
        flush: impl FnOnce() -> Result<()>,
    ) -> Result<Self> {
        let files = (
            Content::read(folder.join("0"))?,
            Content::read(folder.join("1"))?,
        );
        let chains = (files.0.chain(), files.1.chain());
        let (newest, former) = if chains.0.generation() >= chains.1.generation() {
            chains
        } else {
            (chains.1, chains.0)
        };
        // What was being written when the machine went down is the last in its file. The
        // first of a generation is written over what isn't needed any more.
        let last = newest.records.last().map(|record| record.place);
        let generation = newest.generation();
        if newest
            .behind
            .is_some_and(|behind| Some(behind) >= generation)
        {
            return Err(newest.damaged());
        }
        if former
            .behind
            .is_some_and(|behind| Some(behind) > generation)
        {
            return Err(former.damaged());
        }
        let Some(last) = last else {
            return Ok(Self {
                current: Segment::at(newest.path.to_owned(), 0),
                other: Segment::at(former.path.to_owned(), 0),
                place: Place::FIRST,
                record: Vec::new(),
            });
        };
        let needs_former = last.replay_from < last.generation;
        let former_is_there = former.generation() == last.generation.checked_sub(1)
            && former.behind < former.generation();
        if needs_former && !former_is_there {
            return Err(former.damaged());
        }
        let needed = former.records.iter().filter(|_| needs_former);
        let needed = needed.chain(&newest.records);
        let mut log = Self {
            current: Segment::at(newest.path.to_owned(), newest.end),
            other: Segment::at(former.path.to_owned(), 0),
            place: Place {
                number: last.number.saturating_add(1),
                ..last
            },
            record: Vec::new(),
        };
        if last.replay_from <= last.generation {
            for record in needed {
                store(&record.writes().ok_or_else(|| newest.damaged())?)?;
            }
            flush()?;
            log.settle()?;
        } else {
            log.begin()?;
        }
        Ok(log)
    }

    /// Puts what changes write on the disk, all of it or, when that fails, perhaps none.
    ///
    /// # Errors
    /// `Unwritable`. Then nothing can be appended before the log is opened anew.
    pub(crate) fn append(&mut self, batches: &[Writes]) -> Result<()> {
        encode(self.place, batches, &mut self.record)?;
        self.current
            .append(&self.record)
            .map_err(|error| unsynced(&error))?;
        self.place.number = self.place.number.saturating_add(1);
        self.record.clear();
        self.record.shrink_to(RECORD_KEPT_BYTES);
        Ok(())
    }

    /// Whether it is time to go on in the other file.
    pub(crate) const fn is_full(&self) -> bool {
        self.current.written() >= SEGMENT_BYTES
    }

    /// Goes on in the other file. All that was appended before the last time that this was
    /// called must be in the database, and that flushed.
    ///
    /// # Errors
    /// As of [`append`](Self::append).
    pub(crate) fn go_on(&mut self) -> Result<()> {
        self.place.replay_from = self.place.generation;
        self.append(&[])?;
        self.begin()
    }

    /// Notes that all that was appended is in the database, and that flushed: nothing will
    /// be replayed.
    ///
    /// # Errors
    /// As of [`append`](Self::append).
    pub(crate) fn settle(&mut self) -> Result<()> {
        if self.current.written() == 0 && self.place.replay_from == self.place.generation {
            return Ok(());
        }
        self.place.replay_from = self.place.generation.saturating_add(1);
        self.append(&[])?;
        self.begin()
    }

    fn begin(&mut self) -> Result<()> {
        mem::swap(&mut self.current, &mut self.other);
        self.place.generation = self.place.generation.saturating_add(1);
        self.place.number = 0;
        self.current.begin_anew().map_err(|error| unsynced(&error))
    }
}
