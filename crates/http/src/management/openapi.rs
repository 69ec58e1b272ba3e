//! `GET /api/v2/openapi.json`: the description of this API.
//!
//! It is `docs/openapi.json`, and made from the code: `document.rs` puts together what each
//! route says of itself, and a test compares that with the file. `cargo xtask openapi`
//! writes the file anew.

#[cfg(test)]
pub(crate) mod document;
#[cfg(test)]
pub(crate) mod tests;
#[cfg(test)]
pub(crate) mod world;

use axum::response::{IntoResponse, Response};
use http::header;

/// Where it is.
pub(crate) const PATH: &str = "/openapi.json";

const DOCUMENT: &str = include_str!("../../../../docs/openapi.json");

/// The document. It is the same everywhere and holds nothing secret, so nobody is asked
/// for a token.
pub(crate) async fn get() -> Response {
    served(DOCUMENT)
}

/// A document as it is served.
pub(crate) fn served(document: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "public, max-age=3600"),
    ];
    (headers, document).into_response()
}
