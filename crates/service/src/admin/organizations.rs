//! Organizations, their members, and the members' roles.

use claimsmith_model::{JsonObject, Membership, Organization, OrganizationId, Role, User, UserId};
use serde_json::Value;

use super::{Page, connections, organization_connections, roles};
use crate::{
    ServiceError,
    fields::{Fields, Read, parsed, set_of, text, text_where, texts_by_key},
    management::TenantAdmin,
};

const NAME_CHARS_MAX: usize = 50;
const DISPLAY_NAME_CHARS_MAX: usize = 255;
const METADATA_ENTRIES_MAX: usize = 25;
const METADATA_CHARS_MAX: usize = 255;
/// How many members one request adds or removes at most.
const MEMBERS_MAX: usize = 100;

const NO_ORGANIZATION: ServiceError =
    ServiceError::not_found("No organization found by that id or name");
const NO_MEMBER: ServiceError =
    ServiceError::not_found("The user is not a member of the organization.");

/// A member with their user.
#[derive(Debug, Clone)]
pub struct Member {
    /// The membership.
    pub membership: Membership,
    /// Who it is.
    pub user: User,
}

/// Creates an organization.
///
/// # Errors
/// `Invalid…` for a wrong body, `Conflict` when the name is taken.
pub async fn create(admin: &TenantAdmin, body: JsonObject) -> Result<Organization, ServiceError> {
    create_as(admin, admin.ids().organization_id(), body).await
}

/// Creates an organization that has its identifier already.
pub(super) async fn create_as(
    admin: &TenantAdmin,
    id: OrganizationId,
    body: JsonObject,
) -> Result<Organization, ServiceError> {
    let mut fields = Fields::new(body);
    let mut organization = Organization {
        id,
        name: fields.required("name", name)?,
        display_name: None,
        metadata: Default::default(),
        connections: None,
        joining_connections: Default::default(),
        created_at: admin.now(),
    };
    if let Some(enabled) = fields.optional("enabled_connections", organization_connections::list)? {
        organization.connections = Some(Default::default());
        for enabled in enabled {
            connections::get(admin, &enabled.connection).await?;
            enabled.apply(&mut organization);
        }
    }
    apply(&mut organization, fields)?;
    admin.store().create_organization(&organization).await?;
    Ok(organization)
}

/// One organization.
///
/// # Errors
/// `NotFound`.
pub async fn get(admin: &TenantAdmin, id: &OrganizationId) -> Result<Organization, ServiceError> {
    admin.store().organization(id).await?.ok_or(NO_ORGANIZATION)
}

/// One organization, by its name.
///
/// # Errors
/// `NotFound`.
pub async fn get_by_name(admin: &TenantAdmin, name: &str) -> Result<Organization, ServiceError> {
    admin
        .store()
        .organization_by_name(name)
        .await?
        .ok_or(NO_ORGANIZATION)
}

/// Organizations in the order of their identifiers, and how many there are.
///
/// # Errors
/// When they can't be read.
pub async fn list_all(
    admin: &TenantAdmin,
    page: Page,
) -> Result<(Vec<Organization>, usize), ServiceError> {
    Ok(admin.store().organizations(page).await?)
}

/// The organizations that a user is a member of, in the order of their identifiers.
///
/// # Errors
/// `NotFound` when there is no such user.
pub async fn of_user(admin: &TenantAdmin, id: &UserId) -> Result<Vec<Organization>, ServiceError> {
    super::users::get(admin, id).await?;
    let ids = admin.store().organizations_of(id).await?;
    let mut organizations = Vec::with_capacity(ids.len());
    for id in ids {
        organizations.extend(admin.store().organization(&id).await?);
    }
    Ok(organizations)
}

/// Changes an organization.
///
/// # Errors
/// `NotFound`, `Invalid…` for a wrong body, `Conflict` when the name is taken.
pub async fn patch(
    admin: &TenantAdmin,
    id: &OrganizationId,
    body: JsonObject,
) -> Result<Organization, ServiceError> {
    let before = get(admin, id).await?;
    let mut after = before.clone();
    let mut fields = Fields::new(body);
    fields.set("name", &mut after.name, name)?;
    apply(&mut after, fields)?;
    admin.store().update_organization(&before, &after).await?;
    Ok(after)
}

/// Deletes an organization and its memberships; one that isn't there is no error.
///
/// # Errors
/// When it can't be deleted.
pub async fn delete(admin: &TenantAdmin, id: &OrganizationId) -> Result<(), ServiceError> {
    Ok(admin.store().delete_organization(id).await?)
}

/// The members of an organization in the order of their user ids, and how many there are.
///
/// # Errors
/// `NotFound`.
pub async fn members(
    admin: &TenantAdmin,
    id: &OrganizationId,
    page: Page,
) -> Result<(Vec<Member>, usize), ServiceError> {
    get(admin, id).await?;
    let (memberships, total) = admin.store().memberships(id, page).await?;
    let mut members = Vec::with_capacity(memberships.len());
    for membership in memberships {
        if let Some(user) = admin.store().user(&membership.user).await? {
            members.push(Member { membership, user });
        }
    }
    Ok((members, total))
}

