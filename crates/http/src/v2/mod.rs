//! Endpoints of the reference product beside OAuth 2.0.

mod logout;

use axum::{Router, routing::get};

use crate::AppState;

pub(crate) fn router() -> Router<AppState> {
    Router::new().route("/v2/logout", get(logout::get))
}
