//! The HTTP face of Claimsmith: OAuth and OpenID Connect endpoints, the Management
//! API, the platform API.
//!
//! Handlers extract, call one service method and shape the answer; decisions are in
//! `claimsmith-service`. A path is found by its name: `POST /oauth/token` is
//! `oauth/token.rs`, `/api/v2/clients` is `management/clients.rs`.

mod answer;
mod health;
mod management;
mod oauth;
mod platform;
mod serve;
mod state;
mod tenant;

use axum::{Router, middleware, routing::get};

pub use platform::PlatformToken;
pub use serve::serve;
pub use state::AppState;

/// All routes of the server.
pub fn router(state: AppState) -> Router {
    Router::new()
        .route("/healthz", get(health::get))
        .merge(oauth::router())
        .nest("/api/v2", management::router())
        .nest("/platform/v1", platform::router())
        .fallback(answer::no_such_path)
        .method_not_allowed_fallback(answer::method_not_allowed)
        .layer(middleware::map_response(answer::secure))
        .with_state(state)
}
