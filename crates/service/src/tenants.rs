//! Which tenant a host is, and what is kept in memory of each.

use std::{collections::HashMap, fmt, future::Future, sync::Arc};

use arc_swap::{ArcSwap, ArcSwapOption};
use claimsmith_claims::Policy;
use claimsmith_model::{
    Client, ClientGrant, ClientId, Connection, ConnectionId, EnabledClients, GrantType, Limit,
    LimitSettings, OrganizationUsage, RefreshTokenSettings, ResourceServer, Scope, Secret,
    SigningAlgorithm, Tenant, TenantId, TenantSettings, Timestamp, TokenDialect,
    TokenEndpointAuthMethod, Trigger,
};
use claimsmith_runtime::{ActionCache, Limits, Share};
use claimsmith_storage::{Page, TenantFork, TenantStorage};
use tokio::sync::Semaphore;
use url::Url;

use crate::{
    Environment, Ids, ServiceError, configuration::ConfigurationCache, events::FOLLOWERS_MAX,
    metrics::TenantCounters, pipeline::Bindings, rate::RateLimiter, tenant_keys::TenantKeys,
};

/// The name of the connection that every tenant has.
pub const DATABASE_CONNECTION: &str = "Username-Password-Authentication";

/// The scopes of the Management API, each of which some endpoint asks for.
pub const MANAGEMENT_SCOPES: [&str; 65] = [
    "create:actions",
    "create:client_credentials",
    "create:client_grants",
    "create:clients",
    "create:connections",
    "create:organization_client_grants",
    "create:organization_connections",
    "create:organization_member_roles",
    "create:organization_members",
    "create:organizations",
    "create:resource_servers",
    "create:roles",
    "create:signing_keys",
    "create:tenant_import",
    "create:users",
    "delete:actions",
    "delete:client_credentials",
    "delete:client_grants",
    "delete:clients",
    "delete:connections",
    "delete:grants",
    "delete:organization_client_grants",
    "delete:organization_connections",
    "delete:organization_member_roles",
    "delete:organization_members",
    "delete:organizations",
    "delete:refresh_tokens",
    "delete:resource_servers",
    "delete:roles",
    "delete:sessions",
    "delete:users",
    "read:actions",
    "read:client_credentials",
    "read:client_grants",
    "read:client_keys",
    "read:clients",
    "read:connections",
    "read:grants",
    "read:logs",
    "read:logs_users",
    "read:organization_client_grants",
    "read:organization_connections",
    "read:organization_member_roles",
    "read:organization_members",
    "read:organizations",
    "read:refresh_tokens",
    "read:resource_servers",
    "read:roles",
    "read:sessions",
    "read:signing_keys",
    "read:tenant_export",
    "read:tenant_settings",
    "read:users",
    "update:actions",
    "update:client_grants",
    "update:client_keys",
    "update:clients",
    "update:connections",
    "update:organization_connections",
    "update:organizations",
    "update:resource_servers",
    "update:roles",
    "update:signing_keys",
    "update:tenant_settings",
    "update:users",
];

/// Lifetime of the Management API's tokens in seconds: a day, as in the reference
/// product.
const MANAGEMENT_TOKEN_LIFETIME_S: u32 = 86_400;
/// Lifetime of ID tokens in seconds unless a client says otherwise: ten hours, as
/// in the reference product.
pub(crate) const ID_TOKEN_LIFETIME_S: u32 = 36_000;

