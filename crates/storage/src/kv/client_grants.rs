//! Client grants.

use async_trait::async_trait;
use claimsmith_model::{ClientGrant, ClientGrantId, ClientId};

use super::{
    KeyValue, Result, keys::TenantKeys, storage::same_id, tenant::KvTenant,
    transaction::Transaction,
};
use crate::{ClientGrantRepository, Page, StorageError};

#[async_trait]
impl<K: KeyValue> ClientGrantRepository for KvTenant<K> {
    async fn client_grant(&self, client: &ClientId, audience: &str) -> Result<Option<ClientGrant>> {
        let index = self.keys.grant_of(client, audience);
        self.get_by_index(&index, |id| self.keys.client_grant(id))
    }

    async fn client_grant_by_id(&self, id: &ClientGrantId) -> Result<Option<ClientGrant>> {
        self.get(&self.keys.client_grant(id))
    }

    async fn client_grants(
        &self,
        client: Option<&ClientId>,
        audience: Option<&str>,
        page: Page,
    ) -> Result<(Vec<ClientGrant>, usize)> {
        if client.is_none() && audience.is_none() {
            return self.page(self.keys.client_grants(), page).await;
        }
        let mut grants: Vec<ClientGrant> = self.all(self.keys.client_grants()).await?;
        grants.retain(|grant| {
            client.is_none_or(|client| grant.client_id == *client)
                && audience.is_none_or(|audience| grant.audience == audience)
        });
        Ok(page.of(grants))
    }

    async fn create_client_grant(&self, grant: &ClientGrant) -> Result<()> {
        let grant = grant.clone();
        self.configure(move |change, keys| {
            if !change.contains(&keys.client(&grant.client_id))? {
                return Err(StorageError::NotFound { what: "the client" });
            }
            if !change.contains(&keys.identifier(&grant.audience))? {
                return Err(StorageError::NotFound {
                    what: "the resource server",
                });
            }
            let index = keys.grant_of(&grant.client_id, &grant.audience);
            change.insert(
                &index,
                &grant.id,
                "a grant of this client for this audience",
            )?;
            change.put(
                &keys.grant_for(&grant.audience, &grant.client_id),
                &grant.id,
            )?;
            change.insert(
                &keys.client_grant(&grant.id),
                &grant,
                "a client grant with this id",
            )
        })
        .await
    }

    async fn update_client_grant(&self, before: &ClientGrant, after: &ClientGrant) -> Result<()> {
        same_id(
            &(&before.id, &before.client_id, &before.audience),
            &(&after.id, &after.client_id, &after.audience),
        )?;
        self.update(
            self.keys.client_grant(&before.id),
            before,
            after,
            "the client grant",
        )
        .await
    }

    async fn delete_client_grant(&self, id: &ClientGrantId) -> Result<()> {
        let id = id.clone();
        self.configure(move |change, keys| delete_grant(change, keys, &id))
            .await
    }
}

/// Deletes a grant and what leads to it.
pub(super) fn delete_grant(
    change: &mut Transaction<'_>,
    keys: &TenantKeys,
    id: &ClientGrantId,
) -> Result<()> {
    let key = keys.client_grant(id);
    if let Some(grant) = change.get::<ClientGrant>(&key)? {
        change.delete(&keys.grant_of(&grant.client_id, &grant.audience));
        change.delete(&keys.grant_for(&grant.audience, &grant.client_id));
        change.delete(&key);
    }
    Ok(())
}
