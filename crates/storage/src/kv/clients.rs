//! OAuth clients.

use async_trait::async_trait;
use claimsmith_model::{Client, ClientGrantId, ClientId, RefreshGrantId};

use super::{
    KeyValue, Result, client_grants::delete_grant, consents::delete_consents_at, keys::TenantKeys,
    refresh_grants::delete_refresh_grant, storage::same_id, tenant::KvTenant,
    transaction::Transaction,
};
use crate::{ClientRepository, Page};

#[async_trait]
impl<K: KeyValue> ClientRepository for KvTenant<K> {
    async fn client(&self, id: &ClientId) -> Result<Option<Client>> {
        self.get(&self.keys.client(id))
    }

    async fn clients(&self, page: Page) -> Result<(Vec<Client>, usize)> {
        self.page(self.keys.clients(), page).await
    }

    async fn create_client(&self, client: &Client) -> Result<()> {
        let client = client.clone();
        self.configure(move |change, keys| {
            let key = keys.client(&client.client_id);
            change.insert(&key, &client, "a client with this client_id")?;
            put_origins(change, keys, &client)
        })
        .await
    }

    async fn update_client(&self, before: &Client, after: &Client) -> Result<()> {
        same_id(&before.client_id, &after.client_id)?;
        let (before, after) = (before.clone(), after.clone());
        self.configure(move |change, keys| {
            let key = keys.client(&before.client_id);
            change.replace(&key, &before, &after, "the client")?;
            delete_origins(change, keys, &before);
            put_origins(change, keys, &after)
        })
        .await
    }

    async fn is_origin_of_a_client(&self, origin: &str) -> Result<bool> {
        let prefix = self.keys.clients_of_origin(origin);
        let first = self.shared.kv.scan(prefix.as_bytes(), 0, 1)?;
        Ok(!first.is_empty())
    }

    async fn delete_client(&self, id: &ClientId) -> Result<()> {
        let id = id.clone();
        self.configure(move |change, keys| {
            let grants: Vec<ClientGrantId> = change.stored_values(&keys.grants_of(&id))?;
            for grant in grants {
                delete_grant(change, keys, &grant)?;
            }
            let refresh_grants = change.stored_values(&keys.refresh_grants_at(&id))?;
            let refresh_grants: Vec<RefreshGrantId> = refresh_grants;
            for grant in refresh_grants {
                delete_refresh_grant(change, keys, &grant)?;
            }
            delete_consents_at(change, keys, &id)?;
            if let Some(client) = change.get::<Client>(&keys.client(&id))? {
                delete_origins(change, keys, &client);
            }
            change.delete(&keys.client(&id));
            Ok(())
        })
        .await
    }
}

fn put_origins(change: &mut Transaction<'_>, keys: &TenantKeys, client: &Client) -> Result<()> {
    for origin in client.origins() {
        change.put(&keys.client_origin(origin, &client.client_id), &())?;
    }
    Ok(())
}

fn delete_origins(change: &mut Transaction<'_>, keys: &TenantKeys, client: &Client) {
    for origin in client.origins() {
        change.delete(&keys.client_origin(origin, &client.client_id));
    }
}
