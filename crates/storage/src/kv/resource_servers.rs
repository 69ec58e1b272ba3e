//! Resource servers (APIs).

use async_trait::async_trait;
use claimsmith_model::{ClientGrantId, ResourceServer, ResourceServerId};

use super::{KeyValue, Result, client_grants::delete_grant, storage::same_id, tenant::KvTenant};
use crate::{Page, ResourceServerRepository};

#[async_trait]
impl<K: KeyValue> ResourceServerRepository for KvTenant<K> {
    async fn resource_server(&self, id: &ResourceServerId) -> Result<Option<ResourceServer>> {
        self.get(&self.keys.resource_server(id))
    }

    async fn resource_server_by_identifier(
        &self,
        identifier: &str,
    ) -> Result<Option<ResourceServer>> {
        let index = self.keys.identifier(identifier);
        self.get_by_index(&index, |id| self.keys.resource_server(id))
    }

    async fn resource_servers(&self, page: Page) -> Result<(Vec<ResourceServer>, usize)> {
        // A tenant has few APIs, and their keys are in the order of their ids.
        let mut all: Vec<ResourceServer> = self.all(self.keys.resource_servers()).await?;
        all.sort_by(|one, other| one.identifier.cmp(&other.identifier));
        Ok(page.of(all))
    }

    async fn create_resource_server(&self, resource_server: &ResourceServer) -> Result<()> {
        let created = resource_server.clone();
        self.configure(move |change, keys| {
            let index = keys.identifier(&created.identifier);
            change.insert(
                &index,
                &created.id,
                "a resource server with this identifier",
            )?;
            let key = keys.resource_server(&created.id);
            change.insert(&key, &created, "a resource server with this id")
        })
        .await
    }

    async fn update_resource_server(
        &self,
        before: &ResourceServer,
        after: &ResourceServer,
    ) -> Result<()> {
        same_id(
            &(&before.id, &before.identifier),
            &(&after.id, &after.identifier),
        )?;
        let key = self.keys.resource_server(&before.id);
        self.update(key, before, after, "the resource server").await
    }

    async fn delete_resource_server(&self, id: &ResourceServerId) -> Result<()> {
        let id = id.clone();
        self.configure(move |change, keys| {
            let key = keys.resource_server(&id);
            let Some(gone) = change.get::<ResourceServer>(&key)? else {
                return Ok(());
            };
            let grants: Vec<ClientGrantId> =
                change.stored_values(&keys.grants_for(&gone.identifier))?;
            for grant in grants {
                delete_grant(change, keys, &grant)?;
            }
            change.delete(&keys.identifier(&gone.identifier));
            change.delete(&key);
            Ok(())
        })
        .await
    }
}
