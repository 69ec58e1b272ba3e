//! The organization that a user logs in to.

use claimsmith_model::{
    Client, Connection, Membership, Organization, OrganizationUsage, Timestamp, User,
};
use claimsmith_storage::StorageError;

use crate::{TenantContext, token::TokenEndpointError};

/// The organization of a login.
#[derive(Debug)]
pub(super) struct OfLogin {
    pub(super) organization: Organization,
    pub(super) membership: Membership,
    /// Whether the login makes the user a member, who isn't one yet.
    pub(super) joins: bool,
}

/// The organization that was asked for, and the user's membership in it. `joins_at` is when
/// the user logs in who may become a member by that; who goes on with an earlier login may
/// not.
pub(super) async fn of_login(
    context: &TenantContext,
    client: &Client,
    (user, connection): (&User, &Connection),
    asked: Option<&str>,
    joins_at: Option<Timestamp>,
) -> Result<Option<OfLogin>, TokenEndpointError> {
    let Some(asked) = asked else {
        if client.organization_usage == OrganizationUsage::Require {
            return Err(TokenEndpointError::missing("organization"));
        }
        return Ok(None);
    };
    if client.organization_usage == OrganizationUsage::Deny {
        return Err(TokenEndpointError::InvalidRequest(
            "this client's users can't log in to an organization (organization_usage is deny)"
                .to_owned(),
        ));
    }
    let found = find(context, asked).await?;
    let unknown = || {
        let shown: String = asked.chars().take(100).collect();
        TokenEndpointError::Organization(format!(
            "the user is not a member of the organization `{shown}`, or there is none"
        ))
    };
    let organization = found.ok_or_else(unknown)?;
    let membership = context
        .store
        .membership(&organization.id, &user.user_id)
        .await?;
    let joined = joins_at
        .filter(|_| organization.is_joined_from(&connection.id))
        .map(|created_at| Membership {
            organization: organization.id.clone(),
            user: user.user_id.clone(),
            roles: Vec::new(),
            created_at,
        });
    let joins = membership.is_none();
    let membership = membership.or(joined).ok_or_else(unknown)?;
    if !organization.admits(&connection.id) {
        return Err(TokenEndpointError::Organization(format!(
            "users of the connection `{}` can't log in to the organization `{}`: it isn't among \
             the organization's enabled connections",
            connection.name, organization.name
        )));
    }
    Ok(Some(OfLogin {
        organization,
        membership,
        joins,
    }))
}

/// The organization that goes by this identifier or name.
pub(in crate::token) async fn find(
    context: &TenantContext,
    asked: &str,
) -> Result<Option<Organization>, StorageError> {
    match asked.strip_prefix("org_").and_then(|_| asked.parse().ok()) {
        Some(id) => context.store.organization(&id).await,
        None => context.store.organization_by_name(asked).await,
    }
}
