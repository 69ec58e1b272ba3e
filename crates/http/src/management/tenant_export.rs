//! `/api/v2/tenants/export`: a tenant as one document.
//!
//! Its parts are what the other routes show, without what can't be sent back, and with what
//! stands under paths of its own there.

use std::collections::BTreeMap;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use claimsmith_model::{
    Action, ActionSecret, ActionVersion, AllowedHosts, Binding, Client, ClientCredential,
    ClientPublicKey, Connection, DatabaseScript, LimitSettings, Permission, SigningAlgorithm,
    Trigger, User,
};
use claimsmith_service::{
    admin::transfer::{self, Contents, ExportedAction, ExportedOrganization, VERSION},
    management::TenantAdmin,
};
use http::header;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    ApiError,
    access::{self, Admin, ReadTenantExport, Routes},
    client_grants,
    clients::{self, credentials},
    connections::view::ConnectionView,
    operation as answers, organizations, resource_servers, roles, tenant_settings, users,
};
use crate::{AppState, answer};

pub(super) fn routes() -> Routes {
    Routes::default().at(
        "/tenants/export",
        access::get(
            get,
            "Get the tenant as one document, without its secrets",
            answers::ok::<DocumentView>(),
        ),
    )
}

/// A tenant as one document. Its parts have the shapes that their own paths take.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "TenantDocument")]
struct DocumentView {
    version: u32,
    settings: Object,
    resource_servers: Vec<Object>,
    clients: Vec<Object>,
    connections: Vec<Object>,
    client_grants: Vec<Object>,
    roles: Vec<Object>,
    organizations: Vec<Object>,
    users: Vec<Object>,
    actions: Vec<Object>,
    bindings: BTreeMap<Trigger, Vec<Object>>,
    /// In base64, by their SHA-256.
    modules: BTreeMap<String, String>,
    /// The names of all secrets, with `null` where an import takes the value.
    secrets: SecretsView,
}

type Object = Map<String, Value>;
type Named = BTreeMap<String, ()>;

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "NamedSecrets")]
struct SecretsView {
    clients: Named,
    resource_servers: Named,
    connections: BTreeMap<String, Named>,
    actions: BTreeMap<String, Named>,
    users: Named,
}

/// A draft, or a version, without what it is called.
#[derive(Serialize)]
struct RunnableView<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    module: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    secrets: Vec<Value>,
    #[serde(skip_serializing_if = "LimitSettings::is_empty")]
    limits: &'a LimitSettings,
    allowed_hosts: &'a AllowedHosts,
}

async fn get(
    admin: Admin<ReadTenantExport>,
    State(state): State<AppState>,
) -> Result<Response, ApiError> {
    let place = transfer::place(&state.services)?;
    let write = |admin: &TenantAdmin, contents| serde_json::to_vec(&view(admin, contents));
    let document = transfer::export(&admin, place, write).await?;
    let media_type = [(header::CONTENT_TYPE, "application/json")];
    Ok((answer::no_store(), media_type, document).into_response())
}

fn view(admin: &TenantAdmin, contents: Contents) -> DocumentView {
    DocumentView {
        version: VERSION,
        secrets: secrets(&contents),
        settings: settings(admin, &contents),
        resource_servers: each(&contents.resource_servers, |api| {
            without(&resource_servers::view(api, false), &["is_system"])
        }),
        clients: each(&contents.clients, |it| client(admin, it)),
        connections: each(&contents.connections, connection),
        client_grants: each(&contents.client_grants, |grant| {
            let mut object = object(&client_grants::view(grant));
            put(&mut object, "organizations", &grant.organizations);
            object
        }),
        roles: each(&contents.roles, |role| {
            let mut object = without(&roles::view(role), &["type"]);
            put_permissions(&mut object, &role.permissions);
            object
        }),
        organizations: each(&contents.organizations, organization),
        users: each(&contents.users, user),
        actions: each(&contents.actions, action),
        bindings: contents
            .bindings
            .iter()
            .map(|(trigger, bound)| (*trigger, each(bound, binding)))
            .collect(),
        modules: contents
            .modules
            .into_iter()
            .map(|(sha256, bytes)| (sha256, STANDARD.encode(bytes)))
            .collect(),
    }
}

/// What is to be given, or made, where the tenant comes.
fn secrets(contents: &Contents) -> SecretsView {
    let named = |names: Vec<&str>| -> Named {
        let names = names.into_iter();
        names.map(|name| (name.to_owned(), ())).collect()
    };
    let of = |secrets: &[ActionSecret]| -> Named {
        named(secrets.iter().map(|secret| secret.name.as_str()).collect())
    };
    let clients = contents.clients.iter().filter(|it| it.has_secret());
    let apis = contents.resource_servers.iter();
    let apis = apis.filter(|api| api.signing_algorithm == SigningAlgorithm::HS256);
    let users = contents
        .users
        .iter()
        .filter(|user| user.password_hash.is_some());
    let connections = contents.connections.iter().map(|connection| {
        let database = connection.custom_database.as_ref();
        let names = database.map(|database| of(&database.configuration));
        (connection.id.to_string(), names.unwrap_or_default())
    });
    let actions = contents.actions.iter().map(|exported| {
        let mut names = of(&exported.action.secrets);
        if let Some(version) = &exported.deployed {
            names.extend(of(&version.secrets));
        }
        (exported.action.id.to_string(), names)
    });
    SecretsView {
        clients: named(clients.map(|client| client.client_id.as_str()).collect()),
        resource_servers: named(apis.map(|api| api.identifier.as_str()).collect()),
        connections: connections.filter(|(_, names)| !names.is_empty()).collect(),
        actions: actions.filter(|(_, names)| !names.is_empty()).collect(),
        users: named(users.map(|user| user.user_id.as_str()).collect()),
    }
}

