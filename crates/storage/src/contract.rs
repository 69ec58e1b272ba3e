//! What every backend must do, as assertions that its tests call.
//!
//! ```
//! use claimsmith_storage::{MasterKey, MemoryKeyValue, contract::contract, kv::KvStorage};
//!
//! # let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
//! # runtime.block_on(async {
//! let kv = MemoryKeyValue::default();
//! let master = MasterKey::parse(&"5e".repeat(32)).unwrap();
//! contract(async || KvStorage::open(kv.clone(), &master).await.unwrap()).await;
//! # });
//! ```

mod actions;
mod backup;
mod bindings;
mod clients;
mod connections;
mod executions;
mod fixtures;
mod fork;
mod logins;
mod organizations;
mod reopening;
mod roles;
mod signing_keys;
mod stamp;
mod tenants;
mod tokens;
mod users;

use std::{fmt::Debug, sync::Arc};

use crate::{Page, Storage, StorageError, TenantStorage};

pub use backup::backup_contract;
pub use executions::{execution_log_contract, execution_record, tenant_event};
pub use fixtures::{MODULE, fill_tenant, tenant};

/// Asserts that a backend keeps the contract. `open` opens it, always the same and
/// empty at first; it is called again after everything of before was dropped. Runs
/// on a tokio runtime of several threads, so that races can happen.
///
/// # Panics
/// At the first claim that doesn't hold.
pub async fn contract<S: Storage + 'static>(open: impl AsyncFn() -> S) {
    let storage: Arc<dyn Storage> = Arc::new(open().await);
    tenants::check(&*storage).await;
    signing_keys::check(&*storage).await;
    clients::check(&*storage).await;
    connections::check(&*storage).await;
    users::check(&*storage).await;
    roles::check(&*storage).await;
    organizations::check(&*storage).await;
    actions::check(&*storage).await;
    bindings::check(&*storage).await;
    tokens::check(&*storage).await;
    logins::check(&*storage).await;
    stamp::check(&*storage).await;
    fork::check(&*storage).await;

    let before = reopening::fill(&*storage).await;
    drop(storage);
    reopening::check(&open().await, &before).await;
}

const ALL: Page = Page::ALL;

/// A new tenant of that name.
async fn new_tenant(storage: &dyn Storage, name: &str) -> Arc<dyn TenantStorage> {
    storage.create_tenant(&tenant(name)).await.unwrap();
    storage.tenant(&name.parse().unwrap())
}

#[track_caller]
fn assert_conflict<T: Debug>(result: Result<T, StorageError>) {
    let error = result.expect_err("a conflict");
    assert!(matches!(error, StorageError::Conflict { .. }), "{error:?}");
}

#[track_caller]
fn assert_not_found<T: Debug>(result: Result<T, StorageError>) {
    let error = result.expect_err("nothing found");
    assert!(matches!(error, StorageError::NotFound { .. }), "{error:?}");
}

#[track_caller]
fn assert_changed<T: Debug>(result: Result<T, StorageError>) {
    let error = result.expect_err("a refusal");
    assert!(matches!(error, StorageError::Changed), "{error:?}");
}
