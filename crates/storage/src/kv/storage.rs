//! The tenants, and the opening of a store.

use std::{collections::BTreeSet, fmt, sync::Arc};

use async_trait::async_trait;
use aws_lc_rs::rand;
use claimsmith_model::{Tenant, TenantId, Timestamp};
use tokio::sync::mpsc;

use super::{
    KeyValue, Result, TenantFork,
    backup::Backups,
    keys::{Key, TenantKeys, global},
    tenant::KvTenant,
    transaction::Transaction,
};
use crate::{
    MasterKey, Sealer, Storage, StorageError, StorageFigures, TenantStorage, value::decode,
};

const CANARY: &str = "claimsmith";
const TENANT: &str = "the tenant";
const TENANT_NAME: &str = "a tenant with this name";
const DOMAIN: &str = "a tenant with this domain";

/// How many entries of a deleted tenant are removed in one change, so that other
/// writers wait for some milliseconds at most.
const REMOVED_AT_ONCE_MAX: usize = 1_000;

/// A server's data in an ordered key-value store. Clones are handles to the same.
pub struct KvStorage<K> {
    pub(super) shared: Arc<Shared<K>>,
}

/// What all handles to a store share.
pub(super) struct Shared<K> {
    pub(super) kv: K,
    pub(super) sealer: Sealer,
    pub(super) master: MasterKey,
    pub(super) backups: Arc<Backups>,
    /// Held while blobs of modules come and go, and while a deleted tenant's data
    /// does: between a module's blob and the entry that says that it is there,
    /// nobody else may decide about it.
    pub(super) modules: tokio::sync::Mutex<()>,
}

impl<K: KeyValue> KvStorage<K> {
    /// Opens a store, and makes an empty one this server's. Finishes what a crash
    /// has interrupted.
    ///
    /// # Errors
    /// `WrongMasterKey`, and then nothing was touched; `Corrupt` when it holds data
    /// but nothing to prove the master key with; `Backend`.
    pub async fn open(kv: K, master: &MasterKey) -> Result<Self> {
        let storage = Self::unproven(kv, master);
        storage.prove_master_key().await?;
        storage.finish_deletions().await?;
        storage.remove_unused_blobs().await?;
        Ok(storage)
    }

    /// A handle to a store whose master key nothing has proven yet.
    pub(crate) fn unproven(kv: K, master: &MasterKey) -> Self {
        let sealer = Sealer::new(master);
        let modules = tokio::sync::Mutex::new(());
        Self {
            shared: Arc::new(Shared {
                kv,
                sealer,
                master: master.clone(),
                backups: Arc::default(),
                modules,
            }),
        }
    }

    async fn prove_master_key(&self) -> Result<()> {
        let canary = global::canary();
        let Some(stored) = self.shared.kv.get(canary.as_bytes())? else {
            if self.shared.kv.scan(b"", 0, 1)?.is_empty() {
                return self
                    .shared
                    .write(move |change| change.put(&canary, &CANARY))
                    .await;
            }
            let reason = "it is missing, although there is data; is this a folder of this server?";
            return Err(crate::seal::corrupt(canary.as_bytes(), reason));
        };
        match decode::<String>(&self.shared.sealer, canary.as_bytes(), &stored) {
            Ok(text) if text == CANARY => Ok(()),
            _ => Err(StorageError::WrongMasterKey),
        }
    }

    async fn finish_deletions(&self) -> Result<()> {
        let deleting = self
            .shared
            .kv
            .scan(global::all_deleting().as_bytes(), 0, usize::MAX)?;
        for (key, stored) in deleting {
            let id: TenantId = decode(&self.shared.sealer, &key, &stored)?;
            self.shared.remove_data(&id).await?;
        }
        for tenant in self.tenants().await? {
            let tenant = KvTenant::new(Arc::clone(&self.shared), tenant.id);
            tenant.finish_deletions().await?;
        }
        Ok(())
    }

