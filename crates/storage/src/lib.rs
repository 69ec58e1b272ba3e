//! What a tenant's data is kept in: repository traits, an in-memory backend, and
//! the contract tests that every backend must pass.
//!
//! Everything of a tenant is reached through a [`TenantStorage`] handle, so one
//! tenant's data can't be reached with another's handle by mistake. What must be
//! atomic is one method of a trait: that is what every backend can promise. A
//! write that was answered with `Ok` is durable.
//!
//! ```
//! use claimsmith_model::{LimitSettings, Tenant, TenantSettings, Timestamp};
//! use claimsmith_storage::{MemoryStorage, Storage, StorageError};
//!
//! # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
//! let storage = MemoryStorage::new();
//! let dev = Tenant {
//!     id: "dev".parse().unwrap(),
//!     issuer: "http://localhost:8080/".into(),
//!     domains: vec!["localhost".into()],
//!     settings: TenantSettings::default(),
//!     limits: LimitSettings::default(),
//!     created_at: Timestamp::from_millis(1_790_000_000_000),
//! };
//! storage.create_tenant(&dev).await.unwrap();
//! let again = storage.create_tenant(&dev).await;
//! assert!(matches!(again, Err(StorageError::Conflict { .. })));
//! # });
//! ```
//!
//! What is deliberately left out: caching (callers keep snapshots) and
//! transactions across methods.

pub mod backup;
#[cfg(any(test, feature = "contract"))]
#[expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are assertions, compiled for tests only"
)]
pub mod contract;
mod error;
mod figures;
pub mod kv;
mod log;
mod memory;
mod memory_log;
mod page;
mod repository;
mod seal;
mod unwritable;
pub mod value;

pub use error::StorageError;
pub use figures::{ExecutionLogFigures, StorageFigures};
pub use kv::TenantFork;
pub use log::{ExecutionLog, ExecutionPage, LogEntry, LogOrder, LogPart, Logged, has_run};
pub use memory::{MemoryKeyValue, MemoryStorage};
pub use memory_log::MemoryExecutionLog;
pub use page::{Page, Placed, Start};
pub use repository::{
    ActionRepository, BindingRepository, ClientGrantRepository, ClientRepository, CodeRepository,
    ConnectionRepository, ConsentRepository, ConsentSearch, GivenTokens, KeyRepository,
    OrganizationRepository, RefreshExchange, RefreshExchanged, RefreshTokenRepository,
    ResourceServerRepository, RoleRepository, SessionRepository, SessionUse, StampRepository,
    Storage, TenantStorage, TokenRepository, UserRepository,
};
pub use seal::{InvalidMasterKey, MasterKey, Sealer};
pub use unwritable::Unwritable;
