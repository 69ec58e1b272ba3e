//! OAuth clients.

use async_trait::async_trait;
use claimsmith_model::{Client, ClientGrantId, ClientId, RefreshGrantId};

use super::{
    KeyValue, Result, client_grants::delete_grant, consents::delete_consents_at,
    refresh_grants::delete_refresh_grant, storage::same_id, tenant::KvTenant,
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
        let key = self.keys.client(&client.client_id);
        self.create(key, client, "a client with this client_id")
            .await
    }

    async fn update_client(&self, before: &Client, after: &Client) -> Result<()> {
        same_id(&before.client_id, &after.client_id)?;
        self.update(
            self.keys.client(&before.client_id),
            before,
            after,
            "the client",
        )
        .await
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
            change.delete(&keys.client(&id));
            Ok(())
        })
        .await
    }
}
