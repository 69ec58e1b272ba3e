//! What of a tenant goes into a document.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    io,
};

use claimsmith_model::{
    Action, ActionVersion, Binding, Client, ClientGrant, Connection, EnabledClients, Membership,
    ModuleInfo, Organization, Permission, ResourceServer, Role, TenantSettings, Trigger, User,
};
use serde::Serialize;

use super::{
    CLIENT_GRANTS_MAX, CLIENTS_MAX, DOCUMENT_BYTES_MAX, MANAGEMENT_AUDIENCE, MEMBERS_MAX,
    ORGANIZATIONS_MAX, Place, RESOURCE_SERVERS_MAX, USERS_MAX, aside,
};
use crate::{
    ServiceError,
    action_library::{self, ActionFilter, ActionWithVersion, read_module},
    admin::{ATTEMPTS_MAX, Page, settings},
    management::TenantAdmin,
};

/// How many users, or members, are read at once.
const READ_AT_ONCE: usize = 1_000;

/// Everything of a tenant that a document tells. Whatever it refers to is in it, and the
/// Management API is called [`MANAGEMENT_AUDIENCE`].
#[derive(Debug)]
pub struct Contents {
    /// The settings.
    pub settings: TenantSettings,
    /// The APIs but for the server's own.
    pub resource_servers: Vec<ResourceServer>,
    /// The clients but for the one that was made with the tenant.
    pub clients: Vec<Client>,
    /// The connections.
    pub connections: Vec<Connection>,
    /// The grants of these clients.
    pub client_grants: Vec<ClientGrant>,
    /// The roles.
    pub roles: Vec<Role>,
    /// The organizations.
    pub organizations: Vec<ExportedOrganization>,
    /// The users.
    pub users: Vec<User>,
    /// The Actions.
    pub actions: Vec<ExportedAction>,
    /// What is bound, in its order.
    pub bindings: Vec<(Trigger, Vec<Binding>)>,
    /// The modules that all this has, by their SHA-256.
    pub modules: BTreeMap<String, Vec<u8>>,
}

/// An organization with its members.
#[derive(Debug)]
pub struct ExportedOrganization {
    /// The organization.
    pub organization: Organization,
    /// Its members.
    pub members: Vec<Membership>,
}

/// An Action with the version that runs.
#[derive(Debug)]
pub struct ExportedAction {
    /// The Action.
    pub action: Action,
    /// Its deployed version, if it has one.
    pub deployed: Option<ActionVersion>,
}

/// Reads the tenant as it is at one moment, but for users who are changed meanwhile, and has
/// it written.
///
/// # Errors
/// `Invalid` when there is more than a document holds; `TooMany` when others change the
/// tenant all the time.
pub async fn export(
    admin: &TenantAdmin,
    place: Place,
    write: impl FnOnce(&TenantAdmin, Contents) -> serde_json::Result<Vec<u8>> + Send + 'static,
) -> Result<Vec<u8>, ServiceError> {
    let admin = admin.clone();
    let exporting = async move {
        let contents = contents(&admin).await?;
        let document = write(&admin, contents).map_err(ServiceError::internal)?;
        if document.len() > DOCUMENT_BYTES_MAX {
            return Err(too_large());
        }
        Ok(document)
    };
    aside(place, exporting).await
}

async fn contents(admin: &TenantAdmin) -> Result<Contents, ServiceError> {
    for _ in 0..ATTEMPTS_MAX {
        let before = admin.store().configuration_stamp().await?;
        let read = read(admin).await;
        // What went away meanwhile is no error of the tenant's, either.
        if admin.store().configuration_stamp().await? == before {
            return read;
        }
    }
    Err(ServiceError::TooMany(
        "others change the tenant all the time; export it when it is quiet".to_owned(),
    ))
}

/// A document that would have more bytes than one may.
fn too_large() -> ServiceError {
    ServiceError::invalid(format!(
        "the tenant doesn't fit into a document of {DOCUMENT_BYTES_MAX} bytes; a backup of the \
         server holds tenants of any size"
    ))
}

