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

use axum::{
    Router,
    extract::Request,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use http::StatusCode;

pub use platform::PlatformToken;
pub use serve::serve;
pub use state::AppState;

/// All routes of the server.
pub fn router(state: AppState) -> Router {
    Router::new()
        .route("/healthz", get(health::get))
        .merge(oauth::router())
        .merge(administration())
        .fallback(answer::no_such_path)
        .method_not_allowed_fallback(answer::method_not_allowed)
        .layer(middleware::map_response(answer::secure))
        .with_state(state)
}

/// The routes that change what the server has. A request is carried out to its end
/// also when its caller goes away, so that what is stored is also what runs.
fn administration() -> Router<AppState> {
    Router::new()
        .nest("/api/v2", management::router())
        .nest("/platform/v1", platform::router())
        .layer(middleware::from_fn(to_the_end))
}

async fn to_the_end(request: Request, next: Next) -> Response {
    match tokio::spawn(next.run(request)).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(%error, "a handler ended abnormally");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
