//! The endpoints of OAuth 2.0 and OpenID Connect.

mod authorize;
mod cors;
mod discovery;
mod jwks;
mod revoke;
#[cfg(test)]
mod tests;
mod token;
mod userinfo;

use axum::{
    Router,
    routing::{get, post},
};

use crate::AppState;

pub(crate) fn router(state: &AppState) -> Router<AppState> {
    Router::new()
        .route("/authorize", get(authorize::get).post(authorize::post))
        .route("/oauth/token", cors::for_clients(state, post(token::post)))
        .route(
            "/oauth/revoke",
            cors::for_clients(state, post(revoke::post)),
        )
        .route(
            "/userinfo",
            cors::for_clients(state, get(userinfo::get).post(userinfo::post)),
        )
        .route(
            "/.well-known/openid-configuration",
            cors::for_all(get(discovery::get)),
        )
        .route(
            "/.well-known/oauth-authorization-server",
            cors::for_all(get(discovery::get)),
        )
        .route("/.well-known/jwks.json", cors::for_all(get(jwks::get)))
}
