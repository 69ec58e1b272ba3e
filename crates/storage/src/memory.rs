//! The backend that keeps everything in memory: for tests, and for forks of tenants.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

use crate::{
    MasterKey, StorageError, StorageFigures,
    kv::{Change, Entry, KeyValue, KvStorage, Reader},
};

type Result<T> = std::result::Result<T, StorageError>;
type Entries = BTreeMap<Vec<u8>, Vec<u8>>;

/// A server's data in memory. It is gone with its last handle.
///
/// ```
/// use claimsmith_storage::{MemoryStorage, Storage};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let storage = MemoryStorage::new();
/// assert!(storage.tenants().await.unwrap().is_empty());
/// # });
/// ```
pub type MemoryStorage = KvStorage<MemoryKeyValue>;

impl MemoryStorage {
    /// Storage with nothing in it.
    #[must_use]
    pub fn new() -> Self {
        // Sealed like any other so that tests run the same code; as it never leaves
        // the process, any key will do.
        KvStorage::unproven(MemoryKeyValue::default(), &MasterKey::of_bytes([0; 32]))
    }
}

impl Default for MemoryStorage {
    fn default() -> Self {
        Self::new()
    }
}

/// An ordered key-value store in memory. Clones are handles to the same.
#[derive(Debug, Clone, Default)]
pub struct MemoryKeyValue {
    entries: Arc<Mutex<Entries>>,
    blobs: Arc<Mutex<Entries>>,
}

impl MemoryKeyValue {
    /// A store with these entries, and no blobs.
    pub(crate) fn holding(entries: Entries) -> Self {
        Self {
            entries: Arc::new(Mutex::new(entries)),
            blobs: Arc::default(),
        }
    }

    /// All entries as they are now.
    pub(crate) fn entries(&self) -> Entries {
        locked(&self.entries).clone()
    }

    /// All blobs by their names.
    pub(crate) fn stored_blobs(&self) -> Vec<(String, Vec<u8>)> {
        let blobs = locked(&self.blobs);
        let named = blobs.iter().map(|(name, bytes)| {
            let name = String::from_utf8_lossy(name).into_owned();
            (name, bytes.clone())
        });
        named.collect()
    }
}

#[async_trait]
impl KeyValue for MemoryKeyValue {
    async fn write(&self, change: Change) -> Result<()> {
        let mut entries = locked(&self.entries);
        let writes = change(&Locked(&entries))?;
        for (key, value) in writes {
            match value {
                Some(value) => entries.insert(key, value),
                None => entries.remove(&key),
            };
        }
        Ok(())
    }

    async fn blob(&self, name: &str) -> Result<Option<Vec<u8>>> {
        Ok(locked(&self.blobs).get(name.as_bytes()).cloned())
    }

    async fn put_blob(&self, name: &str, bytes: Vec<u8>) -> Result<()> {
        locked(&self.blobs).insert(name.as_bytes().to_vec(), bytes);
        Ok(())
    }

    async fn remove_blob(&self, name: &str) -> Result<()> {
        locked(&self.blobs).remove(name.as_bytes());
        Ok(())
    }

    async fn blobs(&self) -> Result<Vec<String>> {
        let blobs = self.stored_blobs().into_iter();
        Ok(blobs.map(|(name, _)| name).collect())
    }

    fn entries_after(&self, key: &[u8], take: usize) -> Result<Vec<Entry>> {
        let after = (Bound::Excluded(key.to_vec()), Bound::Unbounded);
        let entries = locked(&self.entries);
        let entries = entries.range(after).take(take);
        Ok(entries
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }

    fn figures(&self) -> StorageFigures {
        // Nothing waits, and nothing can fail.
        StorageFigures::default()
    }

    fn has_failed(&self) -> bool {
        false
    }
}

impl Reader for MemoryKeyValue {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Locked(&locked(&self.entries)).get(key)
    }

    fn scan(&self, prefix: &[u8], skip: usize, take: usize) -> Result<Vec<Entry>> {
        Locked(&locked(&self.entries)).scan(prefix, skip, take)
    }

    fn count(&self, prefix: &[u8]) -> Result<usize> {
        Locked(&locked(&self.entries)).count(prefix)
    }
}

/// The entries while their lock is held.
struct Locked<'a>(&'a Entries);

