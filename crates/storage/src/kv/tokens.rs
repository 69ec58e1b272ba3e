//! Opaque access tokens, and what `/userinfo` shows.

use async_trait::async_trait;
use claimsmith_model::{ClientId, JsonObject, OpaqueToken, Timestamp, UserId};

use super::{KeyValue, Result, tenant::KvTenant};
use crate::{StorageError, TokenRepository};

#[async_trait]
impl<K: KeyValue> TokenRepository for KvTenant<K> {
    async fn opaque_token(&self, sha256: &[u8; 32]) -> Result<Option<OpaqueToken>> {
        self.get(&self.keys.opaque_token(sha256))
    }

    async fn put_opaque_token(&self, sha256: &[u8; 32], token: &OpaqueToken) -> Result<()> {
        let (sha256, token) = (*sha256, token.clone());
        self.change(move |change, keys| {
            let key = keys.opaque_token(&sha256);
            if let Some(replaced) = change.get::<OpaqueToken>(&key)? {
                change.delete(&keys.opaque_token_end(replaced.expires_at, &sha256));
            }
            change.put(&keys.opaque_token_end(token.expires_at, &sha256), &())?;
            change.put(&key, &token)
        })
        .await
    }

    async fn remove_expired_opaque_tokens(&self, now: Timestamp, limit: usize) -> Result<usize> {
        self.change(move |change, keys| {
            let mut removed = 0;
            for end in change.stored_keys(&keys.opaque_token_ends(), limit)? {
                if !keys.ended_before(&end, now) {
                    break;
                }
                change.delete(&keys.opaque_token_hex(end.last_part()));
                change.delete(&end);
                removed += 1;
            }
            Ok(removed)
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
