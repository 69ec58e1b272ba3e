//! `/api/v2/clients`.

pub(super) mod credentials;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use claimsmith_model::{
    Client, ClientCredential, ClientId, OrganizationUsage, RefreshTokenSettings, SigningAlgorithm,
    TokenEndpointAuthMethod,
};
use claimsmith_service::{
    admin::{
        clients::{self, ClientFilter},
        connections as service_connections,
    },
    management::TenantAdmin,
};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    ApiError, At, JsonBody,
    access::{
        Admin, CreateClients, DeleteClients, ReadClients, ReadConnections, Routes,
        UpdateClientKeys, UpdateClients, get, post,
    },
    connections::{Strategies, view::ConnectionView},
    field_filter::{FieldFilter, Filtered},
    listing, operation as answers,
    query::{CheckpointPage, ClassicPage, FromQuery, Parameters},
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .at(
            "/clients",
            get(
                list,
                "List clients",
                answers::page::<Filtered<ClientView>>("clients"),
            )
            .post(create, "Create a client", answers::created::<ClientView>()),
        )
        .at(
            "/clients/{id}",
            get(one, "Get a client", answers::ok::<Filtered<ClientView>>())
                .patch(patch, "Change a client", answers::ok::<ClientView>())
                .delete(delete, "Delete a client", answers::nothing()),
        )
        .at(
            "/clients/{id}/connections",
            get(
                list_connections,
                "List the connections that may log in users of a client",
                answers::part::<Filtered<ConnectionView>>("connections"),
            ),
        )
        .at(
            "/clients/{id}/rotate-secret",
            post(
                rotate_secret,
                "Give a client a new secret",
                answers::ok::<ClientView>(),
            ),
        )
        .and(credentials::routes())
}

/// A client as callers see it.
#[derive(JsonSchema, Serialize)]
pub(super) struct ClientView<'a> {
    client_id: &'a ClientId,
    /// On creation, and to those who may read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<&'a str>,
    tenant: String,
    global: bool,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_type: Option<&'a str>,
    is_first_party: bool,
    oidc_conformant: bool,
    token_endpoint_auth_method: TokenEndpointAuthMethod,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_authentication_methods: Option<Value>,
    grant_types: &'a [claimsmith_model::GrantType],
    callbacks: &'a [String],
    allowed_logout_urls: &'a [String],
    web_origins: &'a [String],
    allowed_origins: &'a [String],
    client_metadata: &'a std::collections::BTreeMap<String, String>,
    jwt_configuration: JwtConfiguration,
    organization_usage: OrganizationUsage,
    refresh_token: RefreshTokenView,
}

/// How a client's refresh tokens live. A number beside `infinite_…: true` is what the
/// server would take without it.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "RefreshTokenSettings")]
struct RefreshTokenView {
    rotation_type: &'static str,
    expiration_type: &'static str,
    leeway: u32,
    token_lifetime: u32,
    infinite_token_lifetime: bool,
    idle_token_lifetime: u32,
    infinite_idle_token_lifetime: bool,
}

impl From<RefreshTokenSettings> for RefreshTokenView {
    fn from(settings: RefreshTokenSettings) -> Self {
        let default = RefreshTokenSettings::default();
        let (lifetime, idle) = (settings.lifetime_s, settings.idle_lifetime_s);
        let seconds = |own: Option<u32>, default: Option<u32>| own.or(default).unwrap_or_default();
        Self {
            rotation_type: if settings.rotating {
                "rotating"
            } else {
                "non-rotating"
            },
            expiration_type: if lifetime.is_some() || idle.is_some() {
                "expiring"
            } else {
                "non-expiring"
            },
            leeway: settings.leeway_s,
            token_lifetime: seconds(lifetime, default.lifetime_s),
            infinite_token_lifetime: lifetime.is_none(),
            idle_token_lifetime: seconds(idle, default.idle_lifetime_s),
            infinite_idle_token_lifetime: idle.is_none(),
        }
    }
}

#[derive(JsonSchema, Serialize)]
struct JwtConfiguration {
    alg: SigningAlgorithm,
    lifetime_in_seconds: u32,
    secret_encoded: bool,
}

pub(super) fn view<'a>(
    admin: &TenantAdmin,
    client: &'a Client,
    with_secret: bool,
) -> ClientView<'a> {
    let tenant = &admin.tenant().tenant;
    ClientView {
        client_id: &client.client_id,
        client_secret: (with_secret && client.has_secret()).then(|| client.client_secret.expose()),
        tenant: tenant.id.to_string(),
        global: false,
        name: &client.name,
        description: client.description.as_deref(),
        app_type: client.app_type.as_deref(),
        is_first_party: client.is_first_party,
        oidc_conformant: true,
        token_endpoint_auth_method: client.token_endpoint_auth_method,
        client_authentication_methods: authentication_methods(client),
        grant_types: &client.grant_types,
        callbacks: &client.callbacks,
        allowed_logout_urls: &client.allowed_logout_urls,
        web_origins: &client.web_origins,
        allowed_origins: &client.allowed_origins,
        client_metadata: &client.client_metadata,
        jwt_configuration: JwtConfiguration {
            alg: client
                .id_token_signing_algorithm
                .unwrap_or(tenant.settings.signing_algorithm),
            lifetime_in_seconds: client.id_token_lifetime_s,
            secret_encoded: false,
        },
        organization_usage: client.organization_usage,
        refresh_token: client.refresh_token.into(),
    }
}

