//! `/platform/v1/tenants`.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use claimsmith_model::{Limit, LimitInForce, LimitSettings, Tenant, TenantId, Timestamp};
use claimsmith_service::{Services, TenantSetup, admin::tenants};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::{Operator, bindings::admin};
use crate::{
    AppState, answer,
    management::{ApiError, At, JsonBody, audit::Audit},
};

/// A tenant as the operator sees it.
#[derive(JsonSchema, Serialize)]
pub(super) struct TenantView<'a> {
    id: &'a TenantId,
    issuer: &'a str,
    domains: &'a [String],
    created_at: Timestamp,
}

fn view(tenant: &Tenant) -> TenantView<'_> {
    TenantView {
        id: &tenant.id,
        issuer: &tenant.issuer,
        domains: &tenant.domains,
        created_at: tenant.created_at,
    }
}

/// One tenant with its limits.
#[derive(JsonSchema, Serialize)]
pub(super) struct TenantWithLimits<'a> {
    #[serde(flatten)]
    tenant: TenantView<'a>,
    /// What the operator has granted.
    limits: &'a LimitSettings,
    /// What that makes of each limit.
    limits_in_force: BTreeMap<Limit, LimitInForce>,
}

fn view_with_limits(services: &Services, tenant: &Tenant) -> Response {
    let view = TenantWithLimits {
        tenant: view(tenant),
        limits: &tenant.limits,
        limits_in_force: tenants::limits_in_force(services, tenant),
    };
    Json(view).into_response()
}

/// A new tenant with what its first admin needs, shaped as `bootstrap.json` is.
#[derive(JsonSchema, Serialize)]
pub(super) struct SetupView<'a> {
    tenant: &'a TenantId,
    issuer: &'a str,
    domains: &'a [String],
    management: ManagementView<'a>,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "ManagementClient")]
struct ManagementView<'a> {
    client_id: &'a str,
    client_secret: &'a str,
    audience: &'a str,
}

/// Lists all tenants.
pub(super) async fn list(_: Operator, State(state): State<AppState>) -> Response {
    let tenants = tenants::list_all(&state.services);
    let views: Vec<_> = tenants.iter().map(view).collect();
    Json(json!({ "tenants": views })).into_response()
}

/// Shows one tenant with its limits.
pub(super) async fn get(
    _: Operator,
    State(state): State<AppState>,
    At(id): At<TenantId>,
) -> Result<Response, ApiError> {
    let tenant = tenants::get(&state.services, &id)?;
    Ok(view_with_limits(&state.services, &tenant))
}

/// Changes a tenant's limits.
pub(super) async fn patch(
    _: Operator,
    State(state): State<AppState>,
    At(id): At<TenantId>,
    audit: Audit,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    audit.by(&admin(&state, &id)?);
    let tenant = tenants::patch(&state.services, &id, body).await?;
    Ok(view_with_limits(&state.services, &tenant))
}

/// Creates a tenant. Nobody can read its client's secret again without that secret.
pub(super) async fn create(
    _: Operator,
    State(state): State<AppState>,
    audit: Audit,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let setup: TenantSetup = tenants::create(&state.services, body).await?;
    audit.by(&admin(&state, &setup.tenant.id)?);
    let view = SetupView {
        tenant: &setup.tenant.id,
        issuer: &setup.tenant.issuer,
        domains: &setup.tenant.domains,
        management: ManagementView {
            client_id: setup.management_client_id.as_str(),
            client_secret: setup.management_client_secret.expose(),
            audience: &setup.management_audience,
        },
    };
    Ok((StatusCode::CREATED, answer::no_store(), Json(view)).into_response())
}

/// Deletes a tenant and everything of it.
pub(super) async fn delete(
    _: Operator,
    State(state): State<AppState>,
    At(id): At<TenantId>,
) -> Result<StatusCode, ApiError> {
    tenants::delete(&state.services, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
