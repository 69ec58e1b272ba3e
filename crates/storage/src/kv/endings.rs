//! What ends by itself, and removing it.
//!
//! Each such thing has an entry under its end. When its end moves the entry stays where
//! it is: that saves the write that every use would take, and whoever removes what has
//! ended looks at the thing itself and files it anew.

use claimsmith_model::{
    AuthorizationCode, OpaqueToken, RefreshGrant, RefreshGrantId, Session, Timestamp,
};
use serde::{Deserialize, Serialize};

use super::{
    Result,
    codes::remembered_until,
    keys::TenantKeys,
    refresh_grants::{self, delete_refresh_grant},
    sessions::{delete_session, session_end},
    transaction::Transaction,
};

/// Something that ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ending {
    OpaqueToken([u8; 32]),
    Session([u8; 32]),
    AuthorizationCode([u8; 32]),
    RefreshGrant(RefreshGrantId),
    /// What stands for the text.
    UsedOnce(String),
}

impl Ending {
    /// Files it under its end.
    pub(super) fn file(
        &self,
        change: &mut Transaction<'_>,
        keys: &TenantKeys,
        end: Timestamp,
    ) -> Result<()> {
        change.put(&keys.end(end, self), self)
    }

    /// When it really ends; none when it is gone, or never does (any more).
    fn end(&self, change: &Transaction<'_>, keys: &TenantKeys) -> Result<Option<Timestamp>> {
        Ok(match self {
            Self::OpaqueToken(sha256) => change
                .get::<OpaqueToken>(&keys.opaque_token(sha256))?
                .map(|token| token.expires_at),
            Self::Session(sha256) => change
                .get::<Session>(&keys.session(sha256))?
                .map(|session| session_end(&session)),
            Self::AuthorizationCode(sha256) => change
                .get::<AuthorizationCode>(&keys.authorization_code(sha256))?
                .map(|code| remembered_until(&code)),
            Self::RefreshGrant(id) => change
                .get::<RefreshGrant>(&keys.refresh_grant(id))?
                .and_then(|grant| refresh_grants::remembered_until(&grant)),
            Self::UsedOnce(hidden) => change.get(&keys.used_once(hidden))?,
        })
    }

    fn delete(&self, change: &mut Transaction<'_>, keys: &TenantKeys) -> Result<()> {
        match self {
            Self::OpaqueToken(sha256) => change.delete(&keys.opaque_token(sha256)),
            Self::Session(sha256) => delete_session(change, keys, sha256)?,
            Self::AuthorizationCode(sha256) => change.delete(&keys.authorization_code(sha256)),
            Self::RefreshGrant(id) => delete_refresh_grant(change, keys, id)?,
            Self::UsedOnce(hidden) => change.delete(&keys.used_once(hidden)),
        }
        Ok(())
    }
}

/// Removes what ended before `now`, of the `limit` entries that come first; answers how
/// many things it removed or filed anew.
pub(super) fn remove_expired(
    change: &mut Transaction<'_>,
    keys: &TenantKeys,
    now: Timestamp,
    limit: usize,
) -> Result<usize> {
    let mut done = 0;
    for entry in change.stored_keys(&keys.ends(), limit)? {
        if !keys.ended_before(&entry, now) {
            break;
        }
        if let Some(ending) = change.get::<Ending>(&entry)? {
            match ending.end(change, keys)? {
                Some(end) if end >= now => ending.file(change, keys, end)?,
                Some(_) => ending.delete(change, keys)?,
                None => {}
            }
        }
        change.delete(&entry);
        done += 1;
    }
    Ok(done)
}
