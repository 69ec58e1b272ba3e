//! Roles and their permissions.

use claimsmith_model::{JsonObject, Permission, Role, RoleId};

use super::{Page, permissions, until_unchanged};
use crate::{
    ServiceError,
    fields::{Fields, Read, parsed, set_of, text},
    management::TenantAdmin,
};

/// The reference product's limits.
pub(super) const ROLES_MAX: usize = 1000;
/// How many roles a user, or a member, has at most.
const ROLES_HELD_MAX: usize = 50;
const NAME_CHARS_MAX: usize = 255;
const DESCRIPTION_CHARS_MAX: usize = 255;

const NO_ROLE: ServiceError = ServiceError::NotFound {
    message: "The role does not exist.",
    code: Some("inexistent_role"),
};

/// Creates a role.
///
/// # Errors
/// `Invalid…` for a wrong body; `Conflict` when the name is taken or there are as
/// many roles as there may be.
pub async fn create(admin: &TenantAdmin, body: JsonObject) -> Result<Role, ServiceError> {
    create_as(admin, admin.ids().role_id(), body).await
}

/// Creates a role that has its identifier already.
pub(super) async fn create_as(
    admin: &TenantAdmin,
    id: RoleId,
    body: JsonObject,
) -> Result<Role, ServiceError> {
    let mut fields = Fields::new(body);
    let mut role = Role {
        id,
        name: fields.required("name", text(1..=NAME_CHARS_MAX))?,
        description: None,
        permissions: Vec::new(),
        created_at: admin.now(),
    };
    apply(&mut role, fields)?;
    let (_, count) = admin.store().roles(Page::at(0, 0)).await?;
    if count >= ROLES_MAX {
        return Err(ServiceError::Conflict(format!(
            "a tenant has at most {ROLES_MAX} roles"
        )));
    }
    admin.store().create_role(&role).await?;
    Ok(role)
}

/// One role.
///
/// # Errors
/// `NotFound`.
pub async fn get(admin: &TenantAdmin, id: &RoleId) -> Result<Role, ServiceError> {
    admin.store().role(id).await?.ok_or(NO_ROLE)
}

/// Roles in the order of their identifiers, those with `name_part` in their names when it
/// is given, and how many there are.
///
/// # Errors
/// When they can't be read.
pub async fn list_all(
    admin: &TenantAdmin,
    name_part: Option<&str>,
    page: Page,
) -> Result<(Vec<Role>, usize), ServiceError> {
    let Some(name_part) = name_part else {
        return Ok(admin.store().roles(page).await?);
    };
    let name_part = name_part.to_lowercase();
    let (mut roles, _) = admin.store().roles(Page::ALL).await?;
    roles.retain(|role| role.name.to_lowercase().contains(&name_part));
    Ok(page.of(roles))
}

/// Changes a role's name or description.
///
/// # Errors
/// `NotFound`, `Invalid…` for a wrong body, `Conflict` when the name is taken.
pub async fn patch(
    admin: &TenantAdmin,
    id: &RoleId,
    body: JsonObject,
) -> Result<Role, ServiceError> {
    let before = get(admin, id).await?;
    let mut after = before.clone();
    let mut fields = Fields::new(body);
    fields.set("name", &mut after.name, text(1..=NAME_CHARS_MAX))?;
    apply(&mut after, fields)?;
    admin.store().update_role(&before, &after).await?;
    Ok(after)
}

/// Deletes a role; one that isn't there is no error.
///
/// # Errors
/// When it can't be deleted.
pub async fn delete(admin: &TenantAdmin, id: &RoleId) -> Result<(), ServiceError> {
    Ok(admin.store().delete_role(id).await?)
}

/// Gives a role permissions: a body `{"permissions":[…]}`.
///
/// # Errors
/// `NotFound`; `Invalid…` for a wrong body or a permission that is no scope of its API.
pub async fn add_permissions(
    admin: &TenantAdmin,
    id: &RoleId,
    body: JsonObject,
) -> Result<(), ServiceError> {
    let added = permissions::read(body)?;
    permissions::must_exist(admin, &added).await?;
    change_permissions(admin, id, |held| permissions::add(held, &added)).await
}

/// Takes permissions from a role; those that it hasn't are no error.
///
/// # Errors
/// `NotFound`; `Invalid…` for a wrong body.
pub async fn remove_permissions(
    admin: &TenantAdmin,
    id: &RoleId,
    body: JsonObject,
) -> Result<(), ServiceError> {
    let removed = permissions::read(body)?;
    change_permissions(admin, id, |held| {
        permissions::remove(held, &removed);
        Ok(())
    })
    .await
}

async fn change_permissions(
    admin: &TenantAdmin,
    id: &RoleId,
    change: impl Fn(&mut Vec<Permission>) -> Result<(), ServiceError>,
) -> Result<(), ServiceError> {
    let change = &change;
    until_unchanged(|| async move {
        let before = get(admin, id).await?;
        let mut after = before.clone();
        change(&mut after.permissions)?;
        Ok(admin.store().update_role(&before, &after).await?)
    })
    .await
}

/// The roles that are there, of those that a user or member has.
pub(super) async fn existing(
    admin: &TenantAdmin,
    ids: &[RoleId],
) -> Result<Vec<Role>, ServiceError> {
    let mut roles = Vec::with_capacity(ids.len());
    for id in ids {
        roles.extend(admin.store().role(id).await?);
    }
    Ok(roles)
}

/// The roles of a body `{"roles":[…]}`.
pub(super) fn read_ids(body: JsonObject) -> Result<Vec<RoleId>, ServiceError> {
    let mut fields = Fields::new(body);
    let roles = fields.required("roles", set_of(1..=ROLES_HELD_MAX, parsed))?;
    fields.finish()?;
    Ok(roles)
}

/// Refuses roles that aren't there.
pub(super) async fn must_exist(admin: &TenantAdmin, ids: &[RoleId]) -> Result<(), ServiceError> {
    for id in ids {
        get(admin, id).await?;
    }
    Ok(())
}

/// Adds roles that aren't held yet, to no more than there may be.
pub(super) fn add(held: &mut Vec<RoleId>, added: &[RoleId]) -> Result<(), ServiceError> {
    for role in added {
        if !held.contains(role) {
            held.push(role.clone());
        }
    }
    if held.len() > ROLES_HELD_MAX {
        return Err(ServiceError::invalid(format!(
            "a user has at most {ROLES_HELD_MAX} roles"
        )));
    }
    Ok(())
}

fn apply(role: &mut Role, mut fields: Fields) -> Read<()> {
    fields.set_optional(
        "description",
        &mut role.description,
        text(0..=DESCRIPTION_CHARS_MAX),
    )?;
    fields.finish()
}
