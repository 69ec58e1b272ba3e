//! The connections whose users may log in to an organization.

use claimsmith_model::{Connection, ConnectionId, JsonObject, Organization, OrganizationId};
use serde_json::Value;

use super::{Placed, connections, organizations, until_unchanged};
use crate::{
    ServiceError,
    fields::{Fields, Problem, Read, flag, object, parsed, set_of},
    management::TenantAdmin,
};

const NOT_ENABLED: ServiceError =
    ServiceError::not_found("The connection is not enabled for the organization.");

/// More than a tenant has.
const CONNECTIONS_MAX: usize = 100;

/// What can be said of an enabled connection, and is the same for all of them.
const FIXED: [(&str, bool, &str); 3] = [
    (
        "is_enabled",
        true,
        "to disable a connection, DELETE it here",
    ),
    (
        "show_as_button",
        true,
        "the login page has no buttons for connections that could be left out",
    ),
    ("is_signup_enabled", false, "there is no sign-up"),
];

/// A connection whose users may log in to an organization.
#[derive(Debug)]
pub struct EnabledConnection {
    /// The connection.
    pub connection: Connection,
    /// Whether its users become members by that.
    pub is_joined_from: bool,
}

impl EnabledConnection {
    fn of(organization: &Organization, connection: Connection) -> Self {
        Self {
            is_joined_from: organization.is_joined_from(&connection.id),
            connection,
        }
    }
}

impl Placed for EnabledConnection {
    fn place(&self) -> String {
        self.connection.place()
    }
}

/// The enabled connections in the order of their names; all of the tenant's where none
/// was ever named.
///
/// # Errors
/// `NotFound` of the organization.
pub async fn list_all(
    admin: &TenantAdmin,
    id: &OrganizationId,
) -> Result<Vec<EnabledConnection>, ServiceError> {
    let organization = organizations::get(admin, id).await?;
    let connections = connections::list_all(admin).await?.into_iter();
    let enabled = connections.filter(|connection| organization.admits(&connection.id));
    let enabled = enabled.map(|connection| EnabledConnection::of(&organization, connection));
    Ok(enabled.collect())
}

/// One enabled connection.
///
/// # Errors
/// `NotFound`.
pub async fn get(
    admin: &TenantAdmin,
    id: &OrganizationId,
    connection: &ConnectionId,
) -> Result<EnabledConnection, ServiceError> {
    let enabled = list_all(admin, id).await?;
    let found = enabled
        .into_iter()
        .find(|one| one.connection.id == *connection);
    found.ok_or(NOT_ENABLED)
}

/// Enables a connection: a body `{"connection_id":"…"}`, with
/// `"assign_membership_on_login":true` if its users become members by logging in. One that
/// is enabled is no error.
///
/// # Errors
/// `NotFound`, also of the connection; `Invalid…` for a wrong body.
pub async fn enable(
    admin: &TenantAdmin,
    id: &OrganizationId,
    body: JsonObject,
) -> Result<EnabledConnection, ServiceError> {
    let mut fields = Fields::new(body);
    let named = &read(&mut fields)?;
    fields.finish()?;
    let connection = connections::get(admin, &named.connection).await?;
    let organization = change(admin, id, |organization| named.apply(organization)).await?;
    Ok(EnabledConnection::of(&organization, connection))
}

/// Changes whether a connection's users become members by logging in: a body
/// `{"assign_membership_on_login":…}`.
///
/// # Errors
/// `NotFound`; `Invalid…` for a wrong body.
pub async fn patch(
    admin: &TenantAdmin,
    id: &OrganizationId,
    connection: &ConnectionId,
    body: JsonObject,
) -> Result<EnabledConnection, ServiceError> {
    let mut fields = Fields::new(body);
    let joins = read_joins(&mut fields)?;
    fields.finish()?;
    let EnabledConnection { connection, .. } = get(admin, id, connection).await?;
    let organization = change(admin, id, |organization| {
        set_joins(organization, &connection.id, joins);
    });
    Ok(EnabledConnection::of(&organization.await?, connection))
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
        let others = list_all(admin, id).await?.into_iter();
        let others = others.map(|one| one.connection.id);
        let mut after = before.clone();
        after.connections = Some(others.filter(|other| other != connection).collect());
        after.joining_connections.remove(connection);
        Ok(admin.store().update_organization(&before, &after).await?)
    })
    .await
}

async fn change(
    admin: &TenantAdmin,
    id: &OrganizationId,
    change: impl Fn(&mut Organization),
) -> Result<Organization, ServiceError> {
    let change = &change;
    until_unchanged(|| async move {
        let before = organizations::get(admin, id).await?;
        let mut after = before.clone();
        change(&mut after);
        if after != before {
            admin.store().update_organization(&before, &after).await?;
        }
        Ok(after)
    })
    .await
}

/// A connection as a body names it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) connection: ConnectionId,
    joins: Option<bool>,
}

impl Named {
    /// Enables it.
    pub(super) fn apply(&self, organization: &mut Organization) {
        let named = organization.connections.get_or_insert_default();
        named.insert(self.connection.clone());
        set_joins(organization, &self.connection, self.joins);
    }
}

/// What isn't said stays as it is.
fn set_joins(organization: &mut Organization, connection: &ConnectionId, joins: Option<bool>) {
    match joins {
        Some(true) => {
            organization.joining_connections.insert(connection.clone());
        }
        Some(false) => {
            organization.joining_connections.remove(connection);
        }
        None => {}
    }
}

/// The connections that the body of an organization names.
pub(super) fn list(value: Value) -> Read<Vec<Named>> {
    set_of(0..=CONNECTIONS_MAX, object(read))(value)
}

fn read(fields: &mut Fields) -> Read<Named> {
    Ok(Named {
        connection: fields.required("connection_id", parsed)?,
        joins: read_joins(fields)?,
    })
}

fn read_joins(fields: &mut Fields) -> Read<Option<bool>> {
    let joins = fields.optional("assign_membership_on_login", flag)?;
    for (name, only, why) in FIXED {
        let given = fields.optional(name, flag)?;
        if given.is_some_and(|given| given != only) {
            return Err(Problem::new(format!("it must be {only}: {why}")).under(name));
        }
    }
    Ok(joins)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_the_same_for_all_may_be_said_and_anything_else_is_refused_by_name() {
        let said = json!([{
            "connection_id": "con_1", "is_enabled": true, "assign_membership_on_login": true,
            "show_as_button": true, "is_signup_enabled": false,
        }]);
        let named = Named {
            connection: "con_1".parse().unwrap(),
            joins: Some(true),
        };
        assert_eq!(list(said).unwrap(), [named]);
        for (name, only, _) in FIXED {
            let problem = list(json!([{ "connection_id": "con_1", name: !only }])).unwrap_err();
            let place = format!("on property [0].{name}");
            assert!(problem.to_string().ends_with(&place), "{problem}");
        }
    }
}
