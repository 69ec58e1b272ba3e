//! A document becomes a tenant's.
//!
//! Everything is done in a fork of the tenant first, by the very functions that the
//! Management API calls: so there is one set of rules, and what is wrong anywhere in the
//! document is found before the tenant sees any of it. Then the tenant takes all of it over
//! in one step.

use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
    sync::Arc,
};

use claimsmith_model::{
    ActionId, BindingId, ClientGrantId, ClientId, Connection, ConnectionId, DatabaseScript,
    JsonObject, OrganizationId, ResourceServerId, RoleId, Secret, TenantSettings, Trigger, UserId,
    VersionId,
};
use claimsmith_storage::TenantFork;
use serde_json::{Value, json};

use super::{MANAGEMENT_AUDIENCE, MEMBERS_MAX, Place, aside, document::Document};
use crate::{
    Environment, ServiceError, Services, TenantDirectory,
    action_library::{
        self, SECRET_NAME_CHARS_MAX, SECRETS_MAX, bind_as, create_as as create_action, deploy_as,
    },
    admin::{
        Page, client_authentication::CREDENTIALS_MAX, client_credentials, client_grants, clients,
        connections, organizations, resource_servers, roles, settings, until_unchanged, users,
    },
    fields::{
        Fields, Problem, Read, integer, list, object, open_object, parsed, set_of, text, text_where,
    },
    management::TenantAdmin,
    tenants::first_connection,
};

/// The longest identifier of what is not a user; ours have at most 36 characters.
const ID_CHARS_MAX: usize = 64;
const SHA256_CHARS: usize = 64;
/// How many entries are stored at once: a few for each user, one for each origin of a client.
/// Others wait meanwhile; for 40,000, of 10,000 users in an organization, readers waited
/// 0.2 s and writers 0.5 s on a busy machine, with our crates unoptimised.
const STORED_AT_ONCE_MAX: usize = 50_000;

/// What an import has left to do.
#[derive(Debug, Default)]
pub struct Imported {
    /// The secrets that were not given and had to be made.
    pub made: MadeSecrets,
    /// Those that only an admin knows, and that were not given.
    pub missing: MissingSecrets,
}

/// Secrets that the server made.
#[derive(Debug, Default)]
pub struct MadeSecrets {
    /// Of clients.
    pub clients: BTreeMap<ClientId, Secret>,
    /// What the tokens of APIs are signed with, by their identifiers.
    pub resource_servers: BTreeMap<String, Secret>,
}

/// The names of secrets that there are none for.
#[derive(Debug, Default)]
pub struct MissingSecrets {
    /// Of Actions.
    pub actions: BTreeMap<ActionId, BTreeSet<String>>,
    /// Of the scripts of connections.
    pub connections: BTreeMap<ConnectionId, BTreeSet<String>>,
    /// Users of the server's own database without a password.
    pub users: Vec<UserId>,
}

/// Fills a tenant in which there is nothing but what a new one has.
///
/// # Errors
/// `Invalid…` and `Module` with the place in the document; `Conflict` with what is there in
/// a tenant that isn't new; `Busy`. Then nothing is stored.
pub async fn import(
    admin: &TenantAdmin,
    body: JsonObject,
    place: Place,
) -> Result<Imported, ServiceError> {
    let (admin, document) = (admin.clone(), Document::read(body)?);
    let importing = async move { import_into(&admin, &document).await };
    aside(place, importing).await
}

async fn import_into(admin: &TenantAdmin, document: &Document) -> Result<Imported, ServiceError> {
    let modules = &document.modules()?;
    until_unchanged(|| async move {
        must_be_new(admin).await?;
        let id = &admin.tenant().tenant.id;
        let fork = admin.environment().storage.fork_tenant(id).await?;
        let copy = admin_of(admin, &fork).await?;
        must_be_new(&copy).await?;
        let import = Import {
            admin: copy,
            document,
            modules,
            asked: BTreeSet::new(),
            used: BTreeSet::new(),
            imported: Imported::default(),
        };
        let imported = import.carry_out().await?;
        let stored = fork.entries();
        if stored > STORED_AT_ONCE_MAX {
            return Err(ServiceError::invalid(format!(
                "the document makes {stored} entries, and at most {STORED_AT_ONCE_MAX} are stored \
                 at once; leave users out, or origins of clients, and add them afterwards"
            )));
        }
        admin.services().tenants.merge(fork).await?;
        Ok(imported)
    })
    .await
}

