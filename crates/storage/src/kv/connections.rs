//! Connections, and the modules of their scripts.

use std::collections::BTreeSet;

use async_trait::async_trait;
use claimsmith_model::{Connection, CustomDatabase, User, UserId};

use super::{
    KeyValue, Result,
    actions::{release_modules, use_module},
    keys::{Key, TenantKeys},
    storage::{blocking, same_id},
    tenant::KvTenant,
    transaction::Transaction,
    users::remove_user,
};
use crate::{ConnectionRepository, StorageError, value::sha256_hex};

const CONNECTION: &str = "the connection";
const NAME: &str = "a connection with this name";

/// How many users of a deleted connection are removed in one change, so that other
/// writers wait for some milliseconds at most.
const REMOVED_AT_ONCE_MAX: usize = 100;

#[async_trait]
impl<K: KeyValue> ConnectionRepository for KvTenant<K> {
    async fn connections(&self) -> Result<Vec<Connection>> {
        let mut all: Vec<Connection> = self.all(self.keys.connections()).await?;
        all.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(all)
    }

    async fn connection_by_name(&self, name: &str) -> Result<Option<Connection>> {
        self.get(&self.keys.connection(name))
    }

    async fn create_connection(&self, connection: &Connection) -> Result<()> {
        // One of that name whose deletion was cut off has to be gone whole.
        self.finish_deletion(&connection.name).await?;
        let connection = connection.clone();
        self.configure(move |change, keys| {
            let name = &connection.name;
            if change
                .get::<String>(&keys.deleting_connection(name))?
                .is_some()
            {
                return Err(StorageError::Conflict { what: NAME });
            }
            for used in uses(keys, &connection) {
                use_module(change, keys, &used.sha256, |_| used.key.clone())?;
            }
            change.insert(&keys.connection(name), &connection, NAME)?;
            change.delete(&keys.deleted_connection(name));
            Ok(())
        })
        .await
    }

    async fn update_connection(
        &self,
        before: &Connection,
        after: &Connection,
        module: Option<&[u8]>,
    ) -> Result<()> {
        same_id(&(&before.id, &before.name), &(&after.id, &after.name))?;
        let uploads = self.shared.modules.lock().await;
        let uploaded = match module {
            Some(bytes) => {
                let sha256 = sha256_hex(bytes);
                let blob = self.store_module(&sha256, bytes).await?;
                Some((sha256, blob))
            }
            None => None,
        };

        let attempted = uploaded.as_ref().map(|(sha256, _)| sha256.clone());
        let (before, after) = (before.clone(), after.clone());
        let changed = self
            .configure(move |change, keys| {
                let key = keys.connection(&before.name);
                change.replace(&key, &before, &after, CONNECTION)?;
                if let Some((sha256, blob)) = uploaded {
                    change.put(&keys.module(&sha256), &blob)?;
                }
                let (old, new) = (uses(keys, &before), uses(keys, &after));
                for used in new.iter().filter(|used| !old.contains(used)) {
                    use_module(change, keys, &used.sha256, |_| used.key.clone())?;
                }
                let gone = old.iter().filter(|used| !new.contains(used));
                release(change, keys, gone, &new)
            })
            .await;
        let ended = self.end_upload(changed, attempted.as_deref()).await;
        drop(uploads);
        ended
    }

    async fn delete_connection(&self, name: &str) -> Result<()> {
        let uploads = self.shared.modules.lock().await;
        let gone = name.to_owned();
        let unused = self
            .configure(move |change, keys| {
                let key = keys.connection(&gone);
                let Some(connection) = change.get::<Connection>(&key)? else {
                    return Ok(Vec::new());
                };
                change.delete(&key);
                change.put(&keys.deleting_connection(&gone), &gone)?;
                // From here on nobody is created in it.
                change.put(&keys.deleted_connection(&gone), &())?;
                release(change, keys, uses(keys, &connection).iter(), &[])
            })
            .await?;
        self.remove_blobs(&unused).await?;
        drop(uploads);
        self.finish_deletion(name).await
    }
}

impl<K: KeyValue> KvTenant<K> {
    /// Finishes the deletions of connections that a crash has interrupted.
    pub(super) async fn finish_deletions(&self) -> Result<()> {
        let names: Vec<String> = self.all(self.keys.deleting_connections()).await?;
        for name in names {
            self.finish_deletion(&name).await?;
        }
        Ok(())
    }

    /// Removes the users of a connection that is gone already, piece by piece. As no
    /// user is created in one that was deleted, none is added meanwhile.
    async fn finish_deletion(&self, name: &str) -> Result<()> {
        let deleting = self.keys.deleting_connection(name);
        if self.get::<String>(&deleting)?.is_none() {
            return Ok(());
        }
        // Others may come and go while a pass pages through the users, which moves those
        // that it has not seen: it is over when a pass finds none.
        while self.remove_users_of(name).await? > 0 {}
        self.change(move |change, _| {
            change.delete(&deleting);
            Ok(())
        })
        .await
    }

    async fn remove_users_of(&self, name: &str) -> Result<usize> {
        let mut skip = 0;
        let mut removed = 0;
        loop {
            let (shared, users) = (std::sync::Arc::clone(&self.shared), self.keys.users());
            let found: Vec<User> =
                blocking(move || shared.scan(&users, skip, REMOVED_AT_ONCE_MAX)).await?;
            let theirs: Vec<UserId> = found
                .iter()
                .filter(|user| user.connection == name)
                .map(|user| user.user_id.clone())
                .collect();
            skip += found.len() - theirs.len();
            removed += theirs.len();
            if !theirs.is_empty() {
                self.change(move |change, keys| {
                    theirs
                        .iter()
                        .try_for_each(|id| remove_user(change, keys, id))
                })
                .await?;
            }
            if found.len() < REMOVED_AT_ONCE_MAX {
                return Ok(removed);
            }
        }
    }
}

/// A connection's use of a module.
#[derive(PartialEq)]
struct Use {
    sha256: String,
    key: Key,
}

fn uses(keys: &TenantKeys, connection: &Connection) -> Vec<Use> {
    let CustomDatabase { scripts, .. } = match &connection.custom_database {
        Some(database) => database,
        None => return Vec::new(),
    };
    scripts
        .iter()
        .map(|(script, stored)| {
            let sha256 = stored.module.sha256.clone();
            let key = keys.module_in_connection(&sha256, &connection.id, *script);
            Use { sha256, key }
        })
        .collect()
}

/// Ends uses of modules, which `kept` may use still. Answers the names of blobs that
/// nothing uses any more.
fn release<'a>(
    change: &mut Transaction<'_>,
    keys: &TenantKeys,
    gone: impl Iterator<Item = &'a Use>,
    kept: &[Use],
) -> Result<Vec<String>> {
    let (mut modules, gone): (BTreeSet<_>, Vec<_>) = gone
        .map(|used| (used.sha256.clone(), used.key.clone()))
        .unzip();
    modules.retain(|sha256| !kept.iter().any(|used| used.sha256 == *sha256));
    release_modules(change, keys, modules, &gone)
}
