//! Actions, their versions and modules.

use std::collections::BTreeSet;

use async_trait::async_trait;
use claimsmith_model::{Action, ActionId, ActionVersion, Trigger, TriggerBindings, VersionId};

use super::{
    KeyValue, Result,
    keys::{Key, TenantKeys},
    storage::{blocking, same_id},
    tenant::KvTenant,
    transaction::Transaction,
};
use crate::{ActionRepository, StorageError, value::sha256_hex};

const ACTION: &str = "the action";
const NAME: &str = "an action with this name";
const MODULE: &str = "the module";

#[async_trait]
impl<K: KeyValue> ActionRepository for KvTenant<K> {
    async fn action(&self, id: &ActionId) -> Result<Option<Action>> {
        self.get(&self.keys.action(id))
    }

    async fn actions(&self) -> Result<Vec<Action>> {
        let mut all: Vec<Action> = self.all(self.keys.actions()).await?;
        // Stable, so Actions of the same millisecond stay in the order of their ids.
        all.sort_by_key(|action| action.created_at);
        Ok(all)
    }

    async fn create_action(&self, action: &Action, module: Option<&[u8]>) -> Result<()> {
        let uploads = self.shared.modules.lock().await;
        let uploaded = self.store_module_of(action, module).await?;
        let attempted = uploaded.as_ref().map(|(sha256, _)| sha256.clone());
        let action = action.clone();
        let created = self
            .configure(move |change, keys| {
                if let Some((sha256, blob)) = uploaded {
                    change.put(&keys.module(&sha256), &blob)?;
                }
                if let Some(module) = &action.module {
                    use_module(change, keys, &module.sha256, |sha256| {
                        keys.module_in_draft(sha256, &action.id)
                    })?;
                }
                change.insert(&keys.action_name(&action.name), &action.id, NAME)?;
                change.insert(&keys.action(&action.id), &action, "an action with this id")
            })
            .await;
        // A new one puts no module out of use.
        let changed = created.map(|()| Vec::new());
        let ended = self.end_upload(changed, attempted.as_deref()).await;
        drop(uploads);
        ended
    }

    async fn update_action(
        &self,
        before: &Action,
        after: &Action,
        module: Option<&[u8]>,
    ) -> Result<()> {
        same_id(&before.id, &after.id)?;
        let uploads = self.shared.modules.lock().await;
        let uploaded = self.store_module_of(after, module).await?;
        let attempted = uploaded.as_ref().map(|(sha256, _)| sha256.clone());
        let (before, after) = (before.clone(), after.clone());
        let changed = self
            .configure(move |change, keys| {
                change.replace(&keys.action(&before.id), &before, &after, ACTION)?;
                let (old, new) = (
                    keys.action_name(&before.name),
                    keys.action_name(&after.name),
                );
                change.move_claim(&old, &new, after.id.as_str(), NAME)?;
                if let Some((sha256, blob)) = uploaded {
                    change.put(&keys.module(&sha256), &blob)?;
                }
                let old = before.module.as_ref().map(|module| module.sha256.as_str());
                let new = after.module.as_ref().map(|module| module.sha256.as_str());
                if old == new {
                    return Ok(Vec::new());
                }
                if let Some(new) = new {
                    use_module(change, keys, new, |sha256| {
                        keys.module_in_draft(sha256, &after.id)
                    })?;
                }
                match old {
                    Some(old) => {
                        let gone = [keys.module_in_draft(old, &after.id)];
                        release_modules(change, keys, [old.to_owned()].into(), &gone)
                    }
                    None => Ok(Vec::new()),
                }
            })
            .await;

        let ended = self.end_upload(changed, attempted.as_deref()).await;
        drop(uploads);
        ended
    }