/// Who may do everything in a fork.
async fn admin_of(admin: &TenantAdmin, fork: &TenantFork) -> Result<TenantAdmin, ServiceError> {
    let environment = Environment {
        storage: Arc::new(fork.storage().clone()),
        ..admin.environment().clone()
    };
    let tenants = TenantDirectory::load(environment.clone()).await?;
    let tenant = tenants.by_id(fork.tenant());
    let tenant = tenant.ok_or_else(|| ServiceError::internal("a fork has no tenant"))?;
    let services = Services {
        environment,
        tenants,
        ..admin.services().clone()
    };
    Ok(TenantAdmin::operator(services, tenant))
}

/// Refuses a tenant that has more than a new one, and says what that is.
async fn must_be_new(admin: &TenantAdmin) -> Result<(), ServiceError> {
    let store = admin.store();
    let none = || Page::at(0, 0);
    let (clients, _) = store.clients(Page::ALL).await?;
    let (apis, _) = store.resource_servers(Page::ALL).await?;
    let connections = store.connections().await?;
    let found = [
        (
            clients.iter().filter(|it| !it.is_made_with_tenant).count(),
            "clients",
        ),
        (apis.iter().filter(|it| !it.is_system).count(), "APIs"),
        (
            connections.iter().filter(|it| !is_first(it)).count(),
            "connections",
        ),
        (store.users(none()).await?.1, "users"),
        (store.roles(none()).await?.1, "roles"),
        (store.organizations(none()).await?.1, "organizations"),
        (store.actions().await?.len(), "Actions"),
        (
            usize::from(settings::get(admin) != TenantSettings::default()),
            "changed settings",
        ),
    ];
    let found = found.iter().filter(|(count, _)| *count > 0);
    let found: Vec<_> = found
        .map(|(count, what)| format!("{what} ({count})"))
        .collect();
    if found.is_empty() {
        return Ok(());
    }
    Err(ServiceError::Conflict(format!(
        "a document is imported into a new tenant only, and this one has {}; create one with POST \
         /platform/v1/tenants",
        found.join(", ")
    )))
}

fn is_first(connection: &Connection) -> bool {
    *connection == first_connection(connection.id.clone(), connection.created_at)
}

/// An import under way in a fork.
struct Import<'a> {
    admin: TenantAdmin,
    document: &'a Document,
    /// Its modules by their SHA-256.
    modules: &'a BTreeMap<String, Vec<u8>>,
    /// The places of all secrets that the document names.
    asked: BTreeSet<String>,
    /// The modules that it names.
    used: BTreeSet<String>,
    imported: Imported,
}

type Done = Result<(), ServiceError>;

/// Carries each part of a list out, and says with an error which one it was.
macro_rules! each {
    ($import:ident, $list:ident, $method:ident) => {
        for (index, part) in $import.document.$list.iter().enumerate() {
            let carried_out = $import.$method(part.clone()).await;
            let place = || format!("{}[{index}]", stringify!($list));
            carried_out.map_err(|error| error.within(&place()))?;
        }
    };
}

impl<'a> Import<'a> {
    /// Each kind of thing comes after those that it names.
    async fn carry_out(mut self) -> Result<Imported, ServiceError> {
        each!(self, resource_servers, resource_server);
        self.settings().await.map_err(|it| it.within("settings"))?;
        each!(self, clients, client);
        for first in connections::list_all(&self.admin).await? {
            connections::delete(&self.admin, &first.id).await?;
        }
        each!(self, connections, connection);
        each!(self, roles, role);
        each!(self, users, user);
        self.organizations().await?;
        each!(self, client_grants, client_grant);
        each!(self, actions, action);
        for (trigger, bindings) in &self.document.bindings {
            let bound = self.bind(*trigger, bindings).await;
            bound.map_err(|error| error.within(&format!("bindings.{trigger}")))?;
        }
        self.document.secrets.all_in(&self.asked)?;
        let mut modules = self.modules.keys();
        if let Some(unused) = modules.find(|sha256| !self.used.contains(*sha256)) {
            let problem = Problem::new("nothing in the document has this module");
            return Err(problem.under(&format!("modules.{unused}")).into());
        }
        Ok(self.imported)
    }

