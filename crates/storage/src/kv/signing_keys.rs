//! Signing keys.

use async_trait::async_trait;
use claimsmith_model::{KeyId, KeyUse, SigningAlgorithm, StoredKey, Timestamp};

use super::{KeyValue, Result, keys::TenantKeys, tenant::KvTenant, transaction::Transaction};
use crate::{KeyRepository, StorageError};

/// How many revoked keys of an algorithm are kept, to be shown.
const REVOKED_KEPT_MAX: usize = 10;

#[async_trait]
impl<K: KeyValue> KeyRepository for KvTenant<K> {
    async fn signing_keys(&self) -> Result<Vec<StoredKey>> {
        Ok(oldest_first(self.all(self.keys.signing_keys()).await?))
    }

    async fn current_signing_key_or_insert(&self, key: &StoredKey) -> Result<StoredKey> {
        let key = key.clone();
        self.configure(move |change, keys| {
            let stored: Vec<StoredKey> = change.stored_values(&keys.signing_keys())?;
            if let Some(current) = of_use(&stored, key.algorithm, KeyUse::Current) {
                return Ok(current.clone());
            }
            change.insert(
                &keys.signing_key(&key.id),
                &key,
                "a signing key with this kid",
            )?;
            Ok(key)
        })
        .await
    }

    async fn next_signing_key_or_insert(&self, key: &StoredKey) -> Result<Vec<StoredKey>> {
        let key = key.as_next();
        self.change_keys(move |stored| {
            if of_use(stored, key.algorithm, KeyUse::Next).is_none() {
                stored.push(key);
            }
            Ok(())
        })
        .await
    }

    async fn raise_token_lifetime(&self, id: &KeyId, lifetime_s: u32) -> Result<Vec<StoredKey>> {
        let id = id.clone();
        self.change_keys(move |stored| {
            let key = find(stored, &id)?;
            key.token_lifetime_s_max = key.token_lifetime_s_max.max(lifetime_s);
            Ok(())
        })
        .await
    }

    async fn rotate_signing_keys(
        &self,
        fresh: &[StoredKey],
        now: Timestamp,
    ) -> Result<Vec<StoredKey>> {
        let fresh = fresh.to_vec();
        self.change_keys(move |stored| {
            for fresh in fresh {
                let of_algorithm = |key: &&mut StoredKey| {
                    key.algorithm == fresh.algorithm && key.key_use == KeyUse::Current
                };
                for current in stored.iter_mut().filter(of_algorithm) {
                    current.retire(now);
                }
                promote_next(stored, &fresh, now);
            }
            Ok(())
        })
        .await
    }

    async fn revoke_signing_key(
        &self,
        id: &KeyId,
        fresh: Option<&StoredKey>,
        now: Timestamp,
    ) -> Result<Vec<StoredKey>> {
        let (id, fresh) = (id.clone(), fresh.cloned());
        self.change_keys(move |stored| {
            let key = find(stored, &id)?;
            let (algorithm, was) = (key.algorithm, key.key_use);
            if was == KeyUse::Revoked {
                return Ok(());
            }
            key.revoke(now);
            if matches!(was, KeyUse::Current | KeyUse::Next) {
                let fresh = fresh.filter(|fresh| fresh.algorithm == algorithm);
                let fresh = fresh.ok_or(StorageError::Changed)?;
                if was == KeyUse::Current {
                    promote_next(stored, &fresh, now);
                } else {
                    stored.push(fresh.as_next());
                }
            }
            forget_revoked(stored, algorithm);
            Ok(())
        })
        .await
    }

    async fn remove_signing_keys_that_are_over(&self, now: Timestamp) -> Result<Vec<StoredKey>> {
        self.change_keys(move |stored| {
            stored.retain(|key| !key.is_over(now));
            Ok(())
        })
        .await
    }
}

impl<K: KeyValue> KvTenant<K> {
    /// Changes the keys as a whole: what differs afterwards is written, what is missing
    /// is deleted. Answers all of them.
    async fn change_keys(
        &self,
        change: impl FnOnce(&mut Vec<StoredKey>) -> Result<()> + Send + 'static,
    ) -> Result<Vec<StoredKey>> {
        self.configure(move |transaction, keys| {
            let before: Vec<StoredKey> = transaction.stored_values(&keys.signing_keys())?;
            let mut after = before.clone();
            change(&mut after)?;
            write(transaction, keys, &before, &after)?;
            Ok(oldest_first(after))
        })
        .await
    }
}

fn write(
    transaction: &mut Transaction<'_>,
    keys: &TenantKeys,
    before: &[StoredKey],
    after: &[StoredKey],
) -> Result<()> {
    for key in after.iter().filter(|key| !before.contains(key)) {
        transaction.put(&keys.signing_key(&key.id), key)?;
    }
    let is_gone = |key: &&StoredKey| !after.iter().any(|kept| kept.id == key.id);
    for key in before.iter().filter(is_gone) {
        transaction.delete(&keys.signing_key(&key.id));
    }
    Ok(())
}

/// Lets the next key of an algorithm sign, and keeps the fresh one for after it; when
/// there is no next key, lets the fresh one sign.
fn promote_next(stored: &mut Vec<StoredKey>, fresh: &StoredKey, now: Timestamp) {
    let next = stored
        .iter_mut()
        .find(|key| key.algorithm == fresh.algorithm && key.key_use == KeyUse::Next);
    let mut fresh = fresh.as_next();
    match next {
        Some(next) => next.begin(now),
        None => fresh.begin(now),
    }
    stored.push(fresh);
}

/// Forgets all but the newest revoked keys of an algorithm.
fn forget_revoked(stored: &mut Vec<StoredKey>, algorithm: SigningAlgorithm) {
    let is_revoked = |key: &StoredKey| key.algorithm == algorithm && key.key_use == KeyUse::Revoked;
    let mut revoked: Vec<_> = stored
        .iter()
        .filter(|key| is_revoked(key))
        .map(|key| (key.revoked_at, key.id.clone()))
        .collect();
    revoked.sort_unstable();
    let surplus = revoked.len().saturating_sub(REVOKED_KEPT_MAX);
    revoked.truncate(surplus);
    stored.retain(|key| !revoked.iter().any(|(_, id)| *id == key.id));
}

fn of_use(
    stored: &[StoredKey],
    algorithm: SigningAlgorithm,
    key_use: KeyUse,
) -> Option<&StoredKey> {
    stored
        .iter()
        .find(|key| key.algorithm == algorithm && key.key_use == key_use)
}

fn find<'a>(stored: &'a mut [StoredKey], id: &KeyId) -> Result<&'a mut StoredKey> {
    let found = stored.iter_mut().find(|key| key.id == *id);
    found.ok_or(StorageError::NotFound {
        what: "the signing key",
    })
}

fn oldest_first(mut keys: Vec<StoredKey>) -> Vec<StoredKey> {
    keys.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
    keys
}
