//! What an admin may do to what a tenant has, and the operator to tenants.
//!
//! One file per kind of thing, each with the same five verbs where they make sense:
//! `create` and `patch` read a JSON body property by property (and refuse what they
//! don't know), `get`, `list` and `delete` are what they say. Creating starts from
//! defaults and then applies the body just as patching does, so a property is read
//! in one place.

pub mod backup;
pub mod checkpoints;
mod client_authentication;
pub mod client_credentials;
pub mod client_grants;
mod client_refresh_token;
pub mod clients;
pub mod connections;
pub mod consents;
pub mod executions;
pub mod organization_connections;
pub mod organizations;
mod permissions;
pub mod resource_servers;
pub mod roles;
pub mod sessions;
pub mod settings;
pub mod signing_keys;
pub mod tenants;
pub mod transfer;
pub mod user_search;
pub mod users;

use std::future::Future;

pub use claimsmith_storage::{ConsentSearch, Page, Placed, Start};

use crate::ServiceError;

/// How often a change is tried when others change the same thing at the same time.
const ATTEMPTS_MAX: usize = 5;

/// Repeats a change from its reading on for as long as somebody else writes in
/// between, which logins do to users all the time.
async fn until_unchanged<T, F: Future<Output = Result<T, ServiceError>>>(
    attempt: impl Fn() -> F,
) -> Result<T, ServiceError> {
    for _ in 1..ATTEMPTS_MAX {
        match attempt().await {
            Err(ServiceError::Changed) => {}
            result => return result,
        }
    }
    attempt().await
}
