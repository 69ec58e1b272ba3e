//! `GET /platform/v1/openapi.json`: the description of this API, made and served as the
//! [Management API's](crate::management::openapi) is.

#[cfg(test)]
mod tests;

use axum::response::Response;

use crate::management::openapi;

/// Where it is.
pub(super) const PATH: &str = "/openapi.json";

const DOCUMENT: &str = include_str!("../../../../docs/openapi-platform.json");

/// The document. It holds nothing secret, so nobody is asked for a token.
pub(super) async fn get() -> Response {
    openapi::served(DOCUMENT)
}
