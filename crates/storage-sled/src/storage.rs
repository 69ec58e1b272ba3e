//! The tenants' data in a folder.

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use claimsmith_model::{Tenant, TenantId};
use claimsmith_storage::{
    MasterKey, Storage, StorageError, StorageFigures, TenantStorage, kv::KvStorage,
};

use crate::{folder::Folder, key_value::SledKeyValue};

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

    fn figures(&self) -> StorageFigures {
        self.storage.figures()
    }
}