    /// A crash between storing a blob and storing who uses it leaves one behind, and a backup
    /// keeps those that it may need.
    pub(super) async fn remove_unused_blobs(&self) -> Result<()> {
        // Between a blob and its entry, it is used by nothing.
        let _uploads = self.shared.modules.lock().await;
        let mut used = BTreeSet::new();
        for tenant in self.tenants().await? {
            used.extend(self.shared.module_blobs(&tenant.id)?);
        }
        for blob in self.shared.kv.blobs().await? {
            if !used.contains(&blob) {
                self.shared.remove_blob(&blob).await?;
            }
        }
        Ok(())
    }
}

impl<K: KeyValue> Shared<K> {
    /// Runs a change outside any tenant's data.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        // Not `self`: a change whose caller has gone away may be the last to hold what it
        // has, and the store can't be closed on the thread that writes.
        let (sealer, backups) = (self.sealer.clone(), Arc::clone(&self.backups));
        let (answer, answered) = tokio::sync::oneshot::channel();
        self.kv
            .write(Box::new(move |reader| {
                let mut transaction = Transaction::new(reader, &sealer);
                let value = change(&mut transaction)?;
                // Nobody listens any more when the caller has gone away.
                let _ = answer.send(value);
                let writes = transaction.into_writes();
                backups.note(&writes);
                Ok(writes)
            }))
            .await?;
        answered
            .await
            .map_err(|_| StorageError::Backend("a change was not run".into()))
    }

    /// The blobs of a tenant's modules.
    pub(super) fn module_blobs(&self, id: &TenantId) -> Result<Vec<String>> {
        let modules = TenantKeys::new(id.clone(), self.sealer.clone()).modules();
        let entries = self.kv.scan(modules.as_bytes(), 0, usize::MAX)?;
        entries
            .iter()
            .map(|(key, stored)| decode(&self.sealer, key, stored))
            .collect()
    }

    /// Removes everything of a tenant that is gone already, piece by piece. As no
    /// change is made for a tenant that isn't there, nothing is added meanwhile.
    ///
    /// The lock is held throughout: another who removes the same data, and then
    /// makes the tenant anew, must not meet this one still removing.
    async fn remove_data(self: &Arc<Self>, id: &TenantId) -> Result<()> {
        let removal = self.modules.lock().await;
        if self.kv.get(global::deleting(id).as_bytes())?.is_none() {
            return Ok(());
        }
        for blob in self.module_blobs(id)? {
            self.remove_blob(&blob).await?;
        }
        let prefix = global::data(id);
        let deleting = global::deleting(id);
        loop {
            let (prefix, deleting) = (prefix.clone(), deleting.clone());
            let done = self
                .write(move |change| {
                    let keys = change.stored_keys(&prefix, REMOVED_AT_ONCE_MAX)?;
                    for key in &keys {
                        change.delete(key);
                    }
                    let done = keys.len() < REMOVED_AT_ONCE_MAX;
                    if done {
                        change.delete(&deleting);
                    }
                    Ok(done)
                })
                .await?;
            if done {
                break;
            }
        }
        drop(removal);
        Ok(())
    }
}

#[async_trait]
impl<K: KeyValue> Storage for KvStorage<K> {
    async fn tenants(&self) -> Result<Vec<Tenant>> {
        let shared = Arc::clone(&self.shared);
        blocking(move || {
            let entries = shared
                .kv
                .scan(global::tenants().as_bytes(), 0, usize::MAX)?;
            entries
                .iter()
                .map(|(key, stored)| decode(&shared.sealer, key, stored))
                .collect()
        })
        .await
    }

    async fn create_tenant(&self, tenant: &Tenant) -> Result<()> {
        let tenant = tenant.clone();
        let sealer = self.shared.sealer.clone();
        let deleting = global::deleting(&tenant.id);
        if self.shared.kv.get(deleting.as_bytes())?.is_some() {
            self.shared.remove_data(&tenant.id).await?;
        }
        // A tenant that comes after another of the same name must not meet the
        // stamps that caches remember of the earlier one.
        let stamp = random_u64()? >> 1;
        self.shared
            .write(move |change| {
                if change.contains(&deleting)? {
                    return Err(StorageError::Conflict { what: TENANT_NAME });
                }
                change.insert(&global::tenant(&tenant.id), &tenant, TENANT_NAME)?;
                for domain in domains(&sealer, &tenant) {
                    change.insert(&domain, &tenant.id, DOMAIN)?;
                }
                change.put(&TenantKeys::new(tenant.id, sealer).stamp(), &stamp)
            })
            .await
    }

