//! The connections whose users may log in to an organization.

use claimsmith_model::{Connection, ConnectionId, JsonObject, OrganizationId};
use serde_json::Value;

use super::{connections, organizations, until_unchanged};
use crate::{
    ServiceError,
    fields::{Fields, Problem, Read, flag, object, parsed, set_of},
    management::TenantAdmin,
};

const NOT_ENABLED: ServiceError =
    ServiceError::not_found("The connection is not enabled for the organization.");

/// More than a tenant has.
const CONNECTIONS_MAX: usize = 100;

/// How an organization takes the users of its connections. There is one way, which the
/// reference product's tools may say, and others are refused.
const WAY: [(&str, bool, &str); 4] = [
    (
        "is_enabled",
        true,
        "to disable a connection, DELETE it here",
    ),
    (
        "assign_membership_on_login",
        false,
        "nobody becomes a member by logging in; add members with POST \
         /api/v2/organizations/{id}/members",
    ),
    (
        "show_as_button",
        true,
        "the login page has no buttons for connections that could be left out",
    ),
    ("is_signup_enabled", false, "there is no sign-up"),
];

/// The enabled connections in the order of their names; all of the tenant's where none
/// was ever named.
///
/// # Errors
/// `NotFound` of the organization.
pub async fn list_all(
    admin: &TenantAdmin,
    id: &OrganizationId,
) -> Result<Vec<Connection>, ServiceError> {
    let organization = organizations::get(admin, id).await?;
    let mut enabled = connections::list_all(admin).await?;
    enabled.retain(|connection| organization.admits(&connection.id));
    Ok(enabled)
}

/// One enabled connection.
///
/// # Errors
/// `NotFound`.
pub async fn get(
    admin: &TenantAdmin,
    id: &OrganizationId,
    connection: &ConnectionId,
) -> Result<Connection, ServiceError> {
    let enabled = list_all(admin, id).await?;
    let found = enabled.into_iter().find(|one| one.id == *connection);
    found.ok_or(NOT_ENABLED)
}

/// Enables a connection: a body `{"connection_id":"…"}`. One that is enabled is no error.
///
/// # Errors
/// `NotFound`, also of the connection; `Invalid…` for a wrong body.
pub async fn enable(
    admin: &TenantAdmin,
    id: &OrganizationId,
    body: JsonObject,
) -> Result<Connection, ServiceError> {
    let mut fields = Fields::new(body);
    let id_given = read(&mut fields)?;
    fields.finish()?;
    let connection = connections::get(admin, &id_given).await?;
    let enabled = &connection.id;
    until_unchanged(|| async move {
        let before = organizations::get(admin, id).await?;
        let mut after = before.clone();
        let named = after.connections.get_or_insert_default();
        if named.insert(enabled.clone()) {
            admin.store().update_organization(&before, &after).await?;
        }
        Ok(())
    })
    .await?;
    Ok(connection)
}

/// Changes how the organization takes a connection's users, of which there is one way:
/// checks that the body says no other.
///
/// # Errors
/// `NotFound`; `Invalid…` for a wrong body.
pub async fn patch(
    admin: &TenantAdmin,
    id: &OrganizationId,
    connection: &ConnectionId,
    body: JsonObject,
) -> Result<Connection, ServiceError> {
    let mut fields = Fields::new(body);
    read_way(&mut fields)?;
    fields.finish()?;
    get(admin, id, connection).await
}

/// Disables a connection; one that isn't enabled is no error. Where none was ever named,
/// all others stay enabled.
///
/// # Errors
/// `NotFound` of the organization.
pub async fn disable(
    admin: &TenantAdmin,
    id: &OrganizationId,
    connection: &ConnectionId,
) -> Result<(), ServiceError> {
    until_unchanged(|| async move {
        let before = organizations::get(admin, id).await?;
        if !before.admits(connection) {
            return Ok(());
        }
        let others = list_all(admin, id).await?.into_iter().map(|one| one.id);
        let mut after = before.clone();
        after.connections = Some(others.filter(|other| other != connection).collect());
        Ok(admin.store().update_organization(&before, &after).await?)
    })
    .await
}

/// The connections that the body of an organization names.
pub(super) fn list(value: Value) -> Read<Vec<ConnectionId>> {
    set_of(0..=CONNECTIONS_MAX, object(read))(value)
}

fn read(fields: &mut Fields) -> Read<ConnectionId> {
    let connection = fields.required("connection_id", parsed)?;
    read_way(fields)?;
    Ok(connection)
}

fn read_way(fields: &mut Fields) -> Read<()> {
    for (name, only, why) in WAY {
        let given = fields.optional(name, flag)?;
        if given.is_some_and(|given| given != only) {
            return Err(Problem::new(format!("it must be {only}: {why}")).under(name));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_one_way_may_be_said_and_any_other_is_refused_by_name() {
        let said = json!([{
            "connection_id": "con_1", "is_enabled": true, "assign_membership_on_login": false,
            "show_as_button": true, "is_signup_enabled": false,
        }]);
        assert_eq!(list(said).unwrap(), ["con_1".parse().unwrap()]);
        for (name, only, _) in WAY {
            let problem = list(json!([{ "connection_id": "con_1", name: !only }])).unwrap_err();
            let place = format!("on property [0].{name}");
            assert!(problem.to_string().ends_with(&place), "{problem}");
        }
    }
}