    async fn resource_server(&mut self, part: JsonObject) -> Done {
        let mut fields = Fields::new(part);
        let id: ResourceServerId = fields.required("id", id_of(""))?;
        let mut body = without_secret(fields, "signing_secret")?;
        let identifier = text_of(&body, "identifier");
        let secret = self.secret(format!("resource_servers.{identifier}"));
        let is_given = secret.is_some();
        if let Some(secret) = secret {
            body.insert("signing_secret".to_owned(), secret.expose().into());
        }
        let api = resource_servers::create_as(&self.admin, id, body).await?;
        if let Some(secret) = api.signing_secret.filter(|_| !is_given) {
            let made = &mut self.imported.made.resource_servers;
            made.insert(api.identifier, secret);
        }
        Ok(())
    }

    async fn settings(&mut self) -> Done {
        let mut body = self.document.settings.clone();
        self.own_audience(&mut body, "default_audience");
        settings::patch(&self.admin, body).await?;
        // What follows goes by the new ones.
        let services = self.admin.services().clone();
        if let Some(tenant) = services.tenants.by_id(&self.admin.tenant().tenant.id) {
            self.admin = TenantAdmin::operator(services, tenant);
        }
        Ok(())
    }

    async fn client(&mut self, part: JsonObject) -> Done {
        let mut fields = Fields::new(part);
        let id: ClientId = fields.required("client_id", id_of(""))?;
        let keys = fields.optional("credentials", list(0..=CREDENTIALS_MAX, open_object))?;
        let mut waiting = keys.unwrap_or_default();
        let mut body = without_secret(fields, "client_secret")?;
        if text_of(&body, "token_endpoint_auth_method") == "private_key_jwt" {
            let keys = std::mem::take(&mut waiting);
            let methods = json!({ "private_key_jwt": { "credentials": keys } });
            body.insert("client_authentication_methods".to_owned(), methods);
        }
        let given = self.secret(format!("clients.{id}"));
        let is_given = given.is_some();
        let secret = given.unwrap_or_else(|| self.admin.ids().client_secret());
        let client = clients::create_as(&self.admin, id, secret, body).await?;
        for (index, key) in waiting.into_iter().enumerate() {
            let given = client_credentials::create(&self.admin, &client.client_id, key).await;
            given.map_err(|error| error.within(&format!("credentials[{index}]")))?;
        }
        if client.has_secret() && !is_given {
            let made = &mut self.imported.made.clients;
            made.insert(client.client_id, client.client_secret);
        }
        Ok(())
    }

    async fn connection(&mut self, part: JsonObject) -> Done {
        let mut fields = Fields::new(part);
        let id: ConnectionId = fields.required("id", id_of("con_"))?;
        let scripts = fields.optional("scripts", scripts)?.unwrap_or_default();
        let options = fields.optional("options", open_object)?;
        let mut body = fields.into_rest();
        if let Some(mut options) = options {
            let names = options.shift_remove("configuration");
            let names = names.map(names_of_configuration).transpose();
            let names = names.map_err(|it| it.under("options.configuration"))?;
            let mut configuration = JsonObject::new();
            for name in names.unwrap_or_default() {
                match self.secret(format!("connections.{id}.{name}")) {
                    Some(secret) => {
                        configuration.insert(name, secret.expose().into());
                    }
                    None => {
                        let missing = &mut self.imported.missing.connections;
                        missing.entry(id.clone()).or_default().insert(name);
                    }
                }
            }
            if !configuration.is_empty() {
                options.insert("configuration".to_owned(), configuration.into());
            }
            body.insert("options".to_owned(), options.into());
        }
        connections::create_as(&self.admin, id.clone(), body).await?;
        for (script, sha256) in scripts {
            let place = format!("scripts.{}", script.name());
            let module = self.module(&sha256).map_err(|it| it.under(&place))?;
            let uploaded = connections::upload_script(&self.admin, &id, script, module).await;
            uploaded.map_err(|error| error.within(&place))?;
        }
        Ok(())
    }

    async fn role(&mut self, part: JsonObject) -> Done {
        let mut fields = Fields::new(part);
        let id: RoleId = fields.required("id", id_of("rol_"))?;
        let permissions = self.permissions(&mut fields)?;
        roles::create_as(&self.admin, id.clone(), fields.into_rest()).await?;
        match permissions {
            Some(body) => roles::add_permissions(&self.admin, &id, body).await,
            None => Ok(()),
        }
    }

