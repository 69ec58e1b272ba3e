//! What users allowed third-party clients.

use async_trait::async_trait;
use claimsmith_model::{ClientId, Consent, Timestamp, UserId};

use super::{KeyValue, Result, keys::TenantKeys, tenant::KvTenant, transaction::Transaction};
use crate::{ConsentRepository, StorageError};

#[async_trait]
impl<K: KeyValue> ConsentRepository for KvTenant<K> {
    async fn consent(
        &self,
        user: &UserId,
        client: &ClientId,
        audience: Option<&str>,
    ) -> Result<Option<Consent>> {
        self.get(&self.keys.consent(user, client, audience))
    }

    async fn give_consent(
        &self,
        user: &UserId,
        client: &ClientId,
        audience: Option<&str>,
        scope: &[String],
        now: Timestamp,
    ) -> Result<()> {
        let (user, client, scope) = (user.clone(), client.clone(), scope.to_vec());
        let audience = audience.map(str::to_owned);
        self.change(move |change, keys| {
            if !change.contains(&keys.user(&user))? {
                return Err(StorageError::NotFound { what: "the user" });
            }
            if !change.contains(&keys.client(&client))? {
                return Err(StorageError::NotFound { what: "the client" });
            }
            let key = keys.consent(&user, &client, audience.as_deref());
            let mut consent = change.get(&key)?.unwrap_or_else(|| Consent {
                user_id: user.clone(),
                client_id: client.clone(),
                audience: audience.clone(),
                scope: Vec::new(),
                created_at: now,
                updated_at: now,
            });
            for scope in scope {
                if !consent.scope.contains(&scope) {
                    consent.scope.push(scope);
                    consent.updated_at = now;
                }
            }
            change.put(
                &keys.consent_at(&client, &user, audience.as_deref()),
                &consent_of(&consent),
            )?;
            change.put(&key, &consent)
        })
        .await
    }
}

/// What leads from a client to a consent.
fn consent_of(consent: &Consent) -> (UserId, Option<String>) {
    (consent.user_id.clone(), consent.audience.clone())
}

/// Deletes what the user allowed anybody.
pub(super) fn delete_consents_of(
    change: &mut Transaction<'_>,
    keys: &TenantKeys,
    user: &UserId,
) -> Result<()> {
    for consent in change.stored_values::<Consent>(&keys.consents_of(user))? {
        delete_consent(
            change,
            keys,
            user,
            &consent.client_id,
            consent.audience.as_deref(),
        );
    }
    Ok(())
}

/// Deletes what anybody allowed the client.
pub(super) fn delete_consents_at(
    change: &mut Transaction<'_>,
    keys: &TenantKeys,
    client: &ClientId,
) -> Result<()> {
    let given: Vec<(UserId, Option<String>)> = change.stored_values(&keys.consents_at(client))?;
    for (user, audience) in given {
        delete_consent(change, keys, &user, client, audience.as_deref());
    }
    Ok(())
}

fn delete_consent(
    change: &mut Transaction<'_>,
    keys: &TenantKeys,
    user: &UserId,
    client: &ClientId,
    audience: Option<&str>,
) {
    change.delete(&keys.consent(user, client, audience));
    change.delete(&keys.consent_at(client, user, audience));
}
