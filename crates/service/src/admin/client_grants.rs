//! Client grants: which client may get tokens of its own for which API.

use claimsmith_model::{
    ClientGrant, ClientGrantId, ClientId, JsonObject, Organization, OrganizationId,
    OrganizationUsage, ResourceServer,
};
use claimsmith_oauth::{SCOPE_TOKEN_BYTES_MAX, SCOPES_MAX};

use super::{
    Page,
    clients::{self, ORGANIZATION_USAGES},
    organizations,
    resource_servers::IDENTIFIER_CHARS_MAX,
};
use crate::{
    ServiceError,
    fields::{Fields, Read, flag, one_of, parsed, set_of, text},
    management::TenantAdmin,
};

/// How many organizations one grant is given to at most: it is read as a whole.
pub(super) const ORGANIZATIONS_MAX: usize = 1_000;

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
    create_as(admin, admin.ids().client_grant_id(), body).await
}

/// Creates a grant that has its identifier already.
pub(super) async fn create_as(
    admin: &TenantAdmin,
    id: ClientGrantId,
    body: JsonObject,
) -> Result<ClientGrant, ServiceError> {
    let mut fields = Fields::new(body);
    let client_id: ClientId = fields.required("client_id", parsed)?;
    let audience = fields.required("audience", text(1..=IDENTIFIER_CHARS_MAX))?;
    let scope = fields.required("scope", scopes)?;
    fields.optional("subject_type", one_of(&[("client", ())]))?;
    let usage = fields.optional("organization_usage", one_of(&ORGANIZATION_USAGES))?;
    let any = fields.optional("allow_any_organization", flag)?;
    fields.finish()?;

    clients::get(admin, &client_id).await?;
    must_be_of(&api(admin, &audience).await?, &scope)?;
    let grant = ClientGrant {
        id,
        client_id,
        audience,
        scope,
        organization_usage: usage.unwrap_or(OrganizationUsage::Deny),
        allow_any_organization: any.unwrap_or(false),
        organizations: Vec::new(),
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

/// Changes a grant.
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
    fields.set(
        "organization_usage",
        &mut after.organization_usage,
        one_of(&ORGANIZATION_USAGES),
    )?;
    fields.set(
        "allow_any_organization",
        &mut after.allow_any_organization,
        flag,
    )?;
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

/// The grants that an organization was given, in the order of their identifiers.
///
/// # Errors
/// `NotFound` for an unknown organization.
pub async fn of_organization(
    admin: &TenantAdmin,
    id: &OrganizationId,
) -> Result<Vec<ClientGrant>, ServiceError> {
    organizations::get(admin, id).await?;
    let (mut grants, _) = admin.store().client_grants(None, None, Page::ALL).await?;
    grants.retain(|grant| grant.organizations.contains(id));
    Ok(grants)
}

/// The organizations that were given a grant, in the order of their identifiers, and how
/// many there are.
///
/// # Errors
/// `NotFound`.
pub async fn organizations_of(
    admin: &TenantAdmin,
    id: &ClientGrantId,
    page: Page,
) -> Result<(Vec<Organization>, usize), ServiceError> {
    let mut given = get(admin, id).await?.organizations;
    given.sort_unstable();
    let mut organizations = Vec::with_capacity(given.len());
    for id in given {
        // One that was deleted stands in the grant until it changes.
        organizations.extend(admin.store().organization(&id).await?);
    }
    Ok(page.of(organizations))
}

/// Gives an organization a grant: a body `{"grant_id":"…"}`. One that it has is no error.
///
/// # Errors
/// `NotFound` for an unknown organization or grant, `Invalid…` for a wrong body, or for
/// a grant that isn't for organizations, or has as many as can be.
pub async fn give_to_organization(
    admin: &TenantAdmin,
    id: &OrganizationId,
    body: JsonObject,
) -> Result<ClientGrant, ServiceError> {
    let mut fields = Fields::new(body);
    let grant_id: ClientGrantId = fields.required("grant_id", parsed)?;
    fields.finish()?;
    organizations::get(admin, id).await?;
    let before = get(admin, &grant_id).await?;
    if before.organizations.contains(id) {
        return Ok(before);
    }
    if before.organization_usage == OrganizationUsage::Deny {
        return Err(ServiceError::invalid(
            "the client grant is not for organizations: give it the organization_usage allow or \
             require first",
        ));
    }
    if ORGANIZATIONS_MAX <= before.organizations.len() {
        return Err(ServiceError::invalid(format!(
            "a client grant has at most {ORGANIZATIONS_MAX} organizations; for more let it \
             allow_any_organization"
        )));
    }
    let mut after = before.clone();
    after.organizations.push(id.clone());
    admin.store().update_client_grant(&before, &after).await?;
    Ok(after)
}

/// Takes a grant from an organization; one that it hasn't is no error.
///
/// # Errors
/// `NotFound` for an unknown organization.
pub async fn take_from_organization(
    admin: &TenantAdmin,
    id: &OrganizationId,
    grant: &ClientGrantId,
) -> Result<(), ServiceError> {
    organizations::get(admin, id).await?;
    let Some(before) = admin.store().client_grant_by_id(grant).await? else {
        return Ok(());
    };
    let mut after = before.clone();
    after.organizations.retain(|has| has != id);
    if after.organizations.len() < before.organizations.len() {
        admin.store().update_client_grant(&before, &after).await?;
    }
    Ok(())
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