    async fn user(&mut self, part: JsonObject) -> Done {
        let mut fields = Fields::new(part);
        let permissions = self.permissions(&mut fields)?;
        let roles = body_of("roles", fields.optional("roles", any_list)?);
        let mut body = without_secret(fields, "password")?;
        let password = self.secret(format!("users.{}", text_of(&body, "user_id")));
        if let Some(password) = password {
            body.insert("password".to_owned(), password.expose().into());
        }
        let user = users::create_again(&self.admin, body).await?;
        let id = user.user_id;
        if let Some(body) = permissions {
            users::add_permissions(&self.admin, &id, body).await?;
        }
        if let Some(body) = roles {
            users::add_roles(&self.admin, &id, body).await?;
        }
        if user.password_hash.is_none() {
            let store = self.admin.store();
            let connection = store.connection_by_name(&user.connection).await?;
            if connection.is_some_and(|it| it.scripts_in_force().is_none()) {
                self.imported.missing.users.push(id);
            }
        }
        Ok(())
    }

    async fn organizations(&mut self) -> Done {
        let mut members_left = MEMBERS_MAX;
        for (index, part) in self.document.organizations.iter().enumerate() {
            let carried_out = self.organization(part.clone(), &mut members_left).await;
            carried_out.map_err(|error| error.within(&format!("organizations[{index}]")))?;
        }
        Ok(())
    }

    async fn organization(&mut self, part: JsonObject, members_left: &mut usize) -> Done {
        let mut fields = Fields::new(part);
        let id: OrganizationId = fields.required("id", id_of("org_"))?;
        let members = fields.optional("members", list(0..=MEMBERS_MAX, open_object))?;
        let members = members.unwrap_or_default();
        let admin = &self.admin;
        organizations::create_as(admin, id.clone(), fields.into_rest()).await?;
        *members_left = members_left.checked_sub(members.len()).ok_or_else(|| {
            let what = format!("all organizations have at most {MEMBERS_MAX} members together");
            Problem::new(what).under("members")
        })?;
        for (index, member) in members.into_iter().enumerate() {
            let added = async {
                let mut fields = Fields::new(member);
                let user: UserId = fields.required("user_id", parsed)?;
                let roles = body_of("roles", fields.optional("roles", any_list)?);
                fields.finish()?;
                if admin.store().membership(&id, &user).await?.is_some() {
                    return Err(Problem::new("the user is a member already").into());
                }
                let body = body_of("members", Some(json!([user])));
                organizations::add_members(admin, &id, body.unwrap_or_default()).await?;
                match roles {
                    Some(body) => organizations::add_member_roles(admin, &id, &user, body).await,
                    None => Ok(()),
                }
            };
            let place = format!("members[{index}]");
            added
                .await
                .map_err(|error: ServiceError| error.within(&place))?;
        }
        Ok(())
    }

    async fn client_grant(&mut self, part: JsonObject) -> Done {
        let mut fields = Fields::new(part);
        let id: ClientGrantId = fields.required("id", id_of("cgr_"))?;
        let ids = set_of(
            0..=client_grants::ORGANIZATIONS_MAX,
            parsed::<OrganizationId>,
        );
        let organizations = fields.optional("organizations", ids)?.unwrap_or_default();
        let mut body = fields.into_rest();
        self.own_audience(&mut body, "audience");
        let admin = &self.admin;
        if admin.store().client_grant_by_id(&id).await?.is_some() {
            return Err(Problem::new("a grant before it has this id")
                .under("id")
                .into());
        }
        client_grants::create_as(admin, id.clone(), body).await?;
        for organization in organizations {
            let body = JsonObject::from_iter([("grant_id".to_owned(), json!(id))]);
            let given = client_grants::give_to_organization(admin, &organization, body);
            let given = given.await;
            given.map_err(|error| error.within("organizations"))?;
        }
        Ok(())
    }

