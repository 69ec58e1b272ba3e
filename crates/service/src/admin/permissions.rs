//! Lists of permissions, which roles and users have.

use std::collections::HashMap;

use claimsmith_model::{JsonObject, Permission};
use serde_json::Value;

use crate::{
    ServiceError,
    fields::{Fields, Read, object, set_of, text},
    management::TenantAdmin,
};

/// The reference product's limit, for a role; users have the same.
const PERMISSIONS_MAX: usize = 1000;
const IDENTIFIER_CHARS_MAX: usize = 600;
const SCOPE_CHARS_MAX: usize = 280;

/// The permissions of a body `{"permissions":[…]}`.
pub(super) fn read(body: JsonObject) -> Result<Vec<Permission>, ServiceError> {
    let mut fields = Fields::new(body);
    let permissions = fields.required("permissions", set_of(1..=PERMISSIONS_MAX, permission))?;
    fields.finish()?;
    Ok(permissions)
}

fn permission(value: Value) -> Read<Permission> {
    object(|fields| {
        Ok(Permission {
            resource_server_identifier: fields
                .required("resource_server_identifier", text(1..=IDENTIFIER_CHARS_MAX))?,
            permission_name: fields.required("permission_name", text(1..=SCOPE_CHARS_MAX))?,
        })
    })(value)
}

/// Refuses permissions that are no scope of their API.
pub(super) async fn must_exist(
    admin: &TenantAdmin,
    permissions: &[Permission],
) -> Result<(), ServiceError> {
    let mut apis = HashMap::new();
    for Permission {
        resource_server_identifier: identifier,
        permission_name: name,
    } in permissions
    {
        if !apis.contains_key(identifier) {
            let api = admin
                .store()
                .resource_server_by_identifier(identifier)
                .await?;
            let api = api.ok_or_else(|| ServiceError::InvalidWithCode {
                message: format!("No resource server found by identifier {identifier}"),
                code: "inexistent_resource_server",
            })?;
            apis.insert(identifier, api);
        }
        let knows = |api: &claimsmith_model::ResourceServer| {
            api.scopes.iter().any(|scope| scope.value == *name)
        };
        if !apis.get(identifier).is_some_and(knows) {
            return Err(ServiceError::invalid(format!(
                "the API `{identifier}` has no scope `{name}`; add it to the API's scopes first"
            )));
        }
    }
    Ok(())
}

/// Adds what isn't there yet, to no more than there may be.
pub(super) fn add(held: &mut Vec<Permission>, added: &[Permission]) -> Result<(), ServiceError> {
    for permission in added {
        if !held.contains(permission) {
            held.push(permission.clone());
        }
    }
    if held.len() > PERMISSIONS_MAX {
        return Err(ServiceError::invalid(format!(
            "there are at most {PERMISSIONS_MAX} permissions"
        )));
    }
    Ok(())
}

pub(super) fn remove(held: &mut Vec<Permission>, removed: &[Permission]) {
    held.retain(|permission| !removed.contains(permission));
}
