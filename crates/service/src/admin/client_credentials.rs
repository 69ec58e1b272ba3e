//! The public keys of a client, one by one; [`clients::patch`] takes them as a list.
//!
//! The reference product's tools give a client its keys here first, and then name them in
//! `client_authentication_methods`. Until that a key of a client with another method waits,
//! and proves nothing.

use claimsmith_model::{Client, ClientCredential, ClientId, JsonObject, TokenEndpointAuthMethod};
use serde_json::Value;

use super::{
    client_authentication::{CREDENTIALS_MAX, new_key},
    clients, until_unchanged,
};
use crate::{ServiceError, fields::whole, management::TenantAdmin};

const NO_KEY: ServiceError = ServiceError::not_found("The credential does not exist.");

/// The keys, in the order in which they were given.
///
/// # Errors
/// `NotFound` of the client.
pub async fn list_all(
    admin: &TenantAdmin,
    client: &ClientId,
) -> Result<Vec<ClientCredential>, ServiceError> {
    Ok(clients::get(admin, client).await?.credentials)
}

/// One key.
///
/// # Errors
/// `NotFound`, also of the client.
pub async fn get(
    admin: &TenantAdmin,
    client: &ClientId,
    id: &str,
) -> Result<ClientCredential, ServiceError> {
    let keys = list_all(admin, client).await?;
    keys.into_iter().find(|key| key.id == id).ok_or(NO_KEY)
}

/// Gives a client a further key: a body as in the list. One that it has gets what the body
/// says of it.
///
/// # Errors
/// `NotFound`; `Invalid…` for a wrong body; `Conflict` when the client has as many as it
/// may.
pub async fn create(
    admin: &TenantAdmin,
    client: &ClientId,
    body: JsonObject,
) -> Result<ClientCredential, ServiceError> {
    let given = &whole(Value::Object(body), new_key)?;
    until_unchanged(|| async move {
        let before = clients::get(admin, client).await?;
        let mut after = before.clone();
        let earlier = before.credentials.iter().find(|key| key.id == given.id);
        let created = ClientCredential {
            created_at: earlier.map_or(admin.now(), |earlier| earlier.created_at),
            ..given.clone()
        };
        after.credentials.retain(|key| key.id != given.id);
        if after.credentials.len() == CREDENTIALS_MAX {
            return Err(ServiceError::Conflict(format!(
                "a client has at most {CREDENTIALS_MAX} keys; delete one first"
            )));
        }
        after.credentials.push(created.clone());
        store(admin, &before, after).await?;
        Ok(created)
    })
    .await
}

/// Takes a key from a client; one that it hasn't is no error.
///
/// # Errors
/// `NotFound` of the client; `Conflict` for the last key of a client that is known by
/// nothing else.
pub async fn delete(admin: &TenantAdmin, client: &ClientId, id: &str) -> Result<(), ServiceError> {
    until_unchanged(|| async move {
        let before = clients::get(admin, client).await?;
        let mut after = before.clone();
        after.credentials.retain(|key| key.id != id);
        if after == before {
            return Ok(());
        }
        let method = before.token_endpoint_auth_method;
        if after.credentials.is_empty() && method == TokenEndpointAuthMethod::PrivateKeyJwt {
            return Err(ServiceError::Conflict(
                "it is the only key of a client with private_key_jwt: give the client another \
                 key, or another token_endpoint_auth_method, first"
                    .to_owned(),
            ));
        }
        store(admin, &before, after).await
    })
    .await
}

async fn store(
    admin: &TenantAdmin,
    before: &Client,
    mut after: Client,
) -> Result<(), ServiceError> {
    after.updated_at = admin.now();
    Ok(admin.store().update_client(before, &after).await?)
}
