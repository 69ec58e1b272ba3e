//! Refresh tokens, by the grants that they belong to.

use async_trait::async_trait;
use claimsmith_model::{
    ClientId, LIVE_REFRESH_TOKENS_MAX, LiveRefreshToken, OPAQUE_TOKEN_LIFETIME_S, RefreshGrant,
    RefreshGrantId, Timestamp, UserId,
};

use super::{
    KeyValue, Result, endings::Ending, keys::TenantKeys, tenant::KvTenant,
    tokens::put_opaque_token, transaction::Transaction, users::still_in,
};
use crate::{GivenTokens, RefreshExchange, RefreshExchanged, RefreshTokenRepository};

/// The most refresh grants of one user at one client: the reference product's number.
const GRANTS_MAX: usize = 200;

/// For how long a token that was replaced is remembered after its leeway, in seconds: a
/// request that brought it in time may have waited for its Actions meanwhile.
const UNDER_WAY_S: i64 = 60;

#[async_trait]
impl<K: KeyValue> RefreshTokenRepository for KvTenant<K> {
    async fn refresh_grant(&self, id: &RefreshGrantId) -> Result<Option<RefreshGrant>> {
        self.get(&self.keys.refresh_grant(id))
    }

    async fn refresh_grants(
        &self,
        user: &UserId,
        client: Option<&ClientId>,
    ) -> Result<Vec<RefreshGrant>> {
        let ids: Vec<RefreshGrantId> = self.all(self.keys.refresh_grants_of(user, client)).await?;
        those_that_are_there(&ids, |id| self.get(&self.keys.refresh_grant(id)))
    }

    async fn put_given_tokens(&self, given: &GivenTokens) -> Result<bool> {
        let given = given.clone();
        self.change(move |change, keys| {
            let grant = given.refresh_grant.as_ref();
            let grant = grant.map(|grant| (&grant.user_id, grant.logins_ended));
            let token = given.opaque_token.as_ref();
            let token = token.map(|(_, token)| (&token.user_id, token.logins_ended));
            for (user, logins_ended) in grant.into_iter().chain(token) {
                if still_in(change, keys, user, logins_ended)?.is_none() {
                    return Ok(false);
                }
            }
            put_given(change, keys, &given)?;
            Ok(true)
        })
        .await
    }

    async fn exchange_refresh_token(
        &self,
        id: &RefreshGrantId,
        exchange: &RefreshExchange,
    ) -> Result<RefreshExchanged> {
        let (id, exchange) = (id.clone(), exchange.clone());
        self.change(move |change, keys| {
            let key = keys.refresh_grant(&id);
            let Some(mut grant) = change.get::<RefreshGrant>(&key)? else {
                return Ok(RefreshExchanged::Gone);
            };
            if grant.has_ended(exchange.now) {
                return Ok(RefreshExchanged::Gone);
            }
            let Some(newest) = newest(&mut grant.live, &exchange) else {
                delete_refresh_grant(change, keys, &id)?;
                return Ok(RefreshExchanged::Reused);
            };
            grant.last_exchanged_at = Some(exchange.now);
            grant.expires_at = exchange.expires_at;
            grant.idle_expires_at = exchange.idle_expires_at;
            change.put(&key, &grant)?;
            if let Some((sha256, token)) = &exchange.opaque_token {
                put_opaque_token(change, keys, sha256, token)?;
            }
            Ok(RefreshExchanged::Exchanged { newest })
        })
        .await
    }

    async fn revoke_refresh_grant(&self, id: &RefreshGrantId) -> Result<()> {
        let id = id.clone();
        self.change(move |change, keys| delete_refresh_grant(change, keys, &id))
            .await
    }
}

