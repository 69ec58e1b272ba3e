//! Authorization codes.

use async_trait::async_trait;
use claimsmith_model::{AuthorizationCode, RedeemedCode, Timestamp};

use super::{
    KeyValue, Result,
    endings::Ending,
    keys::TenantKeys,
    refresh_grants::{delete_refresh_grant, put_given},
    sessions::goes_on,
    tenant::KvTenant,
    transaction::Transaction,
};
use crate::{CodeRepository, GivenTokens};

/// How long a code is remembered after its end, so that replaying it is noticed.
const REMEMBERED_S: i64 = 3_600;

#[async_trait]
impl<K: KeyValue> CodeRepository for KvTenant<K> {
    async fn authorization_code(&self, sha256: &[u8; 32]) -> Result<Option<AuthorizationCode>> {
        self.get(&self.keys.authorization_code(sha256))
    }

    async fn put_authorization_code(
        &self,
        sha256: &[u8; 32],
        code: &AuthorizationCode,
    ) -> Result<()> {
        let (sha256, code) = (*sha256, code.clone());
        self.change(move |change, keys| {
            let key = keys.authorization_code(&sha256);
            change.insert(&key, &code, "an authorization code like this one")?;
            Ending::AuthorizationCode(sha256).file(change, keys, remembered_until(&code))
        })
        .await
    }

    async fn redeem_authorization_code(
        &self,
        sha256: &[u8; 32],
        given: &GivenTokens,
        now: Timestamp,
    ) -> Result<bool> {
        let (sha256, given) = (*sha256, given.clone());
        self.change(move |change, keys| {
            let key = keys.authorization_code(&sha256);
            let code: Option<AuthorizationCode> = change.get(&key)?;
            let Some(mut code) =
                code.filter(|code| code.redeemed.is_none() && now < code.expires_at)
            else {
                return Ok(false);
            };
            if !still_stands(change, keys, &code)? {
                return Ok(false);
            }
            code.redeemed = Some(RedeemedCode {
                refresh_grant: given.refresh_grant.as_ref().map(|grant| grant.id.clone()),
                opaque_token: given.opaque_token.as_ref().map(|(sha256, _)| *sha256),
            });
            // What the tokens have is not needed any more.
            code.access_token_claims.clear();
            code.id_token_claims.clear();
            change.put(&key, &code)?;
            put_given(change, keys, &given)?;
            Ok(true)
        })
        .await
    }

    async fn revoke_redeemed_code(&self, sha256: &[u8; 32]) -> Result<()> {
        let sha256 = *sha256;
        self.change(move |change, keys| {
            let code: Option<AuthorizationCode> = change.get(&keys.authorization_code(&sha256))?;
            let Some(gave) = code.and_then(|code| code.redeemed) else {
                return Ok(());
            };
            if let Some(id) = &gave.refresh_grant {
                delete_refresh_grant(change, keys, id)?;
            }
            if let Some(sha256) = &gave.opaque_token {
                change.delete(&keys.opaque_token(sha256));
            }
            Ok(())
        })
        .await
    }
}

/// Whether what the code was given for is still so: the user has not logged out, and
/// not taken back what they allowed.
fn still_stands(
    change: &Transaction<'_>,
    keys: &TenantKeys,
    code: &AuthorizationCode,
) -> Result<bool> {
    let (user, client) = (&code.user_id, &code.client_id);
    if code.rests_on_consent
        && !change.contains(&keys.consent(user, client, code.audience.as_deref()))?
    {
        return Ok(false);
    }
    match &code.session_id {
        Some(session) => goes_on(change, keys, user, session),
        None => Ok(true),
    }
}

pub(super) fn remembered_until(code: &AuthorizationCode) -> Timestamp {
    code.expires_at.plus_seconds(REMEMBERED_S)
}