/// Makes users members: a body `{"members":[…]}`, all or none. Who is a member
/// already stays as they are.
///
/// # Errors
/// `NotFound`, also of a user; `Invalid…` for a wrong body.
pub async fn add_members(
    admin: &TenantAdmin,
    id: &OrganizationId,
    body: JsonObject,
) -> Result<(), ServiceError> {
    let users = read_members(body)?;
    get(admin, id).await?;
    let mut added = Vec::new();
    for user in users {
        super::users::get(admin, &user).await?;
        if admin.store().membership(id, &user).await?.is_none() {
            let organization = id.clone();
            added.push(Membership {
                organization,
                user,
                roles: Vec::new(),
                created_at: admin.now(),
            });
        }
    }
    Ok(admin.store().put_memberships(&added).await?)
}

/// Ends memberships; those that aren't there are no error.
///
/// # Errors
/// `NotFound`; `Invalid…` for a wrong body.
pub async fn remove_members(
    admin: &TenantAdmin,
    id: &OrganizationId,
    body: JsonObject,
) -> Result<(), ServiceError> {
    let users = read_members(body)?;
    get(admin, id).await?;
    Ok(admin.store().remove_memberships(id, &users).await?)
}

/// The roles that a member has in the organization.
///
/// # Errors
/// `NotFound`.
pub async fn member_roles(
    admin: &TenantAdmin,
    id: &OrganizationId,
    user: &UserId,
) -> Result<Vec<Role>, ServiceError> {
    roles::existing(admin, &membership(admin, id, user).await?.roles).await
}

/// Gives a member roles in the organization: a body `{"roles":[…]}`.
///
/// # Errors
/// `NotFound`, also of a role; `Invalid…` for a wrong body.
pub async fn add_member_roles(
    admin: &TenantAdmin,
    id: &OrganizationId,
    user: &UserId,
    body: JsonObject,
) -> Result<(), ServiceError> {
    let added = roles::read_ids(body)?;
    roles::must_exist(admin, &added).await?;
    change(admin, id, user, |membership| {
        roles::add(&mut membership.roles, &added)
    })
    .await
}

/// Takes roles in the organization from a member; those not held are no error.
///
/// # Errors
/// `NotFound`; `Invalid…` for a wrong body.
pub async fn remove_member_roles(
    admin: &TenantAdmin,
    id: &OrganizationId,
    user: &UserId,
    body: JsonObject,
) -> Result<(), ServiceError> {
    let removed = roles::read_ids(body)?;
    change(admin, id, user, |membership| {
        membership.roles.retain(|role| !removed.contains(role));
        Ok(())
    })
    .await
}

async fn membership(
    admin: &TenantAdmin,
    id: &OrganizationId,
    user: &UserId,
) -> Result<Membership, ServiceError> {
    get(admin, id).await?;
    admin.store().membership(id, user).await?.ok_or(NO_MEMBER)
}

async fn change(
    admin: &TenantAdmin,
    id: &OrganizationId,
    user: &UserId,
    change: impl FnOnce(&mut Membership) -> Result<(), ServiceError>,
) -> Result<(), ServiceError> {
    let mut membership = membership(admin, id, user).await?;
    change(&mut membership)?;
    Ok(admin.store().put_memberships(&[membership]).await?)
}

/// What create and patch have in common.
fn apply(organization: &mut Organization, mut fields: Fields) -> Read<()> {
    fields.set_optional(
        "display_name",
        &mut organization.display_name,
        text(1..=DISPLAY_NAME_CHARS_MAX),
    )?;
    fields.set(
        "metadata",
        &mut organization.metadata,
        texts_by_key(METADATA_ENTRIES_MAX, METADATA_CHARS_MAX),
    )?;
    fields.finish()
}

/// Lower case, because it goes into requests as `organization` and into URLs.
fn name(value: Value) -> Read<String> {
    let allowed = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && !name.starts_with("org_")
            && name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_'))
    };
    let hint = "a name has lower-case letters, digits, - and _, begins with a letter or digit, and \
                doesn't begin with org_, as identifiers do";
    text_where(1..=NAME_CHARS_MAX, allowed, hint)(value)
}

fn read_members(body: JsonObject) -> Result<Vec<UserId>, ServiceError> {
    let mut fields = Fields::new(body);
    let members = fields.required("members", set_of(1..=MEMBERS_MAX, parsed))?;
    fields.finish()?;
    Ok(members)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_can_stand_in_a_url_and_is_no_identifier() {
        for right in ["acme", "a-b_c", "3m"] {
            assert!(name(json!(right)).is_ok(), "{right}");
        }
        for wrong in ["", "Acme", "-a", "a b", "org_1", "é"] {
            assert!(name(json!(wrong)).is_err(), "{wrong}");
        }
    }
}
