//! Users' sessions in their browsers.

use async_trait::async_trait;
use claimsmith_model::{RefreshGrant, Session, SessionId, Timestamp, UserId};

use super::{
    KeyValue, Result,
    endings::Ending,
    keys::TenantKeys,
    refresh_grants::{delete_refresh_grant, refresh_grants},
    tenant::KvTenant,
    transaction::Transaction,
};
use crate::{SessionRepository, SessionUse, StorageError};

#[async_trait]
impl<K: KeyValue> SessionRepository for KvTenant<K> {
    async fn session(&self, sha256: &[u8; 32]) -> Result<Option<Session>> {
        self.get(&self.keys.session(sha256))
    }

    async fn put_session(
        &self,
        sha256: &[u8; 32],
        session: &Session,
        instead_of: Option<&[u8; 32]>,
    ) -> Result<()> {
        let (sha256, session) = (*sha256, session.clone());
        let instead_of = instead_of.copied();
        self.change(move |change, keys| {
            if !change.contains(&keys.user(&session.user_id))? {
                return Err(StorageError::NotFound { what: "the user" });
            }
            if let Some(replaced) = instead_of {
                delete_session(change, keys, &replaced)?;
            }
            let key = keys.session(&sha256);
            if !change.contains(&key)? {
                Ending::Session(sha256).file(change, keys, session_end(&session))?;
            }
            change.put(&keys.session_of(&session.user_id, &sha256), &sha256)?;
            change.put(&key, &session)
        })
        .await
    }

    async fn use_session(&self, sha256: &[u8; 32], used: &SessionUse) -> Result<bool> {
        let (sha256, used) = (*sha256, used.clone());
        self.change(move |change, keys| {
            let key = keys.session(&sha256);
            let Some(mut session) = change.get::<Session>(&key)? else {
                return Ok(false);
            };
            session.last_interacted_at = used.at;
            session.idle_expires_at = used.idle_expires_at;
            session.clients.retain(|client| *client != used.client);
            session.clients.push(used.client);
            let beyond = session.clients.len().saturating_sub(used.clients_max);
            session.clients.drain(..beyond);
            change.put(&key, &session)?;
            Ok(true)
        })
        .await
    }

    async fn end_session(&self, sha256: &[u8; 32]) -> Result<()> {
        let sha256 = *sha256;
        self.change(move |change, keys| {
            let Some(session) = change.get::<Session>(&keys.session(&sha256))? else {
                return Ok(());
            };
            delete_session(change, keys, &sha256)?;
            let is_of_it = |grant: &RefreshGrant| grant.session_id.as_ref() == Some(&session.id);
            revoke(change, keys, &session.user_id, is_of_it)
        })
        .await
    }

    async fn end_all_logins(&self, user: &UserId, except: Option<&SessionId>) -> Result<()> {
        let (user, except) = (user.clone(), except.cloned());
        self.change(move |change, keys| end_logins(change, keys, &user, except.as_ref()))
            .await
    }
}

/// Ends a user's sessions and revokes their refresh grants.
pub(super) fn end_logins(
    change: &mut Transaction<'_>,
    keys: &TenantKeys,
    user: &UserId,
    except: Option<&SessionId>,
) -> Result<()> {
    for sha256 in change.stored_values::<[u8; 32]>(&keys.sessions_of(user))? {
        let session = change.get::<Session>(&keys.session(&sha256))?;
        if session.is_none_or(|session| except != Some(&session.id)) {
            delete_session(change, keys, &sha256)?;
            change.delete(&keys.session_of(user, &sha256));
        }
    }
    let is_other = |grant: &RefreshGrant| {
        except.is_none_or(|except| grant.session_id.as_ref() != Some(except))
    };
    revoke(change, keys, user, is_other)
}

fn revoke(
    change: &mut Transaction<'_>,
    keys: &TenantKeys,
    user: &UserId,
    which: impl Fn(&RefreshGrant) -> bool,
) -> Result<()> {
    for grant in refresh_grants(change, keys, user, None)? {
        if which(&grant) {
            delete_refresh_grant(change, keys, &grant.id)?;
        }
    }
    Ok(())
}

pub(super) fn session_end(session: &Session) -> Timestamp {
    session.expires_at.min(session.idle_expires_at)
}

pub(super) fn delete_session(
    change: &mut Transaction<'_>,
    keys: &TenantKeys,
    sha256: &[u8; 32],
) -> Result<()> {
    if let Some(session) = change.get::<Session>(&keys.session(sha256))? {
        change.delete(&keys.session_of(&session.user_id, sha256));
        change.delete(&keys.session(sha256));
    }
    Ok(())
}