    /// The deployed version first, as what the draft was when it was deployed; then the
    /// draft.
    async fn action(&mut self, part: JsonObject) -> Done {
        let mut fields = Fields::new(part);
        let id: ActionId = fields.required("id", id_of(""))?;
        let deployed = fields.optional("deployed_version", object(Deployed::read))?;
        let module = fields.optional("module", sha256)?;
        let names = fields
            .optional("secrets", secret_names)?
            .unwrap_or_default();
        let mut draft = fields.into_rest();
        draft.insert("secrets".to_owned(), self.secrets_of(&id, names));
        if module.is_some() && draft.get("code").is_some_and(|code| code != "") {
            let what = "an Action has a `module`, or `code` that is none";
            return Err(Problem::new(what).under("code").into());
        }

        let admin = self.admin.clone();
        let Some(deployed) = deployed else {
            create_action(&admin, id.clone(), 0, draft).await?;
            return self.upload(&id, module.as_deref(), "module").await;
        };
        let mut first = draft.clone();
        first.shift_remove("code");
        let secrets = self.secrets_of(&id, deployed.secrets);
        first.insert("secrets".to_owned(), secrets);
        first.insert("limits".to_owned(), deployed.limits.clone().into());
        first.insert("allowed_hosts".to_owned(), deployed.allowed_hosts);
        let earlier = deployed.number.saturating_sub(1);
        create_action(&admin, id.clone(), earlier, first).await?;
        let of_version = Some(deployed.module.as_str());
        let place = "deployed_version.module";
        self.upload(&id, of_version, place).await?;
        let deploying = deploy_as(&admin, &id, deployed.id).await;
        deploying.map_err(|error| error.within("deployed_version"))?;

        // What the draft doesn't say it doesn't have.
        let limits = draft.entry("limits").or_insert_with(|| json!({}));
        if let Value::Object(limits) = limits {
            for name in deployed.limits.keys() {
                limits.entry(name.clone()).or_insert(Value::Null);
            }
        }
        draft.entry("allowed_hosts").or_insert_with(|| json!([]));
        action_library::patch(&admin, &id, draft).await?;
        match module {
            Some(module) if module == deployed.module => Ok(()),
            module => self.upload(&id, module.as_deref(), "module").await,
        }
    }

    async fn upload(&mut self, id: &ActionId, sha256: Option<&str>, place: &str) -> Done {
        let Some(sha256) = sha256 else {
            return Ok(());
        };
        let module = self.module(sha256).map_err(|it| it.under(place))?;
        let uploaded = action_library::upload_module(&self.admin, id, module).await;
        uploaded.map(|_| ()).map_err(|error| error.within(place))
    }

    async fn bind(&mut self, trigger: Trigger, bindings: &[JsonObject]) -> Done {
        let mut ids: Vec<BindingId> = Vec::with_capacity(bindings.len());
        let mut wanted = Vec::with_capacity(bindings.len());
        for (index, binding) in bindings.iter().enumerate() {
            let mut fields = Fields::new(binding.clone());
            let id = fields.required("id", id_of(""));
            let id = id.map_err(|problem| problem.under(&format!("[{index}]")))?;
            if ids.contains(&id) {
                let problem = Problem::new("a binding before it has this id");
                return Err(problem.under(&format!("[{index}].id")).into());
            }
            ids.push(id);
            wanted.push(Value::Object(fields.into_rest()));
        }
        if ids.is_empty() {
            return Ok(());
        }
        let bound = bind_as(&self.admin, trigger, &ids, wanted.into()).await;
        bound.map(|_| ())
    }

    /// The secret that was given for a place, and notes that the document has it.
    fn secret(&mut self, place: String) -> Option<Secret> {
        let given = self.document.secrets.at(&place);
        self.asked.insert(place);
        given
    }

    /// The secrets of an Action that were given, as its API takes them.
    fn secrets_of(&mut self, id: &ActionId, names: Vec<String>) -> Value {
        let mut given = Vec::with_capacity(names.len());
        for name in names {
            match self.secret(format!("actions.{id}.{name}")) {
                Some(secret) => given.push(json!({ "name": name, "value": secret.expose() })),
                None => {
                    let missing = &mut self.imported.missing.actions;
                    missing.entry(id.clone()).or_default().insert(name);
                }
            }
        }
        given.into()
    }