    async fn deploy_action(
        &self,
        before: &Action,
        after: &Action,
        version: &ActionVersion,
        versions_max: usize,
    ) -> Result<()> {
        same_id(&before.id, &after.id)?;
        same_id(&before.name, &after.name)?;
        if before.module != after.module {
            same_id(&after.module.as_ref(), &Some(&version.module))?;
        }
        same_id(
            &(&version.action_id, Some(&version.id)),
            &(&after.id, after.deployed_version.as_ref()),
        )?;
        let uploads = self.shared.modules.lock().await;
        let (before, after, version) = (before.clone(), after.clone(), version.clone());
        let unused = self
            .configure(move |change, keys| {
                change.replace(&keys.action(&before.id), &before, &after, ACTION)?;
                use_module(change, keys, &version.module.sha256, |sha256| {
                    keys.module_in_version(sha256, &version.id)
                })?;
                let numbered = keys.version_of(&version.action_id, version.number);
                change.insert(
                    &numbered,
                    &version.id,
                    "a version of this action with this number",
                )?;
                change.insert(
                    &keys.version(&version.id),
                    &version,
                    "a version with this id",
                )?;

                let mut gone = Vec::new();
                let mut modules = BTreeSet::new();
                if before.module != after.module {
                    use_module(change, keys, &version.module.sha256, |sha256| {
                        keys.module_in_draft(sha256, &after.id)
                    })?;
                    if let Some(old) = &before.module {
                        gone.push(keys.module_in_draft(&old.sha256, &after.id));
                        modules.insert(old.sha256.clone());
                    }
                }
                let earlier: Vec<VersionId> =
                    change.stored_values(&keys.versions_of(&version.action_id))?;
                let too_many = (earlier.len() + 1).saturating_sub(versions_max);
                for id in earlier.iter().take(too_many) {
                    let sha256 = delete_version(change, keys, id, &mut gone)?;
                    modules.extend(sha256);
                }
                // What is used from now on is not among the uses that are stored yet.
                modules.remove(&version.module.sha256);
                release_modules(change, keys, modules, &gone)
            })
            .await?;
        self.remove_blobs(&unused).await?;
        drop(uploads);
        Ok(())
    }

    async fn delete_action(&self, id: &ActionId, detach: bool) -> Result<()> {
        let uploads = self.shared.modules.lock().await;
        let id = id.clone();
        let unused = self
            .configure(move |change, keys| {
                let Some(action) = change.get::<Action>(&keys.action(&id))? else {
                    return Ok(Vec::new());
                };
                unbind(change, keys, &id, detach)?;

                let mut modules = BTreeSet::new();
                let mut uses = Vec::new();
                if let Some(module) = &action.module {
                    uses.push(keys.module_in_draft(&module.sha256, &id));
                    modules.insert(module.sha256.clone());
                }
                let versions: Vec<VersionId> = change.stored_values(&keys.versions_of(&id))?;
                for version_id in versions {
                    modules.extend(delete_version(change, keys, &version_id, &mut uses)?);
                }
                change.delete(&keys.action_name(&action.name));
                change.delete(&keys.action(&id));
                release_modules(change, keys, modules, &uses)
            })
            .await?;
        self.remove_blobs(&unused).await?;
        drop(uploads);
        Ok(())
    }

    async fn action_version(&self, id: &VersionId) -> Result<Option<ActionVersion>> {
        self.get(&self.keys.version(id))
    }

    async fn action_versions(&self, id: &ActionId) -> Result<Vec<ActionVersion>> {
        let ids: Vec<VersionId> = self.all(self.keys.versions_of(id)).await?;
        let versions: Result<Vec<Option<ActionVersion>>> = ids
            .iter()
            .rev()
            .map(|id| self.get(&self.keys.version(id)))
            .collect();
        Ok(versions?.into_iter().flatten().collect())
    }

    async fn module(&self, sha256: &str) -> Result<Option<Vec<u8>>> {
        let Some(name) = self.get::<String>(&self.keys.module(sha256))? else {
            return Ok(None);
        };
        let Some(sealed) = self.shared.kv.blob(&name).await? else {
            return Ok(None);
        };
        let sealer = self.shared.sealer.clone();
        blocking(move || sealer.open(name.as_bytes(), &sealed))
            .await
            .map(Some)
    }
}

impl<K: KeyValue> KvTenant<K> {
    /// Stores a module's bytes and answers the name of the blob that holds them.
    /// The caller holds the lock on modules.
    pub(super) async fn store_module(&self, sha256: &str, bytes: &[u8]) -> Result<String> {
        let name = self.keys.module_blob(sha256);
        let (bytes, expected) = (bytes.to_vec(), sha256.to_owned());
        let (sealer, key) = (self.shared.sealer.clone(), name.clone());
        let sealed = blocking(move || {
            if sha256_hex(&bytes) != expected {
                let text = "a module's bytes are not those that its SHA-256 says";
                return Err(StorageError::Backend(text.into()));
            }
            sealer.seal(key.as_bytes(), bytes)
        })
        .await?;
        self.shared.kv.put_blob(&name, sealed).await?;
        Ok(name)
    }