/// Replaces the token that is presented, unless that was done already, and answers which
/// token is good from now on; none when the one that is presented isn't.
fn newest(live: &mut Vec<LiveRefreshToken>, exchange: &RefreshExchange) -> Option<[u8; 32]> {
    let is_presented = |token: &&mut LiveRefreshToken| {
        token.sha256 == exchange.presented && token.is_good(exchange.replaced_since)
    };
    let presented = live.iter_mut().find(is_presented)?;
    let Some(successor) = exchange.successor else {
        return Some(exchange.presented);
    };
    if presented.replaced_at.is_some() {
        let newest = live.iter().rfind(|token| token.replaced_at.is_none());
        return newest.map(|newest| newest.sha256);
    }
    presented.replaced_at = Some(exchange.now);
    let remembered_since = exchange.replaced_since;
    let remembered_since = remembered_since.map(|since| since.plus_seconds(-UNDER_WAY_S));
    live.retain(|token| token.is_good(remembered_since));
    live.push(LiveRefreshToken {
        sha256: successor,
        replaced_at: None,
    });
    let beyond = live.len().saturating_sub(LIVE_REFRESH_TOKENS_MAX);
    live.drain(..beyond);
    Some(successor)
}

/// Stores what a login gives.
pub(super) fn put_given(
    change: &mut Transaction<'_>,
    keys: &TenantKeys,
    given: &GivenTokens,
) -> Result<()> {
    if let Some((sha256, token)) = &given.opaque_token {
        put_opaque_token(change, keys, sha256, token)?;
    }
    let Some(grant) = &given.refresh_grant else {
        return Ok(());
    };
    let (user, client, id) = (&grant.user_id, &grant.client_id, &grant.id);
    let of_user = keys.refresh_grants_of(user, Some(client));
    let beyond = (change.stored_count(&of_user)? + 1).saturating_sub(GRANTS_MAX);
    for oldest in change.first_stored_values::<RefreshGrantId>(&of_user, beyond)? {
        delete_refresh_grant(change, keys, &oldest)?;
    }
    change.insert(
        &keys.refresh_grant(id),
        grant,
        "a refresh grant with this id",
    )?;
    change.put(
        &keys.refresh_grant_of(user, client, grant.created_at, id),
        id,
    )?;
    change.put(&keys.refresh_grant_at(client, id), id)?;
    match remembered_until(grant) {
        Some(end) => Ending::RefreshGrant(id.clone()).file(change, keys, end),
        None => Ok(()),
    }
}

/// The grants of a user in the store, at one client when given.
pub(super) fn refresh_grants(
    change: &Transaction<'_>,
    keys: &TenantKeys,
    user: &UserId,
    client: Option<&ClientId>,
) -> Result<Vec<RefreshGrant>> {
    let ids: Vec<RefreshGrantId> = change.stored_values(&keys.refresh_grants_of(user, client))?;
    those_that_are_there(&ids, |id| change.get(&keys.refresh_grant(id)))
}

/// The grants that an index names; one that another change deletes meanwhile is none.
fn those_that_are_there(
    ids: &[RefreshGrantId],
    get: impl Fn(&RefreshGrantId) -> Result<Option<RefreshGrant>>,
) -> Result<Vec<RefreshGrant>> {
    ids.iter().filter_map(|id| get(id).transpose()).collect()
}

/// Until when a grant is remembered: an opaque access token that came of it may be good
/// for as long after its end.
pub(super) fn remembered_until(grant: &RefreshGrant) -> Option<Timestamp> {
    let end = grant.ends_at()?;
    Some(end.plus_seconds(i64::from(OPAQUE_TOKEN_LIFETIME_S)))
}

/// Deletes a grant and what leads to it; one that isn't there is no error.
pub(super) fn delete_refresh_grant(
    change: &mut Transaction<'_>,
    keys: &TenantKeys,
    id: &RefreshGrantId,
) -> Result<()> {
    let key = keys.refresh_grant(id);
    if let Some(grant) = change.get::<RefreshGrant>(&key)? {
        let (user, client) = (&grant.user_id, &grant.client_id);
        change.delete(&keys.refresh_grant_of(user, client, grant.created_at, id));
        change.delete(&keys.refresh_grant_at(client, id));
        change.delete(&key);
    }
    Ok(())
}
