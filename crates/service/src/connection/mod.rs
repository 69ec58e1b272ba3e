//! Connections at work: which one a request means, who logs in through it, and how a
//! custom database's scripts are asked.

mod create;
mod login;
mod profile;
mod script;

use claimsmith_model::Connection;
use claimsmith_storage::{StorageError, TenantStorage};

pub(crate) use create::create_user;
pub(crate) use login::{LoggedIn, LoginAttempt, LoginError};

/// The connection that a request's `realm` means.
pub(crate) async fn of_realm(
    store: &dyn TenantStorage,
    realm: &str,
) -> Result<Option<Connection>, StorageError> {
    // Mostly it is a connection's name, which is found without reading them all.
    let named = store.connection_by_name(realm).await?;
    if let Some(connection) = named.filter(|connection| connection.has_realm(realm)) {
        return Ok(Some(connection));
    }
    let all = store.connections().await?;
    Ok(all
        .into_iter()
        .find(|connection| connection.has_realm(realm)))
}
