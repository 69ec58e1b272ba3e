//! Forks: copies of a tenant in memory, whose changes the tenant takes over as one.

use std::{collections::BTreeMap, fmt};

use claimsmith_model::{Tenant, TenantId};

use super::{
    Entry, KeyValue, KvStorage, Reader, Result, Writes,
    keys::global,
    storage::{Shared, domains},
    transaction::Transaction,
};
use crate::{MemoryKeyValue, MemoryStorage, Sealer, StorageError, value::decode};

/// How many entries a tenant that is forked has at most. Forks are for tenants that are to
/// be filled; a new one has some ten entries, and a few for each client assertion and token
/// that its admins used.
const FORKED_ENTRIES_MAX: usize = 10_000;

/// A copy of one tenant in memory. Nothing of what is done in it can be seen in the tenant
/// before it is [merged](crate::Storage::merge_tenant).
#[derive(Clone)]
pub struct TenantFork {
    tenant: TenantId,
    /// What there was of the tenant, as it is stored.
    base: BTreeMap<Vec<u8>, Vec<u8>>,
    kv: MemoryKeyValue,
    storage: MemoryStorage,
}

impl TenantFork {
    /// The copy, as storage that has this tenant alone. It keeps no modules but those that
    /// are stored in it.
    #[must_use]
    pub fn storage(&self) -> &MemoryStorage {
        &self.storage
    }

    /// The tenant.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// How many entries the tenant has in it.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.kv.entries().len()
    }

    /// What is other than it was when the fork was made. Values are sealed under the keys
    /// that they are to have.
    fn writes(&self) -> Writes {
        let now = self.kv.entries();
        let gone = self.base.keys().filter(|key| !now.contains_key(*key));
        let mut writes: Writes = gone.map(|key| (key.clone(), None)).collect();
        writes.extend(now.into_iter().filter_map(|(key, value)| {
            let is_new = self.base.get(&key) != Some(&value);
            is_new.then_some((key, Some(value)))
        }));
        writes
    }
}

impl fmt::Debug for TenantFork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TenantFork").field(&self.tenant).finish()
    }
}

impl<K: KeyValue> KvStorage<K> {
    pub(super) async fn fork(&self, id: &TenantId) -> Result<TenantFork> {
        let (tenant, sealer) = (id.clone(), self.shared.sealer.clone());
        // As a change, so that what is read is of one moment.
        let reading = self
            .shared
            .write(move |change| entries_of(change, &sealer, &tenant));
        let base = reading.await?;
        let kv = MemoryKeyValue::holding(base.clone());
        Ok(TenantFork {
            tenant: id.clone(),
            base,
            storage: KvStorage::unproven(kv.clone(), &self.shared.master),
            kv,
        })
    }

    pub(super) async fn merge(&self, fork: &TenantFork) -> Result<()> {
        let uploads = self.shared.modules.lock().await;
        let merged = self.shared.merge(fork).await;
        if merged.is_err() {
            // The blobs of modules that the tenant hasn't got.
            let used = self.shared.module_blobs(&fork.tenant)?;
            for (name, _) in fork.kv.stored_blobs() {
                if !used.contains(&name) {
                    self.shared.remove_blob(&name).await?;
                }
            }
        }
        drop(uploads);
        merged
    }
}

impl<K: KeyValue> Shared<K> {
    /// Stores the fork's blobs and then, in one change, the rest. The caller holds the lock
    /// on modules.
    async fn merge(&self, fork: &TenantFork) -> Result<()> {
        for (name, sealed) in fork.kv.stored_blobs() {
            self.kv.put_blob(&name, sealed).await?;
        }
        let sealer = self.sealer.clone();
        let (tenant, base, writes) = (fork.tenant.clone(), fork.base.clone(), fork.writes());
        self.write(move |change| {
            if entries_of(change, &sealer, &tenant)? != base {
                return Err(StorageError::Changed);
            }
            for (key, stored) in writes {
                change.put_sealed(key, stored);
            }
            Ok(())
        })
        .await
    }
}

/// Everything that is stored of a tenant, but for blobs.
fn entries_of(
    change: &Transaction<'_>,
    sealer: &Sealer,
    id: &TenantId,
) -> Result<BTreeMap<Vec<u8>, Vec<u8>>> {
    let reader: &dyn Reader = change.reader();
    let key = global::tenant(id);
    let stored = reader.get(key.as_bytes())?;
    let stored = stored.ok_or(StorageError::NotFound { what: "the tenant" })?;
    let tenant: Tenant = decode(sealer, key.as_bytes(), &stored)?;
    let mut entries = BTreeMap::from([(key.as_bytes().to_vec(), stored)]);
    for domain in domains(sealer, &tenant) {
        let stored = reader.get(domain.as_bytes())?;
        entries.extend(stored.map(|stored| (domain.as_bytes().to_vec(), stored)));
    }
    let data: Vec<Entry> = reader.scan(global::data(id).as_bytes(), 0, FORKED_ENTRIES_MAX + 1)?;
    if data.len() > FORKED_ENTRIES_MAX {
        let what = "more than fits into a copy of the tenant";
        return Err(StorageError::Conflict { what });
    }
    entries.extend(data);
    Ok(entries)
}
