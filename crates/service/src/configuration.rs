//! What token requests read of a tenant's configuration, kept in memory.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use claimsmith_model::{
    Client, ClientGrant, ClientId, OrganizationId, OrganizationUsage, ResourceServer,
};
use claimsmith_storage::{StorageError, TenantStorage};

use crate::TenantContext;

/// How many clients, APIs and grants are kept of one tenant. At a usual kilobyte each
/// that is a megabyte, which only a tenant comes to that uses as many.
const KEPT_MAX: usize = 1_024;

/// A tenant's configuration, as it was when this was made or later.
///
/// Making it reads the tenant's stamp, which changes in the same write as anything that
/// is kept here. What is kept was read after the stamp that it is kept under, so it is
/// right as long as the stamp is the same. A request makes one when it begins and sees
/// every change that was acknowledged before.
pub(crate) struct Configuration<'a> {
    store: &'a dyn TenantStorage,
    cache: &'a ConfigurationCache,
    stamp: u64,
}

/// What is kept of one tenant.
#[derive(Debug, Default)]
pub(crate) struct ConfigurationCache(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// The stamp that all of it was read under.
    stamp: u64,
    clients: HashMap<ClientId, Arc<Client>>,
    apis: HashMap<String, Arc<ResourceServer>>,
    /// Grants, by client and then audience.
    grants: HashMap<ClientId, HashMap<String, Arc<KeptGrant>>>,
    /// How many there are, of all three.
    count: usize,
}

/// What token requests need of a client grant.
#[derive(Debug)]
pub(crate) struct KeptGrant {
    /// Shared with every run of the trigger.
    pub(crate) scope: Arc<[String]>,
    pub(crate) organization_usage: OrganizationUsage,
    pub(crate) allow_any_organization: bool,
    pub(crate) organizations: Vec<OrganizationId>,
}

impl From<ClientGrant> for KeptGrant {
    fn from(grant: ClientGrant) -> Self {
        Self {
            scope: grant.scope.into(),
            organization_usage: grant.organization_usage,
            allow_any_organization: grant.allow_any_organization,
            organizations: grant.organizations,
        }
    }
}

impl TenantContext {
    /// The tenant's configuration as it is now.
    ///
    /// # Errors
    /// When the store can't be read.
    pub(crate) async fn configuration(&self) -> Result<Configuration<'_>, StorageError> {
        Ok(Configuration {
            store: self.store.as_ref(),
            cache: self.configuration_cache(),
            stamp: self.store.configuration_stamp().await?,
        })
    }
}

impl Configuration<'_> {
    /// One client.
    pub(crate) async fn client(&self, id: &ClientId) -> Result<Option<Arc<Client>>, StorageError> {
        if let Some(client) = self.kept(|kept| kept.clients.get(id).cloned()) {
            return Ok(Some(client));
        }
        let client = self.store.client(id).await?.map(Arc::new);
        if let Some(client) = &client {
            self.keep(|kept| kept.clients.insert(id.clone(), Arc::clone(client)));
        }
        Ok(client)
    }

    /// The API of an audience.
    pub(crate) async fn api(
        &self,
        audience: &str,
    ) -> Result<Option<Arc<ResourceServer>>, StorageError> {
        if let Some(api) = self.kept(|kept| kept.apis.get(audience).cloned()) {
            return Ok(Some(api));
        }
        let api = self.store.resource_server_by_identifier(audience).await?;
        let api = api.map(Arc::new);
        if let Some(api) = &api {
            self.keep(|kept| kept.apis.insert(audience.to_owned(), Arc::clone(api)));
        }
        Ok(api)
    }

    /// A client's grant for an audience.
    pub(crate) async fn grant(
        &self,
        client: &ClientId,
        audience: &str,
    ) -> Result<Option<Arc<KeptGrant>>, StorageError> {
        let of_client = |kept: &Kept| kept.grants.get(client)?.get(audience).cloned();
        if let Some(grant) = self.kept(of_client) {
            return Ok(Some(grant));
        }
        let grant = self.store.client_grant(client, audience).await?;
        let grant = grant.map(|grant| Arc::new(KeptGrant::from(grant)));
        if let Some(grant) = &grant {
            self.keep(|kept| {
                let of_client = kept.grants.entry(client.clone()).or_default();
                of_client.insert(audience.to_owned(), Arc::clone(grant))
            });
        }
        Ok(grant)
    }

    fn kept<T>(&self, find: impl FnOnce(&Kept) -> Option<T>) -> Option<T> {
        let kept = self.cache.lock();
        if kept.stamp == self.stamp {
            find(&kept)
        } else {
            None
        }
    }

    /// Keeps something by `insert`, which answers what was in its place.
    fn keep<T>(&self, insert: impl FnOnce(&mut Kept) -> Option<T>) {
        let mut kept = self.cache.lock();
        if kept.stamp != self.stamp || kept.count >= KEPT_MAX {
            *kept = Kept {
                stamp: self.stamp,
                ..Kept::default()
            };
        }
        if insert(&mut kept).is_none() {
            kept.count += 1;
        }
    }
}

impl fmt::Debug for Configuration<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Configuration")
            .field("stamp", &self.stamp)
            .finish_non_exhaustive()
    }
}

impl ConfigurationCache {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
