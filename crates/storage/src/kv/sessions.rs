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
    users::still_in,
};
use crate::{SessionRepository, SessionUse};

/// The most sessions of one user, as of refresh grants: all of them end in one change.
const SESSIONS_MAX: usize = 200;

#[async_trait]
impl<K: KeyValue> SessionRepository for KvTenant<K> {
    async fn session(&self, sha256: &[u8; 32]) -> Result<Option<Session>> {
        self.get(&self.keys.session(sha256))
    }

    async fn session_by_id(&self, id: &SessionId) -> Result<Option<Session>> {
        let index = self.keys.session_by_id(id);
        self.get_by_index(&index, |sha256| self.keys.session(sha256))
    }

    async fn sessions(&self, user: &UserId) -> Result<Vec<Session>> {
        let places: Vec<[u8; 32]> = self.all(self.keys.sessions_of(user)).await?;
        let mut sessions = Vec::with_capacity(places.len());
        for sha256 in places {
            sessions.extend(self.get::<Session>(&self.keys.session(&sha256))?);
        }
        sessions.sort_by_key(|session| session.created_at);
        Ok(sessions)
    }

    async fn put_session(
        &self,
        sha256: &[u8; 32],
        session: &Session,
        instead_of: Option<&[u8; 32]>,
    ) -> Result<bool> {
        let (sha256, session) = (*sha256, session.clone());
        let instead_of = instead_of.copied();
        self.change(move |change, keys| {
            let user = &session.user_id;
            if still_in(change, keys, user, session.logins_ended)?.is_none() {
                return Ok(false);
            }
            let mut is_one_more = true;
            if let Some(sha256) = instead_of {
                let replaced: Option<Session> = change.get(&keys.session(&sha256))?;
                is_one_more = replaced.is_none_or(|replaced| replaced.user_id != *user);
                delete_session(change, keys, &sha256)?;
            }
            let key = keys.session(&sha256);
            if !change.contains(&key)? {
                if is_one_more {
                    make_room(change, keys, user)?;
                }
                Ending::Session(sha256).file(change, keys, session_end(&session))?;
            }
            change.put(&keys.session_of(user, &sha256), &sha256)?;
            change.put(&keys.session_by_id(&session.id), &sha256)?;
            change.put(&key, &session)?;
            Ok(true)
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

    async fn end_session(&self, sha256: &[u8; 32]) -> Result<Option<Session>> {
        let sha256 = *sha256;
        self.change(move |change, keys| end(change, keys, &sha256))
            .await
    }

    async fn end_session_by_id(&self, id: &SessionId) -> Result<()> {
        let id = id.clone();
        self.change(move |change, keys| {
            if let Some(sha256) = change.get(&keys.session_by_id(&id))? {
                end(change, keys, &sha256)?;
            }
            Ok(())
        })
        .await
    }

    async fn end_sessions(&self, user: &UserId) -> Result<()> {
        let user = user.clone();
        self.change(move |change, keys| {
            for sha256 in change.stored_values(&keys.sessions_of(&user))? {
                end(change, keys, &sha256)?;
            }
            Ok(())
        })
        .await
    }
}

/// Ends the oldest sessions of a user who has as many as there may be.
fn make_room(change: &mut Transaction<'_>, keys: &TenantKeys, user: &UserId) -> Result<()> {
    let of_user = keys.sessions_of(user);
    if change.stored_count(&of_user)? < SESSIONS_MAX {
        return Ok(());
    }
    let mut sessions = Vec::new();
    for sha256 in change.stored_values::<[u8; 32]>(&of_user)? {
        let session: Option<Session> = change.get(&keys.session(&sha256))?;
        sessions.extend(session.map(|session| (session.created_at, sha256)));
    }
    sessions.sort_unstable();
    let beyond = (sessions.len() + 1).saturating_sub(SESSIONS_MAX);
    for (_, oldest) in sessions.into_iter().take(beyond) {
        end(change, keys, &oldest)?;
    }
    Ok(())
}

/// Ends a session and revokes what came from it.
fn end(
    change: &mut Transaction<'_>,
    keys: &TenantKeys,
    sha256: &[u8; 32],
) -> Result<Option<Session>> {
    let session: Option<Session> = change.get(&keys.session(sha256))?;
    if let Some(session) = &session {
        delete_session(change, keys, sha256)?;
        let is_of_it = |grant: &RefreshGrant| grant.session_id.as_ref() == Some(&session.id);
        revoke(change, keys, &session.user_id, is_of_it)?;
    }
    Ok(session)
}

/// Whether a user's session is there (any more).
pub(super) fn goes_on(
    change: &Transaction<'_>,
    keys: &TenantKeys,
    user: &UserId,
    id: &SessionId,
) -> Result<bool> {
    if let Some(sha256) = change.get(&keys.session_by_id(id))? {
        return change.contains(&keys.session(&sha256));
    }
    // It has ended, or was stored before there was an index of identifiers.
    for sha256 in change.stored_values(&keys.sessions_of(user))? {
        let session: Option<Session> = change.get(&keys.session(&sha256))?;
        if session.is_some_and(|session| session.id == *id) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Ends a user's sessions and revokes their refresh grants.
pub(super) fn end_logins(
    change: &mut Transaction<'_>,
    keys: &TenantKeys,
    user: &UserId,
) -> Result<()> {
    for sha256 in change.stored_values::<[u8; 32]>(&keys.sessions_of(user))? {
        delete_session(change, keys, &sha256)?;
        change.delete(&keys.session_of(user, &sha256));
    }
    revoke(change, keys, user, |_| true)
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
        // After a new login it goes on under another cookie.
        let by_id = keys.session_by_id(&session.id);
        if change.get::<[u8; 32]>(&by_id)?.as_ref() == Some(sha256) {
            change.delete(&by_id);
        }
        change.delete(&keys.session(sha256));
    }
    Ok(())
}