    async fn update_tenant(&self, before: &Tenant, after: &Tenant) -> Result<()> {
        let (before, after) = (before.clone(), after.clone());
        let sealer = self.shared.sealer.clone();
        self.shared
            .write(move |change| {
                let key = global::tenant(&before.id);
                same_id(&before.id, &after.id)?;
                change.replace(&key, &before, &after, TENANT)?;
                for domain in domains(&sealer, &before) {
                    change.delete(&domain);
                }
                for domain in domains(&sealer, &after) {
                    change.insert(&domain, &after.id, DOMAIN)?;
                }
                touch(change, &TenantKeys::new(after.id, sealer))
            })
            .await
    }

    async fn delete_tenant(&self, id: &TenantId) -> Result<()> {
        let sealer = self.shared.sealer.clone();
        let gone = id.clone();
        self.shared
            .write(move |change| {
                let key = global::tenant(&gone);
                let tenant: Tenant = change
                    .get(&key)?
                    .ok_or(StorageError::NotFound { what: TENANT })?;
                for domain in domains(&sealer, &tenant) {
                    change.delete(&domain);
                }
                change.delete(&key);
                change.put(&global::deleting(&gone), &gone)
            })
            .await?;
        self.shared.remove_data(id).await
    }

    fn tenant(&self, id: &TenantId) -> Arc<dyn TenantStorage> {
        Arc::new(KvTenant::new(Arc::clone(&self.shared), id.clone()))
    }

    async fn fork_tenant(&self, id: &TenantId) -> Result<TenantFork> {
        self.fork(id).await
    }

    async fn merge_tenant(&self, fork: &TenantFork) -> Result<()> {
        self.merge(fork).await
    }

    async fn back_up(&self, began_at: Timestamp, to: mpsc::Sender<Vec<u8>>) -> Result<()> {
        self.send_backup(began_at, &to).await
    }

    fn figures(&self) -> StorageFigures {
        self.shared.kv.figures()
    }
}

/// The keys of a tenant's domains, each once.
pub(super) fn domains(sealer: &Sealer, tenant: &Tenant) -> Vec<Key> {
    let unique: BTreeSet<String> = tenant
        .domains
        .iter()
        .map(|domain| domain.to_lowercase())
        .collect();
    unique
        .iter()
        .map(|domain| global::domain(sealer, domain))
        .collect()
}

/// Notes that what token requests depend on has changed.
pub(super) fn touch(change: &mut Transaction<'_>, keys: &TenantKeys) -> Result<()> {
    let stamp: u64 = change.get(&keys.stamp())?.unwrap_or_default();
    change.put(&keys.stamp(), &stamp.wrapping_add(1))
}

/// A replacement keeps what the thing is reached by.
pub(super) fn same_id<T: PartialEq + fmt::Debug>(before: &T, after: &T) -> Result<()> {
    if before == after {
        Ok(())
    } else {
        Err(StorageError::Backend(format!(
            "{before:?} can't become {after:?} by an update"
        )))
    }
}

/// Runs reads that may be long (lists, large values) where blocking is allowed.
pub(super) async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(read)
        .await
        .map_err(|_| StorageError::Backend("the server is shutting down".into()))?
}

fn random_u64() -> Result<u64> {
    let mut bytes = [0; 8];
    rand::fill(&mut bytes)
        .map_err(|_| StorageError::Backend("the system has no randomness to give".into()))?;
    Ok(u64::from_ne_bytes(bytes))
}

impl<K> Clone for KvStorage<K> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<K: fmt::Debug> fmt::Debug for KvStorage<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KvStorage")
            .field("kv", &self.shared.kv)
            .finish_non_exhaustive()
    }
}
