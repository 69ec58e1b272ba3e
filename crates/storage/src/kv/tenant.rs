//! The handle to one tenant's data.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use claimsmith_model::TenantId;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    Entry, KeyValue, Result,
    keys::{Key, Prefix, TenantKeys, global},
    storage::{Shared, blocking, touch},
    transaction::Transaction,
};
use crate::{Page, StampRepository, Start, StorageError, TenantStorage, value::decode};

/// The handle to one tenant's data.
pub(super) struct KvTenant<K> {
    pub(super) shared: Arc<Shared<K>>,
    pub(super) keys: TenantKeys,
    stamp_key: Key,
    /// The stamp that was read last.
    stamp: Mutex<Option<OpenedStamp>>,
}

/// A stamp in both forms.
struct OpenedStamp {
    sealed: Vec<u8>,
    stamp: u64,
}

impl<K: KeyValue> KvTenant<K> {
    pub(super) fn new(shared: Arc<Shared<K>>, id: TenantId) -> Self {
        let keys = TenantKeys::new(id, shared.sealer.clone());
        Self {
            shared,
            stamp_key: keys.stamp(),
            keys,
            stamp: Mutex::default(),
        }
    }

    /// The value under `key`.
    ///
    /// Read on the calling thread: with sled, a user who is at hand takes 4 µs, one
    /// whose page has to be fetched from the system 13 to 25 µs, opening and parsing
    /// included (the `read_cost` example of the sled backend on a busy machine of
    /// two cores). Handing the call to another thread would cost as much.
    pub(super) fn get<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<T>> {
        let stored = self.shared.kv.get(key.as_bytes())?;
        stored
            .map(|stored| decode(&self.shared.sealer, key.as_bytes(), &stored))
            .transpose()
    }

    /// The value under the key that `key_of` makes from the id that an index holds.
    pub(super) fn get_by_index<Id: DeserializeOwned, T: DeserializeOwned>(
        &self,
        index: &Key,
        key_of: impl FnOnce(&Id) -> Key,
    ) -> Result<Option<T>> {
        match self.get::<Id>(index)? {
            Some(id) => self.get(&key_of(&id)),
            None => Ok(None),
        }
    }

    /// All values with `prefix`, in the order of their keys.
    pub(super) async fn all<T>(&self, prefix: Prefix) -> Result<Vec<T>>
    where
        T: DeserializeOwned + Send + 'static,
    {
        let shared = Arc::clone(&self.shared);
        blocking(move || shared.scan(&prefix, 0, usize::MAX)).await
    }

    /// One page of the values with `prefix`, whose keys end in their places, in that
    /// order, and how many there are; see [`Self::behind`].
    pub(super) async fn page<T>(&self, prefix: Prefix, page: Page) -> Result<(Vec<T>, usize)>
    where
        T: DeserializeOwned + Send + 'static,
    {
        let skip = match page.start {
            Start::Skip(skip) => skip,
            Start::Behind(place) => {
                let key = prefix.at(&place);
                return self.behind(prefix, key, page.take).await;
            }
        };
        let shared = Arc::clone(&self.shared);
        blocking(move || {
            let total = shared.kv.count(prefix.as_bytes())?;
            Ok((shared.scan(&prefix, skip, page.take)?, total))
        })
        .await
    }

    /// The values with `prefix` behind a key, at most `take`, and how many they are; of
    /// those beyond `take` one is counted, if there are any.
    pub(super) async fn behind<T>(
        &self,
        prefix: Prefix,
        key: Key,
        take: usize,
    ) -> Result<(Vec<T>, usize)>
    where
        T: DeserializeOwned + Send + 'static,
    {
        let shared = Arc::clone(&self.shared);
        blocking(move || {
            let one_more = take.saturating_add(1);
            let mut found = shared.kv.entries_after(key.as_bytes(), one_more)?;
            found.retain(|(key, _)| key.starts_with(prefix.as_bytes()));
            let total = found.len();
            found.truncate(take);
            Ok((shared.decode_all(&found)?, total))
        })
        .await
    }

    /// Changes what no token request's configuration depends on.
    ///
    /// `NotFound` when the tenant doesn't exist (any more).
    pub(super) async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Transaction<'_>, &TenantKeys) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let keys = self.keys.clone();
        self.shared
            .write(move |transaction| {
                if !transaction.contains(&global::tenant(keys.tenant()))? {
                    return Err(StorageError::NotFound { what: "the tenant" });
                }
                change(transaction, &keys)
            })
            .await
    }

    /// Changes what token requests depend on: the tenant's stamp changes with it.
    pub(super) async fn configure<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Transaction<'_>, &TenantKeys) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.change(move |transaction, keys| {
            let value = change(transaction, keys)?;
            touch(transaction, keys)?;
            Ok(value)
        })
        .await
    }

    /// Replaces a value that no index leads to.
    pub(super) async fn update<T>(
        &self,
        key: Key,
        before: &T,
        after: &T,
        what: &'static str,
    ) -> Result<()>
    where
        T: Serialize + DeserializeOwned + PartialEq + Clone + Send + 'static,
    {
        let (before, after) = (before.clone(), after.clone());
        self.configure(move |change, _| change.replace(&key, &before, &after, what))
            .await
    }
}

impl<K: KeyValue> Shared<K> {
    pub(super) fn scan<T: DeserializeOwned>(
        &self,
        prefix: &Prefix,
        skip: usize,
        take: usize,
    ) -> Result<Vec<T>> {
        self.decode_all(&self.kv.scan(prefix.as_bytes(), skip, take)?)
    }

    fn decode_all<T: DeserializeOwned>(&self, entries: &[Entry]) -> Result<Vec<T>> {
        entries
            .iter()
            .map(|(key, stored)| decode(&self.sealer, key, stored))
            .collect()
    }
}

#[async_trait]
impl<K: KeyValue> StampRepository for KvTenant<K> {
    async fn configuration_stamp(&self) -> Result<u64> {
        let key = self.stamp_key.as_bytes();
        let last = || self.stamp.lock().unwrap_or_else(PoisonError::into_inner);
        // Once a write has failed, nothing changes until the store is put right. What the
        // failed one left in the store's memory is on no disk, and reading may fail as well:
        // tokens go on with what was so before.
        if self.shared.kv.has_failed()
            && let Some(opened) = last().as_ref()
        {
            return Ok(opened.stamp);
        }
        let Some(sealed) = self.shared.kv.get(key)? else {
            return Ok(0);
        };
        // Every token asks. The same sealed bytes under one key hold the same value, so
        // they are opened only when they have changed.
        let mut last = last();
        match last.as_ref() {
            Some(opened) if opened.sealed == sealed => Ok(opened.stamp),
            _ => {
                let stamp = decode(&self.shared.sealer, key, &sealed)?;
                *last = Some(OpenedStamp { sealed, stamp });
                Ok(stamp)
            }
        }
    }
}

impl<K: KeyValue> TenantStorage for KvTenant<K> {}

impl<K> fmt::Debug for KvTenant<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KvTenant").field(self.keys.tenant()).finish()
    }
}