impl Locked<'_> {
    fn with_prefix(&self, prefix: &[u8]) -> impl Iterator<Item = (&Vec<u8>, &Vec<u8>)> {
        self.0
            .range(prefix.to_vec()..)
            .take_while(move |(key, _)| key.starts_with(prefix))
    }
}

impl Reader for Locked<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.0.get(key).cloned())
    }

    fn scan(&self, prefix: &[u8], skip: usize, take: usize) -> Result<Vec<Entry>> {
        let entries = self.with_prefix(prefix).skip(skip).take(take);
        Ok(entries
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }

    fn count(&self, prefix: &[u8]) -> Result<usize> {
        Ok(self.with_prefix(prefix).count())
    }
}

/// A change that panicked has written nothing, so the entries are whole even then.
fn locked(entries: &Mutex<Entries>) -> MutexGuard<'_, Entries> {
    entries.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{self, contract};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_memory_backend_keeps_the_contract() {
        let kv = MemoryKeyValue::default();
        let master = MasterKey::of_bytes([7; 32]);
        contract(async || KvStorage::open(kv.clone(), &master).await.unwrap()).await;
        assert!(!kv.blobs().await.unwrap().is_empty());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_backup_of_the_memory_backend_holds_one_moment() {
        let master = MasterKey::of_bytes([7; 32]);
        let storage = KvStorage::open(MemoryKeyValue::default(), &master).await;
        contract::backup_contract(Arc::new(storage.unwrap()), &master).await;
    }

    #[tokio::test]
    async fn another_master_key_is_refused_and_changes_nothing() {
        let kv = MemoryKeyValue::default();
        let first = MasterKey::of_bytes([1; 32]);
        KvStorage::open(kv.clone(), &first).await.unwrap();
        let before = locked(&kv.entries).clone();

        let refused = KvStorage::open(kv.clone(), &MasterKey::of_bytes([2; 32])).await;

        assert!(matches!(refused, Err(StorageError::WrongMasterKey)));
        assert_eq!(*locked(&kv.entries), before);
        assert!(KvStorage::open(kv, &first).await.is_ok());
    }

    #[tokio::test]
    async fn data_without_proof_of_its_master_key_is_refused() {
        let kv = MemoryKeyValue::default();
        locked(&kv.entries).insert(b"something".to_vec(), b"else".to_vec());

        let refused = KvStorage::open(kv, &MasterKey::of_bytes([1; 32])).await;

        assert!(
            matches!(refused, Err(StorageError::Corrupt { .. })),
            "{refused:?}"
        );
    }

    #[tokio::test]
    async fn a_damaged_value_is_corrupt_and_the_rest_is_readable() {
        let kv = MemoryKeyValue::default();
        let master = MasterKey::of_bytes([1; 32]);
        let storage = KvStorage::open(kv.clone(), &master).await.unwrap();
        contract::fill_tenant(&storage, "dev").await;
        let key = b"data\0dev\0client\0client-1".to_vec();
        locked(&kv.entries).get_mut(&key).unwrap()[40] ^= 1;

        let tenant = crate::Storage::tenant(&storage, &"dev".parse().unwrap());
        let damaged = tenant.client(&"client-1".parse().unwrap()).await;
        let whole = tenant.client(&"client-2".parse().unwrap()).await;

        assert!(
            matches!(damaged, Err(StorageError::Corrupt { .. })),
            "{damaged:?}"
        );
        assert!(whole.unwrap().is_some());
    }

    #[tokio::test]
    async fn what_a_crash_left_of_a_deleted_tenant_is_removed_at_the_next_opening() {
        let kv = MemoryKeyValue::default();
        let master = MasterKey::of_bytes([1; 32]);
        let storage = KvStorage::open(kv.clone(), &master).await.unwrap();
        contract::fill_tenant(&storage, "dev").await;
        let sealer = crate::Sealer::new(&master);
        let marker = b"deleting\0dev";
        let sealed = sealer.seal(marker, b"\x01\"dev\"".to_vec()).unwrap();
        locked(&kv.entries).remove(&b"tenant\0dev".to_vec());
        locked(&kv.entries).insert(marker.to_vec(), sealed);

        KvStorage::open(kv.clone(), &master).await.unwrap();

        assert_eq!(kv.count(b"data\0").unwrap(), 0);
        assert_eq!(kv.count(b"deleting\0").unwrap(), 0);
        assert!(kv.blobs().await.unwrap().is_empty());
    }
}
