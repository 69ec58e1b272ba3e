//! Organizations and their members.

use async_trait::async_trait;
use claimsmith_model::{Membership, Organization, OrganizationId, UserId};

use super::{
    KeyValue, Result, keys::TenantKeys, storage::same_id, tenant::KvTenant,
    transaction::Transaction,
};
use crate::{OrganizationRepository, Page, StorageError};

const ORGANIZATION: &str = "the organization";
const NAME: &str = "an organization with this name";

#[async_trait]
impl<K: KeyValue> OrganizationRepository for KvTenant<K> {
    async fn organization(&self, id: &OrganizationId) -> Result<Option<Organization>> {
        self.get(&self.keys.organization(id))
    }

    async fn organization_by_name(&self, name: &str) -> Result<Option<Organization>> {
        let index = self.keys.organization_name(name);
        self.get_by_index(&index, |id| self.keys.organization(id))
    }

    async fn organizations(&self, page: Page) -> Result<(Vec<Organization>, usize)> {
        self.page(self.keys.organizations(), page).await
    }

    async fn create_organization(&self, organization: &Organization) -> Result<()> {
        let created = organization.clone();
        self.configure(move |change, keys| {
            change.insert(&keys.organization_name(&created.name), &created.id, NAME)?;
            let key = keys.organization(&created.id);
            change.insert(&key, &created, "an organization with this id")
        })
        .await
    }

    async fn update_organization(&self, before: &Organization, after: &Organization) -> Result<()> {
        same_id(&before.id, &after.id)?;
        let (before, after) = (before.clone(), after.clone());
        self.configure(move |change, keys| {
            change.replace(
                &keys.organization(&before.id),
                &before,
                &after,
                ORGANIZATION,
            )?;
            let old = keys.organization_name(&before.name);
            let new = keys.organization_name(&after.name);
            change.move_claim(&old, &new, after.id.as_str(), NAME)
        })
        .await
    }

    async fn delete_organization(&self, id: &OrganizationId) -> Result<()> {
        let id = id.clone();
        self.configure(move |change, keys| {
            let Some(gone) = change.get::<Organization>(&keys.organization(&id))? else {
                return Ok(());
            };
            let members: Vec<Membership> = change.stored_values(&keys.memberships(&id))?;
            for member in members {
                change.delete(&keys.membership(&id, &member.user));
                change.delete(&keys.member_of(&member.user, &id));
            }
            change.delete(&keys.organization_name(&gone.name));
            change.delete(&keys.organization(&id));
            Ok(())
        })
        .await
    }

    async fn membership(
        &self,
        organization: &OrganizationId,
        user: &UserId,
    ) -> Result<Option<Membership>> {
        self.get(&self.keys.membership(organization, user))
    }

    async fn memberships(
        &self,
        organization: &OrganizationId,
        page: Page,
    ) -> Result<(Vec<Membership>, usize)> {
        self.page(self.keys.memberships(organization), page).await
    }

    async fn organizations_of(&self, user: &UserId) -> Result<Vec<OrganizationId>> {
        self.all(self.keys.all_member_of(user)).await
    }

    async fn put_memberships(&self, memberships: &[Membership]) -> Result<()> {
        let memberships = memberships.to_vec();
        self.change(move |change, keys| {
            memberships
                .iter()
                .try_for_each(|membership| put_membership(change, keys, membership))
        })
        .await
    }

    async fn join_organization(&self, membership: &Membership) -> Result<()> {
        let membership = membership.clone();
        self.change(move |change, keys| {
            let key = keys.membership(&membership.organization, &membership.user);
            if change.contains(&key)? {
                return Ok(());
            }
            put_membership(change, keys, &membership)
        })
        .await
    }

    async fn remove_memberships(
        &self,
        organization: &OrganizationId,
        users: &[UserId],
    ) -> Result<()> {
        let (organization, users) = (organization.clone(), users.to_vec());
        self.change(move |change, keys| {
            for user in &users {
                change.delete(&keys.membership(&organization, user));
                change.delete(&keys.member_of(user, &organization));
            }
            Ok(())
        })
        .await
    }
}

fn put_membership(
    change: &mut Transaction<'_>,
    keys: &TenantKeys,
    membership: &Membership,
) -> Result<()> {
    let Membership {
        organization, user, ..
    } = membership;
    if !change.contains(&keys.organization(organization))? {
        return Err(StorageError::NotFound { what: ORGANIZATION });
    }
    if !change.contains(&keys.user(user))? {
        return Err(StorageError::NotFound {
            what: "one of the users",
        });
    }
    change.put(&keys.membership(organization, user), membership)?;
    change.put(&keys.member_of(user, organization), organization)
}