    fn module(&mut self, sha256: &str) -> Read<&'a [u8]> {
        self.used.insert(sha256.to_owned());
        let module = self.modules.get(sha256).map(Vec::as_slice);
        module.ok_or_else(|| Problem::new("the document has no such module among its `modules`"))
    }

    /// The permissions of a role or a user as a body of their API; none where there are none.
    fn permissions(&self, fields: &mut Fields) -> Read<Option<JsonObject>> {
        let mut permissions = fields.optional("permissions", any_list)?;
        for permission in permissions
            .iter_mut()
            .filter_map(Value::as_array_mut)
            .flatten()
        {
            if let Value::Object(permission) = permission {
                self.own_audience(permission, "resource_server_identifier");
            }
        }
        Ok(body_of("permissions", permissions))
    }

    /// Puts the tenant's own Management API where the document names it.
    fn own_audience(&self, object: &mut JsonObject, name: &str) {
        if let Some(audience) = object.get_mut(name)
            && audience == MANAGEMENT_AUDIENCE
        {
            *audience = self.admin.tenant().management_audience().into();
        }
    }
}

/// The version of an Action that runs.
struct Deployed {
    id: VersionId,
    number: u32,
    module: String,
    secrets: Vec<String>,
    limits: JsonObject,
    allowed_hosts: Value,
}

impl Deployed {
    fn read(fields: &mut Fields) -> Read<Self> {
        Ok(Self {
            id: fields.required("id", id_of(""))?,
            number: fields.required("number", integer(1..=u32::MAX))?,
            module: fields.required("module", sha256)?,
            secrets: fields
                .optional("secrets", secret_names)?
                .unwrap_or_default(),
            limits: fields.optional("limits", open_object)?.unwrap_or_default(),
            allowed_hosts: fields
                .optional("allowed_hosts", any_list)?
                .unwrap_or_else(|| json!([])),
        })
    }
}

/// An identifier that begins as those of its kind do.
fn id_of<T: FromStr>(prefix: &'static str) -> impl Fn(Value) -> Read<T> {
    move |value| {
        let allowed = |text: &str| {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            let own = text.strip_prefix(prefix).unwrap_or_default();
            !own.is_empty() && own.bytes().all(is_plain)
        };
        let hint = match prefix {
            "" => "an identifier has letters, digits, - and _".to_owned(),
            prefix => format!("the identifier begins with {prefix}, then letters, digits, - and _"),
        };
        let text = text_where(1..=ID_CHARS_MAX, allowed, &hint)(value)?;
        text.parse().map_err(|_| Problem::new(hint))
    }
}

fn sha256(value: Value) -> Read<String> {
    text(SHA256_CHARS..=SHA256_CHARS)(value)
}

fn scripts(value: Value) -> Read<BTreeMap<DatabaseScript, String>> {
    object(|fields| {
        let mut scripts = BTreeMap::new();
        for script in DatabaseScript::ALL {
            if let Some(sha256) = fields.optional(script.name(), sha256)? {
                scripts.insert(script, sha256);
            }
        }
        Ok(scripts)
    })(value)
}

/// The names of an Action's secrets, whose values stand elsewhere.
fn secret_names(value: Value) -> Read<Vec<String>> {
    let name = object(|fields| {
        let name = fields.required("name", text(1..=SECRET_NAME_CHARS_MAX))?;
        if fields.has("value") {
            return Err(given_elsewhere().under("value"));
        }
        Ok(name)
    });
    set_of(0..=SECRETS_MAX, name)(value)
}

/// The names of a connection's secrets, each with an empty object in place of its value.
fn names_of_configuration(value: Value) -> Read<Vec<String>> {
    let named = |(name, value): (String, Value)| match value {
        Value::Object(nothing) if nothing.is_empty() => Ok(name),
        _ => Err(given_elsewhere().under(&name)),
    };
    open_object(value)?.into_iter().map(named).collect()
}

/// What is left of an object that must not have a secret in it.
fn without_secret(fields: Fields, name: &str) -> Read<JsonObject> {
    if fields.has(name) {
        return Err(given_elsewhere().under(name));
    }
    Ok(fields.into_rest())
}

fn given_elsewhere() -> Problem {
    Problem::new("secrets are given in `secrets` of the document, not here")
}

fn text_of(object: &JsonObject, name: &str) -> String {
    let text = object.get(name).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

fn any_list(value: Value) -> Read<Value> {
    list(0..=usize::MAX, Ok)(value).map(Value::Array)
}

/// A body with one list in it; none when the list is empty, which no API takes.
fn body_of(name: &str, list: Option<Value>) -> Option<JsonObject> {
    let list = list.filter(|list| list.as_array().is_some_and(|list| !list.is_empty()))?;
    Some(JsonObject::from_iter([(name.to_owned(), list)]))
}