/// All tenants of the server, by host and by name. Cheap to clone.
#[derive(Debug, Clone)]
pub struct TenantDirectory(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    environment: Environment,
    index: ArcSwap<Index>,
    changing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Index {
    by_host: HashMap<String, Arc<TenantContext>>,
    by_id: HashMap<TenantId, Arc<TenantContext>>,
}

/// A tenant to be created.
#[derive(Debug, Clone)]
pub struct NewTenant {
    /// Its name.
    pub id: TenantId,
    /// Its public URL; the issuer is this with a trailing slash.
    pub public_url: String,
    /// Further hosts whose requests are this tenant's.
    pub domains: Vec<String>,
}

/// What a new tenant begins with.
#[derive(Debug, Clone)]
pub struct TenantSetup {
    /// The tenant.
    pub tenant: Tenant,
    /// A client that may do everything in the tenant's Management API.
    pub management_client_id: ClientId,
    /// Its secret.
    pub management_client_secret: Secret,
    /// The audience of the Management API.
    pub management_audience: String,
}

/// One tenant with what is kept in memory of it. A change of settings makes a new
/// context that shares the rest.
#[derive(Clone)]
pub struct TenantContext {
    /// The tenant as it is stored.
    pub tenant: Arc<Tenant>,
    /// The handle to its data.
    pub store: Arc<dyn TenantStorage>,
    pub(crate) policy: Arc<Policy>,
    /// Whose places the tenant's executions take.
    pub(crate) share: Share,
    shared: Arc<Shared>,
}

struct Shared {
    keys: TenantKeys,
    triggers: [TriggerState; 2],
    configuration: ConfigurationCache,
    counters: TenantCounters,
    /// Who follows the log takes one.
    followers: Arc<Semaphore>,
    admin_requests: RateLimiter,
}

#[derive(Default)]
struct TriggerState {
    bindings: ArcSwapOption<Bindings>,
    changing: tokio::sync::Mutex<()>,
    cache: Arc<ActionCache>,
}

impl TenantDirectory {
    pub(crate) async fn load(environment: Environment) -> Result<Self, ServiceError> {
        let tenants = environment.storage.tenants().await?;
        let directory = Self(Arc::new(Inner {
            environment: environment.clone(),
            index: ArcSwap::default(),
            changing: tokio::sync::Mutex::new(()),
        }));
        directory.reindex(tenants);
        for context in directory.all() {
            if !context.has_admin().await? {
                tracing::error!(
                    tenant = %context.tenant.id,
                    "no client has a grant for this tenant's Management API. If the tenant's \
                     creation was cut off, delete it by the platform API and create it again"
                );
            }
            context.renew_management_scopes(&environment).await?;
        }
        Ok(directory)
    }

    /// The tenant of a host: a `Host` header's value, with or without port.
    #[must_use]
    pub fn by_host(&self, host: &str) -> Option<Arc<TenantContext>> {
        let index = self.0.index.load();
        let name = host_name(host);
        if let Some(context) = index.by_host.get(name) {
            return Some(Arc::clone(context));
        }
        index.by_host.get(&name.to_ascii_lowercase()).cloned()
    }

    /// The tenant of that name.
    #[must_use]
    pub fn by_id(&self, id: &TenantId) -> Option<Arc<TenantContext>> {
        self.0.index.load().by_id.get(id).cloned()
    }

    /// All tenants, in the order of their names.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<TenantContext>> {
        let mut all: Vec<_> = self.0.index.load().by_id.values().cloned().collect();
        all.sort_by(|a, b| a.tenant.id.cmp(&b.tenant.id));
        all
    }

    /// Creates a tenant with its Management API, an admin client, and a database
    /// connection.
    ///
    /// # Errors
    /// `Invalid` for a URL that can't be an issuer or a name that can't be a host;
    /// `Conflict` when the name or a domain is taken.
    pub async fn create(&self, new: NewTenant) -> Result<TenantSetup, ServiceError> {
        let setup = self.plan(new)?;
        self.create_planned(&setup).await?;
        Ok(setup)
    }

    /// What [`create`](Self::create) would make, with the admin client's secret. Nothing
    /// is stored, so the secret can be kept safe before anything depends on it.
    ///
    /// # Errors
    /// `Invalid` for a URL that can't be an issuer or a name that can't be a host.
    pub fn plan(&self, new: NewTenant) -> Result<TenantSetup, ServiceError> {
        let environment = &self.0.environment;
        let ids = Ids::new(Arc::clone(&environment.random));
        let (issuer, host) = issuer(&new.public_url)?;
        let mut domains = vec![host];
        for domain in &new.domains {
            let domain = domain_name(domain)?;
            if !domains.contains(&domain) {
                domains.push(domain);
            }
        }
        Ok(TenantSetup {
            management_client_id: ids.client_id(),
            management_client_secret: ids.client_secret(),
            management_audience: format!("{issuer}api/v2/"),
            tenant: Tenant {
                id: new.id,
                issuer,
                domains,
                settings: TenantSettings::default(),
                limits: LimitSettings::default(),
                created_at: environment.clock.now(),
            },
        })
    }

    /// Creates a planned tenant.
    ///
    /// # Errors
    /// `Conflict` when the name or a domain is taken.
    pub async fn create_planned(&self, setup: &TenantSetup) -> Result<(), ServiceError> {
        let (directory, setup) = (self.clone(), setup.clone());
        to_the_end(async move {
            let _changing = directory.0.changing.lock().await;
            let environment = &directory.0.environment;
            let storage = &environment.storage;
            let id = &setup.tenant.id;
            storage.create_tenant(&setup.tenant).await?;
            let ids = Ids::new(Arc::clone(&environment.random));
            let furnished = furnish(&setup, storage.tenant(id).as_ref(), &ids).await;
            if furnished.is_err()
                && let Err(error) = storage.delete_tenant(id).await
            {
                // Half a tenant holds its name and domains for nothing.
                tracing::error!(tenant = %id, %error, "a half-made tenant stays behind");
            }
            directory.reindex(storage.tenants().await?);
            furnished
        })
        .await
    }

    /// Deletes a tenant and everything of it, the records of its executions too.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete(&self, id: &TenantId) -> Result<(), ServiceError> {
        let (directory, id) = (self.clone(), id.clone());
        to_the_end(async move {
            let _changing = directory.0.changing.lock().await;
            let environment = &directory.0.environment;
            if directory.by_id(&id).is_none() {
                return Err(ServiceError::not_found("That tenant does not exist."));
            }
            let deleted = environment.storage.delete_tenant(&id).await;
            // After a failure too: the tenant may be gone, and only some of its data left.
            directory.reindex(environment.storage.tenants().await?);
            deleted?;
            if let Err(error) = environment.executions.remove_tenant(&id).await {
                tracing::error!(tenant = %id, %error, "a deleted tenant's execution records stay behind");
            }
            Ok(())
        })
        .await
    }

    /// Changes a tenant's settings; `change` sees them as they are.
    ///
    /// # Errors
    /// `NotFound`, what `change` says, or `Changed` when another server changed them
    /// meanwhile.
    pub async fn update_settings(
        &self,
        id: &TenantId,
        change: impl FnOnce(&mut TenantSettings) -> Result<(), ServiceError> + Send + 'static,
    ) -> Result<Arc<TenantContext>, ServiceError> {
        self.update(id, |tenant| change(&mut tenant.settings)).await
    }

    /// Changes what the operator grants a tenant of the limits; `change` sees it as it
    /// is. It holds from the next token on, for Actions deployed before as well.
    ///
    /// # Errors
    /// As for [`Self::update_settings`].
    pub async fn update_limits(
        &self,
        id: &TenantId,
        change: impl FnOnce(&mut LimitSettings) -> Result<(), ServiceError> + Send + 'static,
    ) -> Result<Arc<TenantContext>, ServiceError> {
        self.update(id, |tenant| change(&mut tenant.limits)).await
    }

    async fn update(
        &self,
        id: &TenantId,
        change: impl FnOnce(&mut Tenant) -> Result<(), ServiceError> + Send + 'static,
    ) -> Result<Arc<TenantContext>, ServiceError> {
        let (directory, id) = (self.clone(), id.clone());
        to_the_end(async move {
            let _changing = directory.0.changing.lock().await;
            let missing = || ServiceError::not_found("That tenant does not exist.");
            let storage = &directory.0.environment.storage;
            let context = directory.by_id(&id).ok_or_else(missing)?;
            let before = context.tenant.as_ref();
            let mut after = before.clone();
            change(&mut after)?;
            let updated = storage.update_tenant(before, &after).await;
            // After a failure too: `Changed` says that memory is behind.
            directory.reindex(storage.tenants().await?);
            updated?;
            directory.by_id(&id).ok_or_else(missing)
        })
        .await
    }

    /// Makes a tenant what its fork has become. The next token knows all of it.
    ///
    /// # Errors
    /// `Changed` when anything of the tenant was changed since it was forked.
    pub(crate) async fn merge(&self, fork: TenantFork) -> Result<(), ServiceError> {
        let directory = self.clone();
        to_the_end(async move {
            let _changing = directory.0.changing.lock().await;
            let environment = &directory.0.environment;
            let merged = environment.storage.merge_tenant(&fork).await;
            // After a failure too, of which it may be unknown what was stored.
            directory.reindex(environment.storage.tenants().await?);
            if let Some(context) = directory.by_id(fork.tenant()) {
                context.forget_keys().await;
                for trigger in Trigger::ALL {
                    if let Err(error) = context.reload_bindings(trigger, environment).await {
                        tracing::error!(
                            tenant = %context.tenant.id, %trigger, ?error,
                            "bindings can't be loaded"
                        );
                    }
                }
            }
            Ok(merged?)
        })
        .await
    }

    /// Rebuilds the index, keeping what is in memory of tenants that stay.
    fn reindex(&self, tenants: Vec<Tenant>) {
        let old = self.0.index.load();
        let mut index = Index::default();
        for tenant in tenants {
            let shared = old
                .by_id
                .get(&tenant.id)
                .map(|context| Arc::clone(&context.shared));
            let store = self.0.environment.storage.tenant(&tenant.id);
            let context = Arc::new(TenantContext::new(
                tenant,
                store,
                shared.unwrap_or_default(),
                &self.0.environment,
            ));
            for domain in &context.tenant.domains {
                index.by_host.insert(domain.clone(), Arc::clone(&context));
            }
            index.by_id.insert(context.tenant.id.clone(), context);
        }
        self.0.index.store(Arc::new(index));
    }
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            keys: TenantKeys::default(),
            triggers: Default::default(),
            configuration: ConfigurationCache::default(),
            counters: TenantCounters::default(),
            followers: Arc::new(Semaphore::new(FOLLOWERS_MAX)),
            admin_requests: RateLimiter::default(),
        }
    }
}

