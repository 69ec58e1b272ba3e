//! Roles.

use async_trait::async_trait;
use claimsmith_model::{Role, RoleId};

use super::{KeyValue, Result, storage::same_id, tenant::KvTenant};
use crate::{Page, RoleRepository};

const NAME: &str = "a role with this name";

#[async_trait]
impl<K: KeyValue> RoleRepository for KvTenant<K> {
    async fn role(&self, id: &RoleId) -> Result<Option<Role>> {
        self.get(&self.keys.role(id))
    }

    async fn roles(&self, page: Page) -> Result<(Vec<Role>, usize)> {
        self.page(self.keys.roles(), page).await
    }

    async fn create_role(&self, role: &Role) -> Result<()> {
        let role = role.clone();
        self.configure(move |change, keys| {
            change.insert(&keys.role_name(&role.name), &role.id, NAME)?;
            change.insert(&keys.role(&role.id), &role, "a role with this id")
        })
        .await
    }

    async fn update_role(&self, before: &Role, after: &Role) -> Result<()> {
        same_id(&before.id, &after.id)?;
        let (before, after) = (before.clone(), after.clone());
        self.configure(move |change, keys| {
            change.replace(&keys.role(&before.id), &before, &after, "the role")?;
            let (old, new) = (keys.role_name(&before.name), keys.role_name(&after.name));
            change.move_claim(&old, &new, after.id.as_str(), NAME)
        })
        .await
    }

    async fn delete_role(&self, id: &RoleId) -> Result<()> {
        let id = id.clone();
        self.configure(move |change, keys| {
            if let Some(role) = change.get::<Role>(&keys.role(&id))? {
                change.delete(&keys.role_name(&role.name));
                change.delete(&keys.role(&id));
            }
            Ok(())
        })
        .await
    }
}
