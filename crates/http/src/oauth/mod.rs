//! The endpoints of OAuth 2.0 and OpenID Connect.

mod discovery;
mod jwks;
#[cfg(test)]
mod tests;
mod token;
mod userinfo;

use axum::{
    Router,
    routing::{get, post},
};

use crate::AppState;

pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route("/oauth/token", post(token::post))
        .route("/userinfo", get(userinfo::get).post(userinfo::get))
        .route("/.well-known/openid-configuration", get(discovery::get))
        .route(
            "/.well-known/oauth-authorization-server",
            get(discovery::get),
        )
        .route("/.well-known/jwks.json", get(jwks::get))
}
