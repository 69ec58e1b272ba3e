//! The Management API, `/api/v2`: what a tenant's admins do.
//!
//! Each handler takes an [`Admin`](access::Admin) that names the scope it asks for;
//! one without isn't a route ([`access::Routes`]). What a route is for and answers stands
//! beside it where it is registered, for the OpenAPI document ([`openapi`]). Shapes,
//! status codes, paging and errors are the reference product's.

mod absent;
pub(crate) mod access;
mod actions;
pub(crate) mod audit;
mod body;
mod client_grants;
mod clients;
mod connections;
mod error;
mod field_filter;
mod grants;
mod listing;
mod logs;
pub(crate) mod openapi;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "a test makes the document of it")
)]
pub(crate) mod operation;
mod organizations;
mod path;
mod permissions;
pub(crate) mod query;
pub(crate) mod rate;
mod resource_servers;
mod roles;
mod sessions;
mod signing_keys;
mod tenant_export;
mod tenant_import;
mod tenant_settings;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod triggers;
mod unambiguous;
mod users;

use axum::{Router, routing::get};

pub(crate) use body::JsonBody;
pub(crate) use error::ApiError;
pub(crate) use path::At;
pub(crate) use query::Parameters;

use crate::AppState;

pub(crate) fn router() -> Router<AppState> {
    routes()
        .into_router()
        .route(openapi::PATH, get(openapi::get))
}

fn routes() -> access::Routes {
    access::Routes::default()
        .and(actions::routes())
        .and(triggers::routes())
        .and(clients::routes())
        .and(resource_servers::routes())
        .and(client_grants::routes())
        .and(connections::routes())
        .and(users::routes())
        .and(sessions::routes())
        .and(grants::routes())
        .and(roles::routes())
        .and(organizations::routes())
        .and(signing_keys::routes())
        .and(tenant_settings::routes())
        .and(tenant_export::routes())
        .and(tenant_import::routes())
        .and(logs::routes())
        .and(absent::routes())
}
