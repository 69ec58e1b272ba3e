//! `GET /assets/style-….css`: how the pages look.

use std::sync::LazyLock;

use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::get,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::header;
use sha2::{Digest as _, Sha256};

use crate::AppState;

const STYLE: &str = include_str!("style.css");

/// Its path. The hash of what is in it is part of it, so that browsers can keep it for
/// ever, and a page of a newer server never gets an older style.
pub(super) static PATH: LazyLock<String> = LazyLock::new(|| {
    let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(STYLE));
    format!("/assets/style-{hash}.css")
});

pub(crate) fn router() -> Router<AppState> {
    Router::new().route(&PATH, get(css))
}

async fn css() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    (headers, STYLE).into_response()
}
