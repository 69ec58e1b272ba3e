//! What users allowed third-party clients.

use async_trait::async_trait;
use claimsmith_model::{ClientId, Consent, ConsentId, Timestamp, UserId};

use super::{
    KeyValue, Result,
    keys::{Key, TenantKeys},
    refresh_grants::{delete_refresh_grant, refresh_grants},
    tenant::KvTenant,
    transaction::Transaction,
};
use crate::{ConsentRepository, ConsentSearch, Page, Start, StorageError};

/// What leads from an identifier to a consent.
type Place = (UserId, ClientId, Option<String>);

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
            let id = keys.consent_id(&user, &client, audience.as_deref());
            let place: Place = (user, client, audience);
            change.put(&keys.consent_by_id(&id), &place)?;
            change.put(&key, &consent)
        })
        .await
    }

    async fn consents(
        &self,
        search: &ConsentSearch,
        page: Page,
    ) -> Result<(Vec<(ConsentId, Consent)>, usize)> {
        let ConsentSearch {
            user: None,
            client: None,
            audience: None,
        } = search
        else {
            let fit = self.consents_that_fit(search).await?;
            return Ok(page.of(self.with_ids(fit)?));
        };
        let all = self.keys.consents();
        let (found, total) = match &page.start {
            Start::Behind(place) if !place.is_empty() => {
                let key = self.key_at(place)?;
                self.behind(all, key, page.take).await?
            }
            _ => self.page(all, page).await?,
        };
        Ok((self.with_ids(found)?, total))
    }

    async fn withdraw_consent(&self, id: &ConsentId) -> Result<()> {
        let id = id.clone();
        self.change(move |change, keys| {
            let place: Option<Place> = change.get(&keys.consent_by_id(id.as_str()))?;
            let Some((user, client, audience)) = place else {
                return Ok(());
            };
            withdraw(change, keys, &user, &client, audience.as_deref())
        })
        .await
    }

    async fn withdraw_consents(&self, user: &UserId) -> Result<()> {
        let user = user.clone();
        self.change(move |change, keys| {
            for consent in change.stored_values::<Consent>(&keys.consents_of(&user))? {
                let audience = consent.audience.as_deref();
                withdraw(change, keys, &user, &consent.client_id, audience)?;
            }
            Ok(())
        })
        .await
    }
}

impl<K: KeyValue> KvTenant<K> {
    fn with_ids(&self, consents: Vec<Consent>) -> Result<Vec<(ConsentId, Consent)>> {
        let with_id = |consent: Consent| {
            let audience = consent.audience.as_deref();
            let id = self
                .keys
                .consent_id(&consent.user_id, &consent.client_id, audience);
            let id = id.parse().map_err(|_| StorageError::NotFound {
                what: "an identifier of the consent",
            })?;
            Ok((id, consent))
        };
        consents.into_iter().map(with_id).collect()
    }

    /// The key of the consent at a [place](crate::Placed), which says openly what the key
    /// hides.
    fn key_at(&self, place: &str) -> Result<Key> {
        let mut parts = place.splitn(3, '\0');
        let mut next = || parts.next().unwrap_or_default();
        let no_place = || StorageError::NotFound {
            what: "the place in the list",
        };
        let user = next().parse().map_err(|_| no_place())?;
        let client = next().parse().map_err(|_| no_place())?;
        Ok(self.keys.consent(&user, &client, Some(next())))
    }

    async fn consents_that_fit(&self, search: &ConsentSearch) -> Result<Vec<Consent>> {
        let prefix = match &search.user {
            Some(user) => self.keys.consents_of(user),
            None => self.keys.consents(),
        };
        let mut consents: Vec<Consent> = self.all(prefix).await?;
        consents.retain(|consent| {
            let ConsentSearch {
                client, audience, ..
            } = search;
            client.as_ref().is_none_or(|id| *id == consent.client_id)
                && (audience.is_none() || *audience == consent.audience)
        });
        Ok(consents)
    }
}

/// Deletes a consent and the refresh grants that rest on it.
fn withdraw(
    change: &mut Transaction<'_>,
    keys: &TenantKeys,
    user: &UserId,
    client: &ClientId,
    audience: Option<&str>,
) -> Result<()> {
    for grant in refresh_grants(change, keys, user, Some(client))? {
        if grant.audience.as_deref() == audience {
            delete_refresh_grant(change, keys, &grant.id)?;
        }
    }
    delete_consent(change, keys, user, client, audience);
    Ok(())
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
    let id = keys.consent_id(user, client, audience);
    change.delete(&keys.consent_by_id(&id));
    change.delete(&keys.consent(user, client, audience));
    change.delete(&keys.consent_at(client, user, audience));
}
