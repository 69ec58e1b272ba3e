//! Reading and writing within one change.

use serde::{Serialize, de::DeserializeOwned};

use super::{
    Reader, Result, Writes,
    keys::{Key, Prefix},
};
use crate::{
    Sealer, StorageError,
    value::{decode, encode},
};

/// One change under way: reads see the store and, key by key, what this change has
/// written; nothing is stored before the change is complete.
pub(super) struct Transaction<'a> {
    reader: &'a dyn Reader,
    sealer: &'a Sealer,
    writes: Writes,
}

impl<'a> Transaction<'a> {
    pub(super) fn new(reader: &'a dyn Reader, sealer: &'a Sealer) -> Self {
        Self {
            reader,
            sealer,
            writes: Writes::new(),
        }
    }

    /// The store as it was before this change.
    pub(super) fn reader(&self) -> &'a dyn Reader {
        self.reader
    }

    pub(super) fn into_writes(self) -> Writes {
        self.writes
    }

    /// The value under `key`.
    pub(super) fn get<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<T>> {
        let stored = match self.writes.get(key.as_bytes()) {
            Some(written) => written.clone(),
            None => self.reader.get(key.as_bytes())?,
        };
        stored
            .map(|stored| decode(self.sealer, key.as_bytes(), &stored))
            .transpose()
    }

    /// Whether there is a value under `key`.
    pub(super) fn contains(&self, key: &Key) -> Result<bool> {
        match self.writes.get(key.as_bytes()) {
            Some(written) => Ok(written.is_some()),
            None => Ok(self.reader.get(key.as_bytes())?.is_some()),
        }
    }

    /// The first `take` keys with `prefix` in the store; this change's own writes
    /// don't count.
    pub(super) fn stored_keys(&self, prefix: &Prefix, take: usize) -> Result<Vec<Key>> {
        let entries = self.reader.scan(prefix.as_bytes(), 0, take)?;
        Ok(entries
            .into_iter()
            .map(|(key, _)| Key::from_stored(key))
            .collect())
    }

    /// The values with `prefix` in the store; this change's own writes don't count.
    pub(super) fn stored_values<T: DeserializeOwned>(&self, prefix: &Prefix) -> Result<Vec<T>> {
        self.first_stored_values(prefix, usize::MAX)
    }

    /// How many values with `prefix` are in the store; this change's own writes don't count.
    pub(super) fn stored_count(&self, prefix: &Prefix) -> Result<usize> {
        self.reader.count(prefix.as_bytes())
    }

    /// The first `take` values with `prefix` in the store; this change's own writes don't
    /// count.
    pub(super) fn first_stored_values<T: DeserializeOwned>(
        &self,
        prefix: &Prefix,
        take: usize,
    ) -> Result<Vec<T>> {
        let entries = self.reader.scan(prefix.as_bytes(), 0, take)?;
        entries
            .iter()
            .map(|(key, stored)| decode(self.sealer, key, stored))
            .collect()
    }

    /// Stores `value`, replacing what there is.
    pub(super) fn put<T: Serialize>(&mut self, key: &Key, value: &T) -> Result<()> {
        let stored = encode(self.sealer, key.as_bytes(), value)?;
        self.writes.insert(key.as_bytes().to_vec(), Some(stored));
        Ok(())
    }

    /// Stores `value` where nothing is yet.
    ///
    /// `Conflict` about `what` otherwise.
    pub(super) fn insert<T: Serialize>(
        &mut self,
        key: &Key,
        value: &T,
        what: &'static str,
    ) -> Result<()> {
        if self.contains(key)? {
            return Err(StorageError::Conflict { what });
        }
        self.put(key, value)
    }

    /// Replaces `before`.
    ///
    /// `NotFound` of `what` when there is nothing, `Changed` when it isn't `before`.
    pub(super) fn replace<T>(
        &mut self,
        key: &Key,
        before: &T,
        after: &T,
        what: &'static str,
    ) -> Result<()>
    where
        T: Serialize + DeserializeOwned + PartialEq,
    {
        let stored: T = self.get(key)?.ok_or(StorageError::NotFound { what })?;
        if stored != *before {
            return Err(StorageError::Changed);
        }
        self.put(key, after)
    }

    /// Frees the unique text at `before` and takes the one at `after` for `owner`.
    ///
    /// `Conflict` about `what` when it is taken.
    pub(super) fn move_claim(
        &mut self,
        before: &Key,
        after: &Key,
        owner: &str,
        what: &'static str,
    ) -> Result<()> {
        if before == after {
            return Ok(());
        }
        self.delete(before);
        self.insert(after, &owner, what)
    }

    /// Stores what was sealed for this key already, or deletes what is under it.
    pub(super) fn put_sealed(&mut self, key: Vec<u8>, stored: Option<Vec<u8>>) {
        self.writes.insert(key, stored);
    }

    /// Deletes what is under `key`, if anything is.
    pub(super) fn delete(&mut self, key: &Key) {
        self.writes.insert(key.as_bytes().to_vec(), None);
    }
}