async fn read(admin: &TenantAdmin) -> Result<Contents, ServiceError> {
    let (store, mut size) = (admin.store(), Size::default());
    let settings = settings::get(admin);
    let (resource_servers, count) = store.resource_servers(first(RESOURCE_SERVERS_MAX)).await?;
    at_most(RESOURCE_SERVERS_MAX, count, "APIs")?;
    let (clients, count) = store.clients(first(CLIENTS_MAX)).await?;
    at_most(CLIENTS_MAX, count, "clients")?;
    let (client_grants, count) = store
        .client_grants(None, None, first(CLIENT_GRANTS_MAX))
        .await?;
    at_most(CLIENT_GRANTS_MAX, count, "client grants")?;
    let connections = store.connections().await?;
    let (roles, _) = store.roles(Page::ALL).await?;
    size.add(&(&resource_servers, &clients, &client_grants))?;
    size.add(&(&connections, &roles))?;
    let users = users(admin, &mut size).await?;
    let organizations = organizations(admin, &mut size).await?;

    let mut listed = action_library::list(admin, &ActionFilter::default()).await?;
    // Not by when they were made, which an import changes, and which ties within a
    // millisecond.
    listed.sort_by(|one, other| one.id.cmp(&other.id));
    let mut actions = Vec::new();
    for action in listed {
        let with_version = action_library::with_version(admin, action).await?;
        let ActionWithVersion { action, deployed } = with_version;
        size.add(&(&action, &deployed))?;
        actions.push(ExportedAction { action, deployed });
    }
    let mut bindings = Vec::new();
    for trigger in Trigger::ALL {
        bindings.push((trigger, store.bindings(trigger).await?.bindings));
    }
    let mut contents = Contents {
        settings,
        resource_servers,
        clients,
        connections,
        client_grants,
        roles,
        organizations,
        users,
        actions,
        bindings,
        modules: BTreeMap::new(),
    };
    contents.modules = modules(admin, &contents, &mut size).await?;
    contents.refers_to_itself_only(&admin.tenant().management_audience());
    Ok(contents)
}

async fn users(admin: &TenantAdmin, size: &mut Size) -> Result<Vec<User>, ServiceError> {
    let mut users = Vec::new();
    loop {
        let page = Page::at(users.len(), READ_AT_ONCE);
        let (part, count) = admin.store().users(page).await?;
        at_most(USERS_MAX, count, "users")?;
        size.add(&part)?;
        let is_last = part.len() < READ_AT_ONCE;
        users.extend(part);
        if is_last {
            return Ok(users);
        }
    }
}

async fn organizations(
    admin: &TenantAdmin,
    size: &mut Size,
) -> Result<Vec<ExportedOrganization>, ServiceError> {
    let store = admin.store();
    let (organizations, count) = store.organizations(first(ORGANIZATIONS_MAX)).await?;
    at_most(ORGANIZATIONS_MAX, count, "organizations")?;
    size.add(&organizations)?;
    let mut with_members = Vec::with_capacity(organizations.len());
    let mut members_in_all: usize = 0;
    for organization in organizations {
        let left = MEMBERS_MAX.saturating_sub(members_in_all);
        let (members, count) = store.memberships(&organization.id, first(left)).await?;
        members_in_all = members_in_all.saturating_add(count);
        at_most(MEMBERS_MAX, members_in_all, "members of organizations")?;
        size.add(&members)?;
        with_members.push(ExportedOrganization {
            organization,
            members,
        });
    }
    Ok(with_members)
}

async fn modules(
    admin: &TenantAdmin,
    contents: &Contents,
    size: &mut Size,
) -> Result<BTreeMap<String, Vec<u8>>, ServiceError> {
    let of_actions = contents.actions.iter().flat_map(|exported| {
        let deployed = exported.deployed.as_ref().map(|version| &version.module);
        exported.action.module.iter().chain(deployed)
    });
    let of_scripts = contents.connections.iter().flat_map(|connection| {
        let scripts = connection.custom_database.iter();
        scripts.flat_map(|database| database.scripts.values().map(|script| &script.module))
    });
    let named: BTreeMap<&str, &ModuleInfo> = of_actions
        .chain(of_scripts)
        .map(|module| (module.sha256.as_str(), module))
        .collect();
    // All of them, before any is read.
    for module in named.values() {
        size.add_bytes(module.size_bytes.saturating_mul(4) / 3)?;
    }
    let mut modules = BTreeMap::new();
    for sha256 in named.keys() {
        let module = read_module(admin, (*sha256).to_owned()).await?;
        modules.insert(module.sha256, module.bytes);
    }
    Ok(modules)
}

