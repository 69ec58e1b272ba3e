//! End users.

use std::collections::BTreeMap;

use async_trait::async_trait;
use claimsmith_model::{JsonObject, OrganizationId, Timestamp, User, UserId};
use serde_json::Value;

use super::{
    KeyValue, Result,
    consents::delete_consents_of,
    keys::{Key, TenantKeys},
    sessions::end_logins,
    storage::same_id,
    tenant::KvTenant,
    transaction::Transaction,
};
use crate::{Page, StorageError, UserRepository};

const USER: &str = "the user";
const EMAIL: &str = "a user with this email address in this connection";
const USERNAME: &str = "a user with this user name in this connection";

#[async_trait]
impl<K: KeyValue> UserRepository for KvTenant<K> {
    async fn user(&self, id: &UserId) -> Result<Option<User>> {
        self.get(&self.keys.user(id))
    }

    async fn user_by_login(&self, connection: &str, login: &str) -> Result<Option<User>> {
        let index = self.keys.login(connection, login);
        self.get_by_index(&index, |id| self.keys.user(id))
    }

    async fn users(&self, page: Page) -> Result<(Vec<User>, usize)> {
        self.page(self.keys.users(), page).await
    }

    async fn create_user(&self, user: &User) -> Result<()> {
        let user = user.clone();
        self.change(move |change, keys| {
            if change.contains(&keys.deleted_connection(&user.connection))? {
                let what = "the connection";
                return Err(StorageError::NotFound { what });
            }
            for (login, what) in logins(keys, &user).into_values() {
                change.insert(&login, &user.user_id, what)?;
            }
            change.insert(&keys.user(&user.user_id), &user, "a user with this user_id")
        })
        .await
    }

    async fn update_user(&self, before: &User, after: &User) -> Result<()> {
        same_id(&before.user_id, &after.user_id)?;
        let (before, after) = (before.clone(), after.clone());
        self.change(move |change, keys| {
            change.replace(&keys.user(&before.user_id), &before, &after, USER)?;
            if before.logins_ended != after.logins_ended {
                end_logins(change, keys, &after.user_id)?;
            }
            for (login, _) in logins(keys, &before).into_values() {
                change.delete(&login);
            }
            for (login, what) in logins(keys, &after).into_values() {
                change.insert(&login, &after.user_id, what)?;
            }
            Ok(())
        })
        .await
    }

    async fn merge_user_metadata(
        &self,
        id: &UserId,
        app_metadata: &JsonObject,
        user_metadata: &JsonObject,
        now: Timestamp,
    ) -> Result<()> {
        let id = id.clone();
        let (app_metadata, user_metadata) = (app_metadata.clone(), user_metadata.clone());
        self.change(move |change, keys| {
            let mut user = existing(change, &keys.user(&id))?;
            if app_metadata.is_empty() && user_metadata.is_empty() {
                return Ok(());
            }
            merge(&mut user.app_metadata, app_metadata);
            merge(&mut user.user_metadata, user_metadata);
            user.updated_at = now;
            change.put(&keys.user(&id), &user)
        })
        .await
    }

    async fn record_login(
        &self,
        id: &UserId,
        logins_ended: u32,
        app_metadata: &JsonObject,
        user_metadata: &JsonObject,
        ip: &str,
        now: Timestamp,
    ) -> Result<bool> {
        let id = id.clone();
        let (app_metadata, user_metadata) = (app_metadata.clone(), user_metadata.clone());
        let ip = ip.to_owned();
        self.change(move |change, keys| {
            let Some(mut user) = still_in(change, keys, &id, logins_ended)? else {
                return Ok(false);
            };
            merge(&mut user.app_metadata, app_metadata);
            merge(&mut user.user_metadata, user_metadata);
            user.logins_count = user.logins_count.saturating_add(1);
            user.last_login = Some(now);
            user.last_ip = Some(ip);
            user.updated_at = now;
            change.put(&keys.user(&id), &user)?;
            Ok(true)
        })
        .await
    }

    async fn delete_user(&self, id: &UserId) -> Result<()> {
        let id = id.clone();
        self.change(move |change, keys| remove_user(change, keys, &id))
            .await
    }
}

/// Removes a user with everything of theirs; one who isn't there is no error.
pub(super) fn remove_user(
    change: &mut Transaction<'_>,
    keys: &TenantKeys,
    id: &UserId,
) -> Result<()> {
    let Some(user) = change.get::<User>(&keys.user(id))? else {
        return Ok(());
    };
    for (login, _) in logins(keys, &user).into_values() {
        change.delete(&login);
    }
    let organizations: Vec<OrganizationId> = change.stored_values(&keys.all_member_of(id))?;
    for organization in organizations {
        change.delete(&keys.membership(&organization, id));
        change.delete(&keys.member_of(id, &organization));
    }
    for userinfo in change.stored_keys(&keys.all_userinfo(id), usize::MAX)? {
        change.delete(&userinfo);
    }
    end_logins(change, keys, id)?;
    delete_consents_of(change, keys, id)?;
    change.delete(&keys.user(id));
    Ok(())
}

/// The user, as long as a login stands that was proven when the user's logins had been
/// ended so many times.
pub(super) fn still_in(
    change: &Transaction<'_>,
    keys: &TenantKeys,
    id: &UserId,
    logins_ended: u32,
) -> Result<Option<User>> {
    let user: Option<User> = change.get(&keys.user(id))?;
    Ok(user.filter(|user| !user.blocked && user.logins_ended == logins_ended))
}

/// What the user can log in with, each once: somebody's user name may be their
/// email address.
fn logins(keys: &TenantKeys, user: &User) -> BTreeMap<Vec<u8>, (Key, &'static str)> {
    let email = user.email.as_deref().map(|email| (email, EMAIL));
    let username = user
        .username
        .as_deref()
        .map(|username| (username, USERNAME));
    [email, username]
        .into_iter()
        .flatten()
        .map(|(login, what)| (keys.login(&user.connection, login), what))
        .map(|(key, what)| (key.as_bytes().to_vec(), (key, what)))
        .collect()
}

fn existing(change: &Transaction<'_>, key: &Key) -> Result<User> {
    change
        .get(key)?
        .ok_or(StorageError::NotFound { what: USER })
}

fn merge(metadata: &mut JsonObject, patch: JsonObject) {
    for (name, value) in patch {
        if value == Value::Null {
            metadata.shift_remove(&name);
        } else {
            metadata.insert(name, value);
        }
    }
}
