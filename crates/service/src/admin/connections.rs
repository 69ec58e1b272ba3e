//! Connections (sources of users). Every tenant has one database of its own.

use claimsmith_model::{Connection, ConnectionId};

use crate::{ServiceError, management::TenantAdmin};

/// All connections in the order of their names.
///
/// # Errors
/// When they can't be read.
pub async fn list_all(admin: &TenantAdmin) -> Result<Vec<Connection>, ServiceError> {
    Ok(admin.store().connections().await?)
}

/// One connection.
///
/// # Errors
/// `NotFound`.
pub async fn get(admin: &TenantAdmin, id: &ConnectionId) -> Result<Connection, ServiceError> {
    let connections = admin.store().connections().await?;
    let found = connections
        .into_iter()
        .find(|connection| connection.id == *id);
    found.ok_or(ServiceError::NotFound {
        message: "The connection does not exist",
        code: Some("inexistent_connection"),
    })
}