impl TenantContext {
    fn new(
        tenant: Tenant,
        store: Arc<dyn TenantStorage>,
        shared: Arc<Shared>,
        environment: &Environment,
    ) -> Self {
        let Environment {
            reserved, limits, ..
        } = environment;
        let places_max = limits.highest(Limit::ExecutionsInFlight, &tenant.limits);
        let policy = Policy::new(tenant.settings.claims, &tenant.domains, reserved);
        Self {
            share: Share {
                name: Arc::from(tenant.id.as_str()),
                places_max: u32::try_from(places_max).unwrap_or(u32::MAX),
            },
            tenant: Arc::new(tenant),
            store,
            policy: Arc::new(policy),
            shared,
        }
    }

    /// What is counted of the tenant.
    pub(crate) fn counters(&self) -> &TenantCounters {
        &self.shared.counters
    }

    /// How many requests its clients may make to the Management API.
    pub(crate) fn admin_requests(&self) -> &RateLimiter {
        &self.shared.admin_requests
    }

    /// The places of those who follow the tenant's log.
    pub(crate) fn followers(&self) -> Arc<Semaphore> {
        Arc::clone(&self.shared.followers)
    }

    /// What is kept in memory of clients, APIs and grants.
    pub(crate) fn configuration_cache(&self) -> &ConfigurationCache {
        &self.shared.configuration
    }