    /// Stores the bytes of a draft's module, when some came. Answers its SHA-256 and the
    /// name of the blob. The caller holds the lock on modules.
    async fn store_module_of(
        &self,
        draft: &Action,
        module: Option<&[u8]>,
    ) -> Result<Option<(String, String)>> {
        let Some(bytes) = module else {
            return Ok(None);
        };
        let info = draft
            .module
            .as_ref()
            .ok_or_else(|| StorageError::Backend("a module came without its description".into()))?;
        let blob = self.store_module(&info.sha256, bytes).await?;
        Ok(Some((info.sha256.clone(), blob)))
    }

    /// What follows a change that may have taken a module into use: removes the blobs that
    /// it says nobody uses any more, or, when it failed, the bytes that were stored for it.
    /// The caller holds the lock on modules.
    pub(super) async fn end_upload(
        &self,
        changed: Result<Vec<String>>,
        attempted: Option<&str>,
    ) -> Result<()> {
        match changed {
            Ok(unused) => self.remove_blobs(&unused).await,
            Err(error) => {
                self.abandon_upload(attempted).await?;
                Err(error)
            }
        }
    }

    /// Removes a module's bytes that were stored for nothing, unless the module is there
    /// from before. The caller holds the lock on modules.
    async fn abandon_upload(&self, sha256: Option<&str>) -> Result<()> {
        let Some(sha256) = sha256 else {
            return Ok(());
        };
        let kv = &self.shared.kv;
        if kv.get(self.keys.module(sha256).as_bytes())?.is_none() {
            self.shared
                .remove_blob(&self.keys.module_blob(sha256))
                .await?;
        }
        Ok(())
    }

    pub(super) async fn remove_blobs(&self, names: &[String]) -> Result<()> {
        for name in names {
            self.shared.remove_blob(name).await?;
        }
        Ok(())
    }
}

/// Notes one more use of a module, which must be there.
pub(super) fn use_module(
    change: &mut Transaction<'_>,
    keys: &TenantKeys,
    sha256: &str,
    used_by: impl FnOnce(&str) -> Key,
) -> Result<()> {
    if !change.contains(&keys.module(sha256))? {
        return Err(StorageError::NotFound { what: MODULE });
    }
    change.put(&used_by(sha256), &())
}

/// Deletes a version, and notes the use of its module that ends. Answers the module's
/// SHA-256.
fn delete_version(
    change: &mut Transaction<'_>,
    keys: &TenantKeys,
    id: &VersionId,
    gone: &mut Vec<Key>,
) -> Result<Option<String>> {
    let key = keys.version(id);
    let version: Option<ActionVersion> = change.get(&key)?;
    change.delete(&key);
    Ok(version.map(|version| {
        let sha256 = version.module.sha256;
        gone.push(keys.module_in_version(&sha256, id));
        change.delete(&keys.version_of(&version.action_id, version.number));
        sha256
    }))
}

/// Ends the uses `gone` of `modules`; modules that have no other are removed.
/// Answers the names of their blobs, which may be removed once this is stored.
pub(super) fn release_modules(
    change: &mut Transaction<'_>,
    keys: &TenantKeys,
    modules: BTreeSet<String>,
    gone: &[Key],
) -> Result<Vec<String>> {
    let mut unused = Vec::new();
    for key in gone {
        change.delete(key);
    }
    for sha256 in modules {
        let uses = change.stored_keys(&keys.module_uses(&sha256), usize::MAX)?;
        if uses.iter().all(|key| gone.contains(key)) {
            change.delete(&keys.module(&sha256));
            unused.push(keys.module_blob(&sha256));
        }
    }
    Ok(unused)
}

/// Takes an Action out of all triggers.
///
/// `Conflict` when it is in one and `detach` is false.
fn unbind(
    change: &mut Transaction<'_>,
    keys: &TenantKeys,
    id: &ActionId,
    detach: bool,
) -> Result<()> {
    for trigger in Trigger::ALL {
        let key = keys.bindings(trigger);
        let mut bindings: TriggerBindings = change.get(&key)?.unwrap_or_default();
        let bound = bindings.bindings.len();
        bindings.bindings.retain(|binding| binding.action_id != *id);
        if bindings.bindings.len() == bound {
            continue;
        }
        if !detach {
            return Err(StorageError::Conflict {
                what: "a binding of this action to a trigger",
            });
        }
        bindings.revision += 1;
        change.put(&key, &bindings)?;
    }
    Ok(())
}
