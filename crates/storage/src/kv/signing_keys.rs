//! Signing keys.

use async_trait::async_trait;
use claimsmith_model::{KeyUse, StoredKey};

use super::{KeyValue, Result, tenant::KvTenant};
use crate::KeyRepository;

#[async_trait]
impl<K: KeyValue> KeyRepository for KvTenant<K> {
    async fn signing_keys(&self) -> Result<Vec<StoredKey>> {
        let mut keys: Vec<StoredKey> = self.all(self.keys.signing_keys()).await?;
        keys.sort_by_key(|key| key.created_at);
        Ok(keys)
    }

    async fn current_signing_key_or_insert(&self, key: &StoredKey) -> Result<StoredKey> {
        let key = key.clone();
        self.configure(move |change, keys| {
            let stored: Vec<StoredKey> = change.stored_values(&keys.signing_keys())?;
            let current = stored.into_iter().find(|stored| {
                stored.algorithm == key.algorithm && stored.key_use == KeyUse::Current
            });
            if let Some(current) = current {
                return Ok(current);
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
}
