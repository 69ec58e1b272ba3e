//! `/api/v2/resource-servers`.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use claimsmith_model::{ResourceServer, ResourceServerId, Scope, SigningAlgorithm, TokenDialect};
use claimsmith_service::{admin::resource_servers, management::TenantAdmin};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    ApiError, At, JsonBody,
    access::{
        Admin, CreateResourceServers, DeleteResourceServers, ReadResourceServers, Routes,
        UpdateResourceServers, get,
    },
    listing, operation as answers,
    query::{ClassicPage, FromQuery, Parameters},
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .at(
            "/resource-servers",
            get(
                list,
                "List resource servers (APIs)",
                answers::page::<ResourceServerView>("resource_servers"),
            )
            .post(
                create,
                "Create a resource server",
                answers::created::<ResourceServerView>(),
            ),
        )
        .at(
            "/resource-servers/{id}",
            get(
                one,
                "Get a resource server by its id or identifier",
                answers::ok::<ResourceServerView>(),
            )
            .patch(
                patch,
                "Change a resource server",
                answers::ok::<ResourceServerView>(),
            )
            .delete(delete, "Delete a resource server", answers::nothing()),
        )
}

/// An API as callers see it.
#[derive(JsonSchema, Serialize)]
pub(super) struct ResourceServerView<'a> {
    id: &'a ResourceServerId,
    identifier: &'a str,
    name: &'a str,
    scopes: Vec<ScopeView<'a>>,
    signing_alg: SigningAlgorithm,
    /// To those who may change it anyway.
    #[serde(skip_serializing_if = "Option::is_none")]
    signing_secret: Option<&'a str>,
    token_lifetime: u32,
    token_lifetime_for_web: u32,
    allow_offline_access: bool,
    enforce_policies: bool,
    token_dialect: TokenDialect,
    is_system: bool,
}

#[derive(JsonSchema, Serialize)]
struct ScopeView<'a> {
    value: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
}

pub(super) fn view(api: &ResourceServer, with_secret: bool) -> ResourceServerView<'_> {
    let secret = api.signing_secret.as_ref().filter(|_| with_secret);
    ResourceServerView {
        id: &api.id,
        identifier: &api.identifier,
        name: &api.name,
        scopes: api.scopes.iter().map(scope_view).collect(),
        signing_alg: api.signing_algorithm,
        signing_secret: secret.map(|secret| secret.expose()),
        token_lifetime: api.token_lifetime_s,
        token_lifetime_for_web: api.token_lifetime_s,
        allow_offline_access: api.allow_offline_access,
        enforce_policies: api.enforce_policies,
        token_dialect: api.token_dialect,
        is_system: api.is_system,
    }
}

fn scope_view(scope: &Scope) -> ScopeView<'_> {
    ScopeView {
        value: &scope.value,
        description: scope.description.as_deref(),
    }
}

fn sees_secret(admin: &TenantAdmin) -> bool {
    admin.may("update:resource_servers")
}

/// How many identifiers can be asked for at once: the reference product's number.
const IDENTIFIERS_MAX: usize = 10;

struct ApisQuery {
    identifiers: Vec<String>,
    page: ClassicPage,
}

impl FromQuery for ApisQuery {
    fn from_query(parameters: &mut Parameters) -> Result<Self, ApiError> {
        Ok(Self {
            identifiers: parameters.repeated("identifiers", IDENTIFIERS_MAX)?,
            page: ClassicPage::from_query(parameters)?,
        })
    }
}

async fn list(admin: Admin<ReadResourceServers, ApisQuery>) -> Result<Response, ApiError> {
    let ApisQuery { identifiers, page } = &admin.query;
    let part = listing::page(&admin, page)?;
    let (apis, total) = resource_servers::list_all(&admin, identifiers, part).await?;
    let with_secret = sees_secret(&admin);
    let views: Vec<_> = apis.iter().map(|api| view(api, with_secret)).collect();
    listing::classic(&admin, "resource_servers", page, &views, total, apis.last())
}

async fn create(
    admin: Admin<CreateResourceServers>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let api = resource_servers::create(&admin, body).await?;
    Ok((StatusCode::CREATED, Json(view(&api, true))).into_response())
}

async fn one(admin: Admin<ReadResourceServers>, At(id): At<String>) -> Result<Response, ApiError> {
    let api = resource_servers::get(&admin, &id).await?;
    Ok(Json(view(&api, sees_secret(&admin))).into_response())
}

async fn patch(
    admin: Admin<UpdateResourceServers>,
    At(id): At<String>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let api = resource_servers::patch(&admin, &id, body).await?;
    Ok(Json(view(&api, true)).into_response())
}

async fn delete(
    admin: Admin<DeleteResourceServers>,
    At(id): At<String>,
) -> Result<StatusCode, ApiError> {
    resource_servers::delete(&admin, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
