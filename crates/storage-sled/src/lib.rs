//! The embedded default backend: everything in a folder, by way of sled.
//!
//! [`SledStorage`] holds the tenants' data; what it acknowledged is on the disk.
//! [`SledExecutionLog`] holds execution records in a database of its own, capped
//! and written in the background; a crash may take its last second.
//!
//! ```text
//! DATA/tenants/lock         held while a process has it open
//! DATA/tenants/db/          sled
//! DATA/tenants/ahead/       what changes wrote since sled was flushed
//! DATA/tenants/modules/     one sealed file for each uploaded module
//! DATA/executions/lock
//! DATA/executions/db/       sled
//! ```
//!
//! ```
//! use claimsmith_storage::{MasterKey, Storage, StorageError};
//! use claimsmith_storage_sled::SledStorage;
//!
//! # let data_dir = tempfile::tempdir().unwrap();
//! # let data_dir = data_dir.path();
//! # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
//! let master = MasterKey::parse(&"5e".repeat(32)).unwrap();
//! let storage = SledStorage::open(data_dir, &master).await.unwrap();
//! assert!(storage.tenants().await.unwrap().is_empty());
//!
//! let second = SledStorage::open(data_dir, &master).await;
//! assert!(matches!(second, Err(StorageError::InUse)));
//! # });
//! ```
//!
//! What is deliberately left out: sharing a folder between processes. A server
//! farm needs a networked backend, which implements the same traits.

mod ahead;
mod blobs;
mod database;
mod disk;
mod execution_log;
mod folder;
mod group;
mod key_value;
mod nudger;
mod reopenable;
mod storage;
mod writer;

pub use execution_log::{ExecutionLogLimits, Retention, SledExecutionLog};
pub use storage::SledStorage;
