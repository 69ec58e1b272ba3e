//! A record's bytes.
//!
//! ```text
//! 0   "CSA1"
//! 4   CRC-32 of what follows, without the padding
//! 8   how long the entries are
//! 12  the record's number within its generation
//! 16  its generation
//! 24  the first generation that is to be replayed
//! 32  entries, each: length of the key, length of the value or 2^32 - 1 for none, both
//! ```
//!
//! Numbers are little endian. Zeros fill it up to whole blocks.

use claimsmith_storage::{StorageError, kv::Writes};

type Result<T> = std::result::Result<T, StorageError>;

/// What a disk writes at least, and whole. Records begin at multiples of it, so that none is
/// in a block that is written again.
pub(super) const BLOCK_BYTES: usize = 512;

const MAGIC: [u8; 4] = *b"CSA1";
const HEADER_BYTES: usize = 32;
/// In the place of a value's length: the key is deleted.
const DELETED: u32 = u32::MAX;

/// What a record tells of its place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// How often files had been begun.
    pub(super) generation: u64,
    /// The first generation of which something may be missing in the database's files.
    pub(super) replay_from: u64,
    /// How many records of the generation are before it.
    pub(super) number: u32,
}

impl Place {
    /// Of a log in which nothing was ever written.
    pub(super) const FIRST: Self = Self {
        generation: 1,
        replay_from: 1,
        number: 0,
    };
}

/// Makes a record of batches, of which later ones count.
pub(super) fn encode(place: Place, batches: &[Writes], record: &mut Vec<u8>) -> Result<()> {
    record.clear();
    record.extend([0; HEADER_BYTES]);
    for (key, value) in batches.iter().flatten() {
        let value_bytes = match value {
            Some(value) => length(value.len())?,
            None => DELETED,
        };
        record.extend(length(key.len())?.to_le_bytes());
        record.extend(value_bytes.to_le_bytes());
        record.extend(key);
        record.extend(value.iter().flatten());
    }
    let mut header = Vec::with_capacity(HEADER_BYTES);
    header.extend(length(record.len() - HEADER_BYTES)?.to_le_bytes());
    header.extend(place.number.to_le_bytes());
    header.extend(place.generation.to_le_bytes());
    header.extend(place.replay_from.to_le_bytes());
    record.splice(8..HEADER_BYTES, header);
    let crc = crc32fast::hash(record.get(8..).unwrap_or_default());
    record.splice(..8, MAGIC.into_iter().chain(crc.to_le_bytes()));
    record.resize(record.len().next_multiple_of(BLOCK_BYTES), 0);
    Ok(())
}

fn length(bytes: usize) -> Result<u32> {
    let length = u32::try_from(bytes).ok();
    let length = length.filter(|length| *length != DELETED);
    length.ok_or_else(|| StorageError::Backend("too much was to be written at once".into()))
}

/// A record that is whole.
#[derive(Debug)]
pub(super) struct Record<'a> {
    pub(super) place: Place,
    entries: &'a [u8],
}

impl<'a> Record<'a> {
    /// The record that begins here; none when what is here isn't one, or not all of it.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        if fields.take(4)? != MAGIC {
            return None;
        }
        let crc = fields.u32()?;
        let after_crc = fields.0;
        let length = usize::try_from(fields.u32()?).ok()?;
        let place = Place {
            number: fields.u32()?,
            generation: fields.u64()?,
            replay_from: fields.u64()?,
        };
        let entries = fields.take(length)?;
        let checked = after_crc.get(..HEADER_BYTES - 8 + length)?;
        (crc32fast::hash(checked) == crc).then_some(Self { place, entries })
    }

    /// How many bytes it takes in the file.
    pub(super) const fn bytes(&self) -> usize {
        (HEADER_BYTES + self.entries.len()).next_multiple_of(BLOCK_BYTES)
    }

    /// What it writes; none when its entries are no entries.
    pub(super) fn writes(&self) -> Option<Writes> {
        let mut fields = Fields(self.entries);
        let mut writes = Writes::new();
        while !fields.0.is_empty() {
            let (key_bytes, value_bytes) = (fields.u32()?, fields.u32()?);
            let key = fields.take(usize::try_from(key_bytes).ok()?)?;
            let value = match value_bytes {
                DELETED => None,
                bytes => Some(fields.take(usize::try_from(bytes).ok()?)?.to_vec()),
            };
            writes.insert(key.to_vec(), value);
        }
        Some(writes)
    }
}

/// Bytes that are read from the front.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        let bytes = self.take(4)?.try_into().ok()?;
        Some(u32::from_le_bytes(bytes))
    }

    fn u64(&mut self) -> Option<u64> {
        let bytes = self.take(8)?.try_into().ok()?;
        Some(u64::from_le_bytes(bytes))
    }
}
