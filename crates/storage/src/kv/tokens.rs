//! Opaque access tokens, what `/userinfo` shows, and texts that are good once.

use async_trait::async_trait;
use claimsmith_model::{ClientId, JsonObject, OpaqueToken, Timestamp, UserId};

use super::{
    KeyValue, Result,
    endings::{self, Ending},
    keys::TenantKeys,
    tenant::KvTenant,
    transaction::Transaction,
};
use crate::{StorageError, TokenRepository};

#[async_trait]
impl<K: KeyValue> TokenRepository for KvTenant<K> {
    async fn opaque_token(&self, sha256: &[u8; 32]) -> Result<Option<OpaqueToken>> {
        self.get(&self.keys.opaque_token(sha256))
    }

    async fn remove_opaque_token(&self, sha256: &[u8; 32]) -> Result<()> {
        let sha256 = *sha256;
        self.change(move |change, keys| {
            change.delete(&keys.opaque_token(&sha256));
            Ok(())
        })
        .await
    }

    async fn remove_expired(&self, now: Timestamp, limit: usize) -> Result<usize> {
        self.change(move |change, keys| endings::remove_expired(change, keys, now, limit))
            .await
    }

    async fn use_once(&self, purpose: &'static str, text: &str, end: Timestamp) -> Result<bool> {
        let hidden = self.keys.hidden_once(purpose, text);
        self.change(move |change, keys| {
            let key = keys.used_once(&hidden);
            if change.contains(&key)? {
                return Ok(false);
            }
            change.put(&key, &end)?;
            Ending::UsedOnce(hidden).file(change, keys, end)?;
            Ok(true)
        })
        .await
    }

    async fn userinfo_claims(&self, user: &UserId, client: &ClientId) -> Result<JsonObject> {
        Ok(self
            .get(&self.keys.userinfo(user, client))?
            .unwrap_or_default())
    }

    async fn put_userinfo_claims(
        &self,
        user: &UserId,
        client: &ClientId,
        claims: &JsonObject,
    ) -> Result<()> {
        if self.userinfo_claims(user, client).await? == *claims {
            return Ok(());
        }
        let (user, client, claims) = (user.clone(), client.clone(), claims.clone());
        self.change(move |change, keys| {
            if !change.contains(&keys.user(&user))? {
                return Err(StorageError::NotFound { what: "the user" });
            }
            change.put(&keys.userinfo(&user, &client), &claims)
        })
        .await
    }
}

pub(super) fn put_opaque_token(
    change: &mut Transaction<'_>,
    keys: &TenantKeys,
    sha256: &[u8; 32],
    token: &OpaqueToken,
) -> Result<()> {
    let key = keys.opaque_token(sha256);
    if !change.contains(&key)? {
        Ending::OpaqueToken(*sha256).file(change, keys, token.expires_at)?;
    }
    change.put(&key, token)
}