impl Contents {
    /// Leaves out what every tenant has of its own, and what is named and not there: an
    /// identifier of something that was deleted means nothing, and could not be imported.
    fn refers_to_itself_only(&mut self, management_audience: &str) {
        let own = |audience: &mut String| {
            if audience == management_audience {
                MANAGEMENT_AUDIENCE.clone_into(audience);
            }
        };
        if let Some(audience) = &mut self.settings.default_audience {
            own(audience);
        }
        self.clients.retain(|client| !client.is_made_with_tenant);
        let clients = ids(&self.clients, |client| client.client_id.clone());
        let roles = ids(&self.roles, |role| role.id.clone());
        let users = ids(&self.users, |user| user.user_id.clone());
        let connections = ids(&self.connections, |connection| connection.id.clone());
        let organizations = ids(&self.organizations, |it| it.organization.id.clone());
        let scopes: HashSet<(String, String)> =
            self.resource_servers.iter().flat_map(scopes).collect();
        let has_scope =
            |audience: &str, scope: &str| scopes.contains(&(audience.to_owned(), scope.to_owned()));

        self.client_grants
            .retain(|grant| clients.contains(&grant.client_id));
        for grant in &mut self.client_grants {
            grant
                .scope
                .retain(|scope| has_scope(&grant.audience, scope));
            grant.organizations.retain(|id| organizations.contains(id));
            own(&mut grant.audience);
        }
        let keep = |permissions: &mut Vec<Permission>| {
            permissions.retain(|it| has_scope(&it.resource_server_identifier, &it.permission_name));
            for permission in permissions {
                own(&mut permission.resource_server_identifier);
            }
        };
        for role in &mut self.roles {
            keep(&mut role.permissions);
        }
        for user in &mut self.users {
            keep(&mut user.permissions);
            user.roles.retain(|role| roles.contains(role));
        }
        for ExportedOrganization {
            organization,
            members,
        } in &mut self.organizations
        {
            if let Some(enabled) = &mut organization.connections {
                enabled.retain(|id| connections.contains(id));
            }
            members.retain(|member| users.contains(&member.user));
            for member in members {
                member.roles.retain(|role| roles.contains(role));
            }
        }
        for connection in &mut self.connections {
            if let EnabledClients::Only(enabled) = &mut connection.enabled_clients {
                enabled.retain(|id| clients.contains(id));
            }
        }
        self.resource_servers.retain(|api| !api.is_system);
    }
}

fn ids<T, Id: Ord>(things: &[T], id: impl Fn(&T) -> Id) -> BTreeSet<Id> {
    things.iter().map(id).collect()
}

fn scopes(api: &ResourceServer) -> impl Iterator<Item = (String, String)> {
    let of_api = |scope: &claimsmith_model::Scope| (api.identifier.clone(), scope.value.clone());
    api.scopes.iter().map(of_api)
}

fn first(count: usize) -> Page {
    Page::at(0, count)
}

fn at_most(max: usize, count: usize, what: &str) -> Result<(), ServiceError> {
    if count <= max {
        return Ok(());
    }
    Err(ServiceError::invalid(format!(
        "the tenant has {count} {what}, and a document holds at most {max}; a backup of the server \
         holds any number"
    )))
}

/// How long the document becomes, more or less.
#[derive(Default)]
struct Size(usize);

impl Size {
    fn add(&mut self, part: &impl Serialize) -> Result<(), ServiceError> {
        serde_json::to_writer(&mut *self, part).map_err(ServiceError::internal)?;
        self.add_bytes(0)
    }

    fn add_bytes(&mut self, bytes: u64) -> Result<(), ServiceError> {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        self.0 = self.0.saturating_add(bytes);
        if self.0 > DOCUMENT_BYTES_MAX {
            return Err(too_large());
        }
        Ok(())
    }
}

impl io::Write for Size {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
