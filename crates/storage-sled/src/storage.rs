//! The tenants' data in a folder.

use std::{fs, io, path::Path, sync::Arc};

use async_trait::async_trait;
use claimsmith_model::{Tenant, TenantId, Timestamp};
use claimsmith_storage::{
    MasterKey, Storage, StorageError, StorageFigures, TenantFork, TenantStorage, backup::Content,
    kv::KvStorage,
};
use tokio::sync::mpsc;

use crate::{
    disk::refused,
    folder::{Folder, sync_folder},
    key_value::SledKeyValue,
};

type Result<T> = std::result::Result<T, StorageError>;

/// The tenants' data in a folder. Clones are handles to the same; the folder is let
/// go, with everything on the disk, when the last handle (tenants' handles too) is
/// dropped. That waits for writes under way.
#[derive(Debug, Clone)]
pub struct SledStorage {
    storage: KvStorage<SledKeyValue>,
}

impl SledStorage {
    /// Opens, or makes, the tenants' data in the folder `data_dir`.
    ///
    /// # Errors
    /// `InUse` when another process has it open, `WrongMasterKey`, `Corrupt`, or
    /// `Backend`, which names the folder when it can't be written.
    pub async fn open(data_dir: &Path, master: &MasterKey) -> Result<Self> {
        let path = data_dir.join("tenants");
        let kv = tokio::task::spawn_blocking(|| SledKeyValue::open(Folder::claim(path)?))
            .await
            .map_err(|_| StorageError::Backend("sled could not open its files".into()))??;
        Ok(Self {
            storage: KvStorage::open(kv, master).await?,
        })
    }
}

impl SledStorage {
    /// Fills the folder `data_dir`, in which there is nothing yet, with what a backup holds:
    /// `next` answers one thing after another, which must have been proven to be a backup's.
    /// When that is broken off, nothing is restored.
    ///
    /// # Errors
    /// Those of `next` and of [`open`](Self::open); `Conflict` when there is data.
    pub async fn restore(
        data_dir: &Path,
        master: &MasterKey,
        next: impl FnMut() -> Result<Option<Content>> + Send,
    ) -> Result<()> {
        let (unfinished, path) = (data_dir.join("restoring"), data_dir.join("tenants"));
        if path.exists() {
            let what = "data in the folder to restore to";
            return Err(StorageError::Conflict { what });
        }
        // What an attempt that was broken off has left.
        match fs::remove_dir_all(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(refused(&error)),
            _ => {}
        }
        let kv = SledKeyValue::open(Folder::claim(unfinished.clone())?)?;
        drop(KvStorage::restore(kv, master, next).await?);
        fs::rename(&unfinished, &path).map_err(|error| refused(&error))?;
        sync_folder(data_dir).map_err(|error| refused(&error))
    }
}

#[async_trait]
impl Storage for SledStorage {
    async fn tenants(&self) -> Result<Vec<Tenant>> {
        self.storage.tenants().await
    }

    async fn create_tenant(&self, tenant: &Tenant) -> Result<()> {
        self.storage.create_tenant(tenant).await
    }

    async fn update_tenant(&self, before: &Tenant, after: &Tenant) -> Result<()> {
        self.storage.update_tenant(before, after).await
    }

    async fn delete_tenant(&self, id: &TenantId) -> Result<()> {
        self.storage.delete_tenant(id).await
    }

    fn tenant(&self, id: &TenantId) -> Arc<dyn TenantStorage> {
        self.storage.tenant(id)
    }

    async fn fork_tenant(&self, id: &TenantId) -> Result<TenantFork> {
        self.storage.fork_tenant(id).await
    }

    async fn merge_tenant(&self, fork: &TenantFork) -> Result<()> {
        self.storage.merge_tenant(fork).await
    }

    async fn back_up(&self, began_at: Timestamp, to: mpsc::Sender<Vec<u8>>) -> Result<()> {
        self.storage.back_up(began_at, to).await
    }

    fn figures(&self) -> StorageFigures {
        self.storage.figures()
    }
}
