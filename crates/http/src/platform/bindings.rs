//! `/platform/v1/tenants/{id}/triggers/{trigger}/bindings`: the way back for a tenant
//! whose own Actions keep it from getting Management API tokens.

use axum::{extract::State, response::Response};
use claimsmith_model::{TenantId, Trigger};
use claimsmith_service::{ServiceError, management::TenantAdmin};
use http::HeaderMap;

use super::Operator;
use crate::{
    AppState,
    management::{ApiError, At, JsonBody, audit::Audit, query::ActionsPage, triggers},
    observe,
};

/// What is bound, in the Management API's shape.
pub(super) async fn get(
    operator: Operator<ActionsPage>,
    State(state): State<AppState>,
    At((tenant, trigger)): At<(TenantId, Trigger)>,
) -> Result<Response, ApiError> {
    triggers::show_bindings(&admin(&state, &tenant)?, trigger, operator.query).await
}

/// Replaces what is bound, as the Management API does.
pub(super) async fn patch(
    _: Operator,
    State(state): State<AppState>,
    At((tenant, trigger)): At<(TenantId, Trigger)>,
    audit: Audit,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let admin = admin(&state, &tenant)?;
    audit.by(&admin);
    triggers::replace_bindings(&admin, trigger, &headers, body).await
}

pub(super) fn admin(state: &AppState, tenant: &TenantId) -> Result<TenantAdmin, ServiceError> {
    let context = state.services.tenants.by_id(tenant);
    let context = context.ok_or(ServiceError::not_found("That tenant does not exist."))?;
    observe::of_tenant(&context.tenant.id);
    Ok(TenantAdmin::operator(state.services.clone(), context))
}
