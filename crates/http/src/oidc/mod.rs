//! Endpoints of OpenID Connect beside those of OAuth 2.0.

mod logout;

use axum::{
    Router,
    routing::{get, post},
};

use crate::AppState;

pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route("/oidc/logout", get(logout::get).post(logout::post))
        .route(logout::CONFIRM, post(logout::confirm))
}