    /// What is kept in memory of signing keys.
    pub(crate) fn tenant_keys(&self) -> &TenantKeys {
        &self.shared.keys
    }

    /// The audience of the tenant's Management API.
    #[must_use]
    pub fn management_audience(&self) -> String {
        format!("{}api/v2/", self.tenant.issuer)
    }

    /// The audience of the tenant's userinfo endpoint.
    #[must_use]
    pub fn userinfo_audience(&self) -> String {
        format!("{}userinfo", self.tenant.issuer)
    }

    /// Whether some client may use the tenant's Management API. Its grant is the last
    /// thing that a new tenant gets, so a tenant whose creation was cut off has none.
    ///
    /// # Errors
    /// When the grants can't be read.
    pub async fn has_admin(&self) -> Result<bool, ServiceError> {
        let audience = self.management_audience();
        let one = Page::at(0, 1);
        let (grants, _) = self.store.client_grants(None, Some(&audience), one).await?;
        Ok(!grants.is_empty())
    }

    /// Adds the scopes to the tenant's Management API that this version knows and the
    /// one which made the tenant didn't. Clients don't get them by that: an admin gives
    /// them, as any others.
    async fn renew_management_scopes(&self, environment: &Environment) -> Result<(), ServiceError> {
        let audience = self.management_audience();
        let api = self.store.resource_server_by_identifier(&audience).await?;
        // A tenant whose creation was cut off has none.
        let Some(before) = api else {
            return Ok(());
        };
        let is_new = |value: &&str| before.scopes.iter().all(|known| known.value != **value);
        let new: Vec<&str> = MANAGEMENT_SCOPES.into_iter().filter(is_new).collect();
        if new.is_empty() {
            return Ok(());
        }
        let mut after = before.clone();
        after.scopes.extend(new.iter().map(|value| Scope {
            value: (*value).to_owned(),
            description: None,
        }));
        after.updated_at = environment.clock.now();
        self.store.update_resource_server(&before, &after).await?;
        tracing::info!(
            tenant = %self.tenant.id, scopes = new.join(" "),
            "the Management API has new scopes; client grants that are to have them need them added"
        );
        Ok(())
    }