fn settings(admin: &TenantAdmin, contents: &Contents) -> Object {
    let view = tenant_settings::view(admin, &contents.settings);
    let mut settings = without(&view, &["limits"]);
    // An empty text says that there is none.
    settings.retain(|_, value| *value != "");
    settings
}

fn client(admin: &TenantAdmin, client: &Client) -> Object {
    let hidden = ["client_authentication_methods", "global", "tenant"];
    let mut object = without(&clients::view(admin, client, false), &hidden);
    if client.id_token_signing_algorithm.is_none()
        && let Some(Value::Object(jwt)) = object.get_mut("jwt_configuration")
    {
        // What is shown is the tenant's.
        jwt.shift_remove("alg");
    }
    let keys: Vec<_> = client.credentials.iter().map(credential).collect();
    if !keys.is_empty() {
        put(&mut object, "credentials", &keys);
    }
    object
}

/// A public key with the key itself.
fn credential(credential: &ClientCredential) -> Object {
    let mut object = without(&credentials::view(credential), &["created_at", "id"]);
    match &credential.public_key {
        ClientPublicKey::Pem(pem) => put(&mut object, "pem", pem),
        ClientPublicKey::Jwk(jwk) => put(&mut object, "jwk", jwk),
    }
    object
}

fn connection(connection: &Connection) -> Object {
    let mut object = object(&ConnectionView::of(connection));
    let Some(database) = &connection.custom_database else {
        return object;
    };
    let names = database.configuration.iter();
    let names = names.map(|secret| (secret.name.clone(), json!({})));
    if let Some(options) = object.get_mut("options") {
        options["configuration"] = Value::Object(names.collect());
    }
    let scripts = database.scripts.iter();
    let scripts: BTreeMap<_, _> = scripts
        .map(|(script, stored)| (DatabaseScript::name(*script), &stored.module.sha256))
        .collect();
    put(&mut object, "scripts", &scripts);
    object
}

fn organization(exported: &ExportedOrganization) -> Object {
    let ExportedOrganization {
        organization,
        members,
    } = exported;
    let mut object = object(&organizations::view(organization));
    if let Some(enabled) = &organization.connections {
        let enabled: Vec<_> = enabled
            .iter()
            .map(|id| {
                json!({
                    "connection_id": id,
                    "assign_membership_on_login": organization.is_joined_from(id),
                })
            })
            .collect();
        put(&mut object, "enabled_connections", &enabled);
    }
    let members: Vec<_> = members
        .iter()
        .map(|member| json!({ "user_id": member.user, "roles": member.roles }))
        .collect();
    put(&mut object, "members", &members);
    object
}

fn user(user: &User) -> Object {
    let mut object = without(&users::view(user), &["identities", "last_ip", "updated_at"]);
    put(&mut object, "connection", &user.connection);
    put(&mut object, "roles", &user.roles);
    put_permissions(&mut object, &user.permissions);
    object
}

fn put_permissions(object: &mut Object, permissions: &[Permission]) {
    let permissions: Vec<_> = permissions
        .iter()
        .map(|it| {
            json!({
                "resource_server_identifier": it.resource_server_identifier,
                "permission_name": it.permission_name,
            })
        })
        .collect();
    put(object, "permissions", &permissions);
}

fn action(exported: &ExportedAction) -> Object {
    let Action {
        id,
        name,
        trigger,
        code,
        module,
        secrets,
        limits,
        allowed_hosts,
        ..
    } = &exported.action;
    let mut action = object(&json!({
        "id": id,
        "name": name,
        "supported_triggers": [{ "id": trigger, "version": trigger.version() }],
    }));
    let sha256 = module.as_ref().map(|module| module.sha256.as_str());
    action.extend(runnable(sha256, secrets, limits, allowed_hosts));
    if sha256.is_none() && !code.is_empty() {
        put(&mut action, "code", code);
    }
    if let Some(version) = &exported.deployed {
        put(&mut action, "deployed_version", &deployed(version));
    }
    action
}

fn deployed(version: &ActionVersion) -> Object {
    let mut deployed = object(&json!({ "id": version.id, "number": version.number }));
    deployed.extend(runnable(
        Some(&version.module.sha256),
        &version.secrets,
        &version.limits,
        &version.allowed_hosts,
    ));
    deployed
}

fn runnable(
    module: Option<&str>,
    secrets: &[ActionSecret],
    limits: &LimitSettings,
    allowed_hosts: &AllowedHosts,
) -> Object {
    let names = secrets.iter().map(|secret| json!({ "name": secret.name }));
    object(&RunnableView {
        module,
        secrets: names.collect(),
        limits,
        allowed_hosts,
    })
}

fn binding(binding: &Binding) -> Object {
    object(&json!({
        "id": binding.id,
        "ref": { "type": "action_id", "value": binding.action_id },
        "display_name": binding.display_name,
        "on_error": binding.on_error,
    }))
}

fn each<T>(things: &[T], view: impl Fn(&T) -> Object) -> Vec<Object> {
    things.iter().map(view).collect()
}

/// A view as an object, which every one is.
fn object(view: &impl Serialize) -> Object {
    match serde_json::to_value(view) {
        Ok(Value::Object(object)) => object,
        _ => Object::new(),
    }
}

/// A view without what nobody can send back.
fn without(view: &impl Serialize, names: &[&str]) -> Object {
    let mut object = object(view);
    object.retain(|name, _| !names.contains(&name.as_str()));
    object
}

fn put(object: &mut Object, name: &str, value: &impl Serialize) {
    object.insert(name.to_owned(), json!(value));
}
