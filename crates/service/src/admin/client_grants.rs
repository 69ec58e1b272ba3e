//! Client grants: which client may get tokens of its own for which API.

use claimsmith_model::{ClientGrant, ClientGrantId, ClientId, JsonObject, ResourceServer};
use claimsmith_oauth::{SCOPE_TOKEN_BYTES_MAX, SCOPES_MAX};

use super::{Page, clients, resource_servers::IDENTIFIER_CHARS_MAX};
use crate::{
    ServiceError,
    fields::{Fields, Read, one_of, parsed, set_of, text},
    management::TenantAdmin,
};

const NO_GRANT: ServiceError = ServiceError::NotFound {
    message: "The client grant does not exist",
    code: Some("inexistent_client_grant"),
};

/// Creates a grant.
///
/// # Errors
/// `NotFound` for an unknown client, `Invalid…` for a wrong body, an unknown API or
/// a scope that the API doesn't have, `Conflict` when the client has one for that API.
pub async fn create(admin: &TenantAdmin, body: JsonObject) -> Result<ClientGrant, ServiceError> {
    let mut fields = Fields::new(body);
    let client_id: ClientId = fields.required("client_id", parsed)?;
    let audience = fields.required("audience", text(1..=IDENTIFIER_CHARS_MAX))?;
    let scope = fields.required("scope", scopes)?;
    fields.optional("subject_type", one_of(&[("client", ())]))?;
    fields.finish()?;

    clients::get(admin, &client_id).await?;
    must_be_of(&api(admin, &audience).await?, &scope)?;
    let id = admin.ids().client_grant_id();
    let grant = ClientGrant {
        id,
        client_id,
        audience,
        scope,
        created_at: admin.now(),
    };
    admin.store().create_client_grant(&grant).await?;
    Ok(grant)
}

/// One grant.
///
/// # Errors
/// `NotFound`.
pub async fn get(admin: &TenantAdmin, id: &ClientGrantId) -> Result<ClientGrant, ServiceError> {
    admin.store().client_grant_by_id(id).await?.ok_or(NO_GRANT)
}

/// Grants in the order of their identifiers, of one client and for one API when they
/// are given, and how many there are.
///
/// # Errors
/// When they can't be read.
pub async fn list_all(
    admin: &TenantAdmin,
    client: Option<&ClientId>,
    audience: Option<&str>,
    page: Page,
) -> Result<(Vec<ClientGrant>, usize), ServiceError> {
    Ok(admin.store().client_grants(client, audience, page).await?)
}

/// Replaces a grant's scopes.
///
/// # Errors
/// As for creating.
pub async fn patch(
    admin: &TenantAdmin,
    id: &ClientGrantId,
    body: JsonObject,
) -> Result<ClientGrant, ServiceError> {
    let before = get(admin, id).await?;
    let mut after = before.clone();
    let mut fields = Fields::new(body);
    fields.set("scope", &mut after.scope, scopes)?;
    fields.finish()?;
    must_be_of(&api(admin, &after.audience).await?, &after.scope)?;
    admin.store().update_client_grant(&before, &after).await?;
    Ok(after)
}

/// Deletes a grant; one that isn't there is no error.
///
/// # Errors
/// When it can't be deleted.
pub async fn delete(admin: &TenantAdmin, id: &ClientGrantId) -> Result<(), ServiceError> {
    Ok(admin.store().delete_client_grant(id).await?)
}

async fn api(admin: &TenantAdmin, audience: &str) -> Result<ResourceServer, ServiceError> {
    let api = admin
        .store()
        .resource_server_by_identifier(audience)
        .await?;
    api.ok_or_else(|| ServiceError::InvalidWithCode {
        message: format!("No resource server found by identifier {audience}"),
        code: "inexistent_resource_server",
    })
}

fn scopes(value: serde_json::Value) -> Read<Vec<String>> {
    set_of(0..=SCOPES_MAX, text(1..=SCOPE_TOKEN_BYTES_MAX))(value)
}

fn must_be_of(api: &ResourceServer, scopes: &[String]) -> Result<(), ServiceError> {
    let knows = |scope: &str| api.scopes.iter().any(|known| known.value == scope);
    let unknown: Vec<_> = scopes
        .iter()
        .filter(|scope| !knows(scope))
        .take(10)
        .map(String::as_str)
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(ServiceError::invalid(format!(
        "the API `{}` has no scope {}; add it to the API's scopes first",
        api.identifier,
        unknown.join(", ")
    )))
}