    /// What one execution of an Action that asks for `action` may use now.
    ///
    /// Asked with each token and not kept with the bindings: a changed limit then holds
    /// at once, with nothing to reload.
    pub(crate) fn execution_limits(
        &self,
        action: &LimitSettings,
        environment: &Environment,
    ) -> Limits {
        let (server, tenant) = (&environment.limits, &self.tenant.limits);
        Limits::of(|limit| server.in_force(limit, tenant, action))
    }

    /// The value of a limit of the tenant as a whole.
    pub(crate) fn limit(&self, limit: Limit, environment: &Environment) -> u64 {
        environment.limits.highest(limit, &self.tenant.limits)
    }

    fn trigger(&self, trigger: Trigger) -> &TriggerState {
        let [post_login, credentials_exchange] = &self.shared.triggers;
        match trigger {
            Trigger::PostLogin => post_login,
            Trigger::CredentialsExchange => credentials_exchange,
        }
    }

    pub(crate) fn action_cache(&self, trigger: Trigger) -> &Arc<ActionCache> {
        &self.trigger(trigger).cache
    }

    /// What is bound to the trigger, ready to run.
    pub(crate) async fn bindings(
        &self,
        trigger: Trigger,
        environment: &Environment,
    ) -> Result<Arc<Bindings>, ServiceError> {
        if let Some(bindings) = self.trigger(trigger).bindings.load_full() {
            return Ok(bindings);
        }
        let _changing = self.trigger(trigger).changing.lock().await;
        // Of many requests after a start, the first one loads for all.
        if let Some(bindings) = self.trigger(trigger).bindings.load_full() {
            return Ok(bindings);
        }
        self.load_bindings(trigger, environment).await
    }