/// The keys that assertions are verified with, without the keys themselves: what is shown
/// can be sent again, and keeps them.
fn authentication_methods(client: &Client) -> Option<Value> {
    let credential = |credential: &ClientCredential| {
        json!({
            "id": credential.id, "credential_type": "public_key", "name": credential.name,
            "kid": credential.key_id, "alg": credential.algorithm,
        })
    };
    let credentials: Vec<_> = client.credentials.iter().map(credential).collect();
    let methods = json!({"private_key_jwt": {"credentials": credentials}});
    let is_in_force = client.token_endpoint_auth_method == TokenEndpointAuthMethod::PrivateKeyJwt;
    is_in_force.then_some(methods)
}

/// Whether the caller may see clients' secrets.
fn sees_secrets(admin: &TenantAdmin) -> bool {
    admin.may("read:client_keys")
}

/// How many kinds can be asked for; there are fewer.
const APP_TYPES_MAX: usize = 20;

struct ClientsQuery {
    /// Whether what stands for all clients is asked for, and not any of them.
    is_global: bool,
    filter: ClientFilter,
    page: ClassicPage,
    fields: FieldFilter,
}

impl FromQuery for ClientsQuery {
    fn from_query(parameters: &mut Parameters) -> Result<Self, ApiError> {
        Ok(Self {
            is_global: parameters.flag("is_global")?.unwrap_or(false),
            filter: ClientFilter {
                is_first_party: parameters.flag("is_first_party")?,
                app_types: parameters.texts("app_type", APP_TYPES_MAX)?,
            },
            page: ClassicPage::from_query(parameters)?,
            fields: FieldFilter::from_query(parameters)?,
        })
    }
}

async fn list(admin: Admin<ReadClients, ClientsQuery>) -> Result<Response, ApiError> {
    let ClientsQuery {
        is_global,
        filter,
        page,
        fields,
    } = &admin.query;
    if *is_global {
        let all = [fields.apply(&global(&admin))?];
        listing::page(&admin, page)?;
        let part = all.get(page.start..).unwrap_or_default();
        return listing::in_form("clients", page, part, all.len(), None);
    }
    let part = listing::page(&admin, page)?;
    let (clients, total) = clients::list_all(&admin, filter, part).await?;
    let with_secret = sees_secrets(&admin);
    let views = clients.iter();
    let views = fields.apply_to_all(views.map(|client| view(&admin, client, with_secret)))?;
    listing::classic(&admin, "clients", page, &views, total, clients.last())
}

/// What the reference product has in every tenant to hold a login page of its own. Its
/// tools look whether it has one, and stop where it isn't there.
fn global(admin: &TenantAdmin) -> Value {
    json!({
        "client_id": "global", "name": "All Applications", "global": true,
        "tenant": admin.tenant().tenant.id,
    })
}

async fn create(
    admin: Admin<CreateClients>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let client = clients::create(&admin, body).await?;
    Ok((StatusCode::CREATED, Json(view(&admin, &client, true))).into_response())
}

async fn one(
    admin: Admin<ReadClients, FieldFilter>,
    At(id): At<ClientId>,
) -> Result<Response, ApiError> {
    let client = clients::get(&admin, &id).await?;
    let view = admin
        .query
        .apply(&view(&admin, &client, sees_secrets(&admin)))?;
    Ok(Json(view).into_response())
}

async fn patch(
    admin: Admin<UpdateClients>,
    At(id): At<ClientId>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let client = clients::patch(&admin, &id, body).await?;
    Ok(Json(view(&admin, &client, sees_secrets(&admin))).into_response())
}

async fn delete(admin: Admin<DeleteClients>, At(id): At<ClientId>) -> Result<StatusCode, ApiError> {
    clients::delete(&admin, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

struct ConnectionsQuery {
    strategies: Strategies,
    page: CheckpointPage,
    fields: FieldFilter,
}

impl FromQuery for ConnectionsQuery {
    fn from_query(parameters: &mut Parameters) -> Result<Self, ApiError> {
        Ok(Self {
            strategies: Strategies::from_query(parameters)?,
            page: CheckpointPage::from_query(parameters)?,
            fields: FieldFilter::from_query(parameters)?,
        })
    }
}

async fn list_connections(
    admin: Admin<ReadConnections, ConnectionsQuery>,
    At(id): At<ClientId>,
) -> Result<Response, ApiError> {
    let client = clients::get(&admin, &id).await?;
    let ConnectionsQuery {
        strategies,
        page: CheckpointPage(page),
        fields,
    } = &admin.query;
    let mut enabled = service_connections::list_all(&admin).await?;
    enabled.retain(|connection| {
        connection.enabled_clients.includes(&client.client_id) && strategies.have(connection)
    });
    let (part, total) = listing::page(&admin, page)?.of(enabled);
    let views = fields.apply_to_all(part.iter().map(ConnectionView::of))?;
    listing::classic(&admin, "connections", page, &views, total, part.last())
}

async fn rotate_secret(
    admin: Admin<UpdateClientKeys>,
    At(id): At<ClientId>,
) -> Result<Response, ApiError> {
    let client = clients::rotate_secret(&admin, &id).await?;
    Ok(Json(view(&admin, &client, true)).into_response())
}
