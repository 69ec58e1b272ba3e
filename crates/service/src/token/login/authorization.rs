//! What a user may do: roles, permissions, and the scopes that follow.

use std::collections::BTreeSet;

use claimsmith_model::{EventAuthorization, Membership, Permission, ResourceServer, Role, User};

use crate::{TenantContext, token::TokenEndpointError};

/// Whether a user may have a scope of an API: any that the API knows, or with
/// `enforce_policies` those of the user's permissions.
pub(super) fn may_have(
    api: &ResourceServer,
    authorization: &EventAuthorization,
    scope: &str,
) -> bool {
    if api.enforce_policies {
        return authorization
            .permissions
            .iter()
            .any(|permission| permission == scope);
    }
    api.scopes.iter().any(|known| known.value == scope)
}

/// The user's roles and permissions, in the organization too.
pub(super) async fn authorization(
    context: &TenantContext,
    user: &User,
    membership: Option<&Membership>,
    api: Option<&ResourceServer>,
) -> Result<EventAuthorization, TokenEndpointError> {
    let mut role_ids: BTreeSet<_> = user.roles.iter().cloned().collect();
    role_ids.extend(
        membership
            .into_iter()
            .flat_map(|membership| membership.roles.iter().cloned()),
    );
    let mut roles = BTreeSet::new();
    let mut permissions = BTreeSet::new();
    let is_for_api = |permission: &&Permission| {
        api.is_some_and(|api| api.identifier == permission.resource_server_identifier)
    };
    for id in role_ids {
        // A role that was deleted means nothing any more.
        let Some(Role {
            name,
            permissions: held,
            ..
        }) = context.store.role(&id).await?
        else {
            continue;
        };
        roles.insert(name);
        permissions.extend(
            held.iter()
                .filter(is_for_api)
                .map(|p| p.permission_name.clone()),
        );
    }
    let direct = user.permissions.iter().filter(is_for_api);
    permissions.extend(direct.map(|permission| permission.permission_name.clone()));
    Ok(EventAuthorization {
        roles: roles.into_iter().collect(),
        permissions: permissions.into_iter().collect(),
    })
}