    /// Reads a trigger's bindings anew: every token asked for from now on runs them.
    ///
    /// Reading and swapping happen under one lock, so that of two changes at once
    /// the later one is what stays.
    pub(crate) async fn reload_bindings(
        &self,
        trigger: Trigger,
        environment: &Environment,
    ) -> Result<Arc<Bindings>, ServiceError> {
        let _changing = self.trigger(trigger).changing.lock().await;
        self.load_bindings(trigger, environment).await
    }

    /// Only to be called under the trigger's lock.
    async fn load_bindings(
        &self,
        trigger: Trigger,
        environment: &Environment,
    ) -> Result<Arc<Bindings>, ServiceError> {
        let state = self.trigger(trigger);
        let (share, store) = (&self.share, self.store.as_ref());
        match Bindings::load(share, store, trigger, &environment.engine).await {
            Ok(bindings) => {
                let bindings = Arc::new(bindings);
                let kept = (!bindings.is_provisional).then(|| Arc::clone(&bindings));
                state.bindings.store(kept);
                Ok(bindings)
            }
            Err(error) => {
                // The next token tries again, rather than running what was replaced.
                state.bindings.store(None);
                Err(error)
            }
        }
    }
}

impl fmt::Debug for TenantContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantContext")
            .field("tenant", &self.tenant.id)
            .finish_non_exhaustive()
    }
}

/// Runs a change to its end even when its caller goes away: between a write and the
/// index that follows it, memory would differ from storage.
async fn to_the_end<T: Send + 'static>(
    change: impl Future<Output = Result<T, ServiceError>> + Send + 'static,
) -> Result<T, ServiceError> {
    tokio::spawn(change).await.map_err(ServiceError::internal)?
}

/// Gives a new tenant what every tenant has; the admin client's grant last, see
/// [`TenantContext::has_admin`].
async fn furnish(
    setup: &TenantSetup,
    store: &dyn TenantStorage,
    ids: &Ids,
) -> Result<(), ServiceError> {
    let now = setup.tenant.created_at;
    let scopes = MANAGEMENT_SCOPES.map(str::to_owned).to_vec();
    store
        .create_resource_server(&ResourceServer {
            id: ids.resource_server_id(),
            identifier: setup.management_audience.clone(),
            name: "Management API".to_owned(),
            scopes: scopes
                .iter()
                .map(|value| Scope {
                    value: value.clone(),
                    description: None,
                })
                .collect(),
            signing_algorithm: SigningAlgorithm::RS256,
            signing_secret: None,
            token_lifetime_s: MANAGEMENT_TOKEN_LIFETIME_S,
            allow_offline_access: false,
            enforce_policies: false,
            token_dialect: TokenDialect::AccessToken,
            is_system: true,
            created_at: now,
            updated_at: now,
        })
        .await?;
    let connection = first_connection(ids.connection_id(), now);
    store.create_connection(&connection).await?;
    let client = Client {
        client_id: setup.management_client_id.clone(),
        name: "Management".to_owned(),
        description: Some("Made with the tenant; may do everything in it.".to_owned()),
        client_secret: setup.management_client_secret.clone(),
        app_type: Some("non_interactive".to_owned()),
        token_endpoint_auth_method: TokenEndpointAuthMethod::ClientSecretPost,
        credentials: Vec::new(),
        grant_types: vec![GrantType::ClientCredentials],
        client_metadata: Default::default(),
        callbacks: Vec::new(),
        allowed_logout_urls: Vec::new(),
        web_origins: Vec::new(),
        allowed_origins: Vec::new(),
        is_first_party: true,
        id_token_signing_algorithm: None,
        id_token_lifetime_s: ID_TOKEN_LIFETIME_S,
        organization_usage: OrganizationUsage::Deny,
        refresh_token: RefreshTokenSettings::default(),
        is_made_with_tenant: true,
        created_at: now,
        updated_at: now,
    };
    store.create_client(&client).await?;
    store
        .create_client_grant(&ClientGrant {
            organization_usage: OrganizationUsage::Deny,
            allow_any_organization: false,
            organizations: Vec::new(),
            id: ids.client_grant_id(),
            client_id: client.client_id,
            audience: setup.management_audience.clone(),
            scope: scopes,
            created_at: now,
        })
        .await?;
    Ok(())
}

