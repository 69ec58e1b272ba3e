//! Tenants, for the server's operator.

use std::{collections::BTreeMap, sync::Arc};

use claimsmith_model::{JsonObject, Limit, LimitInForce, Tenant, TenantId};
use serde_json::Value;

use crate::{
    NewTenant, ServiceError, Services, TenantSetup,
    fields::{Fields, Problem, Read, list, open_object, text, text_where},
    limit_fields::tenant_limits,
};

/// A name can be part of a host name (RFC 1035 section 2.3.4).
const NAME_CHARS_MAX: usize = 63;
const URL_CHARS_MAX: usize = 512;
const DOMAINS_MAX: usize = 20;
const DOMAIN_CHARS_MAX: usize = 253;

/// All tenants, in the order of their names.
#[must_use]
pub fn list_all(services: &Services) -> Vec<Tenant> {
    services
        .tenants
        .all()
        .iter()
        .map(|context| context.tenant.as_ref().clone())
        .collect()
}

/// One tenant.
///
/// # Errors
/// `NotFound`.
pub fn get(services: &Services, id: &TenantId) -> Result<Arc<Tenant>, ServiceError> {
    let context = services.tenants.by_id(id);
    let missing = || ServiceError::not_found("That tenant does not exist.");
    Ok(Arc::clone(&context.ok_or_else(missing)?.tenant))
}

/// What a tenant may have of each limit.
#[must_use]
pub fn limits_in_force(services: &Services, tenant: &Tenant) -> BTreeMap<Limit, LimitInForce> {
    services.environment.limits.of_tenant(&tenant.limits)
}

/// Changes what a tenant is granted of the limits, by a body
/// `{"limits":{name: number or null}}`: a cap for what one execution uses, or the value
/// for the tenant as a whole. It holds from the next token on.
///
/// # Errors
/// `NotFound`; `Invalid…` for an unknown limit, or a value beyond the server's ceiling.
pub async fn patch(
    services: &Services,
    id: &TenantId,
    body: JsonObject,
) -> Result<Arc<Tenant>, ServiceError> {
    let mut fields = Fields::new(body);
    let changes = fields.required("limits", open_object)?;
    fields.finish()?;
    let server = Arc::clone(&services.environment.limits);
    let under_its_name = |problem: Problem| problem.under("limits");
    let changed = services.tenants.update_limits(id, move |limits| {
        *limits = tenant_limits(&server, limits, changes).map_err(under_its_name)?;
        Ok(())
    });
    Ok(Arc::clone(&changed.await?.tenant))
}

/// Creates a tenant from a body `{"id","public_url","domains"}`.
///
/// # Errors
/// `Invalid…` for a wrong body, `Conflict` when the name or a domain is taken.
pub async fn create(services: &Services, body: JsonObject) -> Result<TenantSetup, ServiceError> {
    let mut fields = Fields::new(body);
    let new = NewTenant {
        id: fields.required("id", name)?,
        public_url: fields.required("public_url", text(1..=URL_CHARS_MAX))?,
        domains: fields
            .optional("domains", list(0..=DOMAINS_MAX, text(1..=DOMAIN_CHARS_MAX)))?
            .unwrap_or_default(),
    };
    fields.finish()?;
    services.tenants.create(new).await
}

/// Deletes a tenant and everything of it, the records of its executions too.
///
/// # Errors
/// `NotFound`.
pub async fn delete(services: &Services, id: &TenantId) -> Result<(), ServiceError> {
    services.tenants.delete(id).await
}

fn name(value: Value) -> Read<TenantId> {
    let allowed = |name: &str| {
        name.chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
            && !name.starts_with('-')
            && !name.ends_with('-')
    };
    let hint = "a name has lower-case letters, digits and - between them";
    let name = text_where(1..=NAME_CHARS_MAX, allowed, hint)(value)?;
    name.parse().map_err(|_| Problem::new(hint))
}
