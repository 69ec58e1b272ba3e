//! All repositories on top of an ordered key-value store.
//!
//! A store that is local to this process, as sled is, implements [`KeyValue`]; then
//! [`KvStorage`] is the backend. A networked database would implement the
//! repository traits themselves, in its own terms.
//!
//! Every change is a closure that the store runs alone, on its one writer, and
//! whose writes it applies all or none: so what a change has read can't change
//! before it writes, and no change ever has to be tried again.

mod actions;
mod backup;
mod bindings;
mod client_grants;
mod clients;
mod codes;
mod connections;
mod consents;
mod endings;
mod fork;
mod keys;
mod organizations;
mod refresh_grants;
mod resource_servers;
mod roles;
mod sessions;
mod signing_keys;
mod storage;
mod tenant;
mod tokens;
mod transaction;
mod users;

use std::{collections::BTreeMap, fmt::Debug};

use async_trait::async_trait;

use crate::{StorageError, StorageFigures};

pub use fork::TenantFork;
pub use storage::KvStorage;

type Result<T> = std::result::Result<T, StorageError>;

/// Reading from an ordered key-value store. Calls are short enough for an async
/// thread when `take` and what is counted are small.
pub trait Reader: Send + Sync {
    /// The value under `key`.
    ///
    /// # Errors
    /// `Backend`.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>>;

    /// The entries whose keys begin with `prefix`, in the order of their keys,
    /// without the first `skip` and at most `take`.
    ///
    /// # Errors
    /// `Backend`.
    fn scan(&self, prefix: &[u8], skip: usize, take: usize) -> Result<Vec<Entry>>;

    /// How many keys begin with `prefix`.
    ///
    /// # Errors
    /// `Backend`.
    fn count(&self, prefix: &[u8]) -> Result<usize>;
}

/// A key and its value.
pub type Entry = (Vec<u8>, Vec<u8>);

/// What a change writes: under each key a new value, or `None` to delete it.
pub type Writes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// A change: decides from what it reads what is to be written, or that nothing is.
pub type Change = Box<dyn FnOnce(&dyn Reader) -> Result<Writes> + Send>;

/// An ordered key-value store with one writer, and blobs beside it.
///
/// Blobs are large byte strings that are written once. They are kept apart because
/// an ordered store that groups neighbouring entries into pages would rewrite a
/// module of many megabytes whenever something near it changes.
#[async_trait]
pub trait KeyValue: Reader + Debug + 'static {
    /// Runs `change` while no other change runs, and applies its writes all or
    /// none. `Ok` means that they are durable. Once this has been polled, the
    /// change may take place even when the caller no longer waits.
    ///
    /// # Errors
    /// What `change` answered, and then nothing is written; `Unwritable`, which says
    /// whether something may be; `Backend`, and then it is unknown.
    async fn write(&self, change: Change) -> Result<()>;

    /// The blob of that name.
    ///
    /// # Errors
    /// `Backend`.
    async fn blob(&self, name: &str) -> Result<Option<Vec<u8>>>;

    /// Stores a blob; `Ok` means that it is durable. The name is lower-case
    /// hexadecimal.
    ///
    /// # Errors
    /// `Backend`.
    async fn put_blob(&self, name: &str, bytes: Vec<u8>) -> Result<()>;

    /// Deletes a blob; one that isn't there is no error.
    ///
    /// # Errors
    /// `Backend`.
    async fn remove_blob(&self, name: &str) -> Result<()>;

    /// The names of all blobs.
    ///
    /// # Errors
    /// `Backend`.
    async fn blobs(&self) -> Result<Vec<String>>;

    /// The entries whose keys come after `key`, in their order and at most `take`.
    ///
    /// # Errors
    /// `Backend`.
    fn entries_after(&self, key: &[u8], take: usize) -> Result<Vec<Entry>>;

    /// What the store does and bears just now. Never waits for a write.
    fn figures(&self) -> StorageFigures;

    /// Whether a write failed and the store has not been put right since: what is read may
    /// be on no disk, and reading may fail.
    fn has_failed(&self) -> bool;
}