/// The connection that a new tenant has.
pub(crate) fn first_connection(id: ConnectionId, now: Timestamp) -> Connection {
    Connection {
        id,
        name: DATABASE_CONNECTION.to_owned(),
        display_name: None,
        strategy: "auth0".to_owned(),
        realms: Vec::new(),
        is_domain_connection: false,
        enabled_clients: EnabledClients::All,
        metadata: Default::default(),
        custom_database: None,
        created_at: now,
    }
}

/// The issuer of a public URL, and its host.
fn issuer(public_url: &str) -> Result<(String, String), ServiceError> {
    let refused = |why: &str| {
        ServiceError::invalid(format!(
            "`{public_url}` can't be a public URL: {why}; give one such as https://login.example.com"
        ))
    };
    let url = Url::parse(public_url).map_err(|error| refused(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refused("it must begin with http:// or https://"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refused("it must have no query and no fragment"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("it must have no user name and no password"));
    }
    if url.path() != "/" {
        return Err(refused("it must have no path"));
    }
    let host = url.host_str().ok_or_else(|| refused("it has no host"))?;
    Ok((url.to_string(), host.to_ascii_lowercase()))
}

fn domain_name(domain: &str) -> Result<String, ServiceError> {
    let refused = || {
        ServiceError::invalid(format!(
            "`{domain}` can't be a domain; give a host name without scheme and port, such as \
             login.example.com"
        ))
    };
    let url = Url::parse(&format!("http://{domain}/")).map_err(|_| refused())?;
    let host = url.host_str().ok_or_else(refused)?;
    let is_plain = url.path() == "/" && url.username().is_empty() && host_name(domain) == domain;
    if is_plain && !domain.contains(['/', '?', '#', '@']) {
        Ok(host.to_ascii_lowercase())
    } else {
        Err(refused())
    }
}

/// A `Host` header's value without its port.
#[must_use]
pub fn host_name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            if name.contains(':') && !name.ends_with(']') {
                host
            } else {
                name
            }
        }
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_issuer_is_the_public_url_with_a_trailing_slash() {
        let (text, host) = issuer("http://Localhost:8080").unwrap();
        assert_eq!(
            (text.as_str(), host.as_str()),
            ("http://localhost:8080/", "localhost")
        );
        for wrong in [
            "localhost:8080",
            "ftp://a/",
            "https://a/b",
            "https://a/?q",
            "https://u@a/",
            "http://:pw@a/",
            "",
        ] {
            assert!(issuer(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_host_is_known_by_its_name_whatever_the_port() {
        assert_eq!(host_name("localhost:8080"), "localhost");
        assert_eq!(host_name("localhost"), "localhost");
        assert_eq!(host_name("[::1]:8080"), "[::1]");
        assert_eq!(host_name("[::1]"), "[::1]");
    }

    #[tokio::test]
    async fn a_change_is_carried_out_though_its_caller_goes_away() {
        let (done, is_done) = tokio::sync::oneshot::channel();
        let change = to_the_end(async move {
            tokio::task::yield_now().await;
            done.send(())
                .map_err(|()| ServiceError::invalid("nobody waits"))
        });

        tokio::select! {
            biased;
            _ = change => panic!("the change must not be over when its caller goes"),
            () = std::future::ready(()) => {}
        }

        is_done.await.unwrap();
    }

    #[test]
    fn a_domain_is_a_host_name_only() {
        assert_eq!(
            domain_name("Login.Example.com").unwrap(),
            "login.example.com"
        );
        assert_eq!(domain_name("[::1]").unwrap(), "[::1]");
        for wrong in ["a:80", "a/b", "", "a b", "https://a"] {
            assert!(domain_name(wrong).is_err(), "{wrong}");
        }
    }
}
