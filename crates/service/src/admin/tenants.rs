//! Tenants, for the server's operator.

use claimsmith_model::{JsonObject, Tenant, TenantId};
use serde_json::Value;

use crate::{
    NewTenant, ServiceError, Services, TenantSetup,
    fields::{Fields, Problem, Read, list, text, text_where},
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
