//! The HTTP face of Claimsmith: OAuth and OpenID Connect endpoints, the Management
//! API, the platform API.
//!
//! Handlers extract, call one service method and shape the answer; decisions are in
//! `claimsmith-service`. A path is found by its name: `POST /oauth/token` is
//! `oauth/token.rs`, `/api/v2/clients` is `management/clients.rs`.

mod answer;
mod facts;
mod gone;
mod health;
mod logged_out;
mod login;
mod management;
mod metrics;
mod oauth;
mod observe;
mod oidc;
mod pages;
mod platform;
mod proxies;
mod readiness;
mod serve;
mod session_cookie;
mod state;
mod tenant;
mod v2;
mod visit;

use axum::{
    Router,
    extract::Request,
    middleware::{self, Next},
    response::Response,
    routing::get,
};
use tracing::Instrument as _;

use self::observe::{Observer, observe};

pub use platform::PlatformToken;
pub use proxies::TrustedProxies;
pub use serve::{serve, serve_operator};
pub use state::AppState;

/// All routes of the server.
pub fn router(state: AppState) -> Router {
    let proxies = state.trusted_proxies.clone();
    let routes = routes(state);
    if proxies.is_empty() {
        return routes;
    }
    // Outermost: everything else sees the client in the place of the proxies.
    routes.layer(middleware::from_fn_with_state(proxies, proxies::resolve))
}

fn routes(state: AppState) -> Router {
    Router::new()
        .route("/healthz", get(health::get))
        .route("/readyz", get(readiness::get))
        .route("/metrics", get(metrics::get))
        .merge(oauth::router(&state))
        .merge(login::router())
        .merge(oidc::router())
        .merge(v2::router())
        .merge(pages::router())
        .merge(administration(&state))
        .fallback(answer::no_such_path)
        .method_not_allowed_fallback(answer::method_not_allowed)
        .layer(middleware::map_response(answer::secure))
        .layer(middleware::from_fn_with_state(
            Observer::of(&state),
            observe,
        ))
        .with_state(state)
}

/// The routes for an address of the operator's own: metrics without a token, and the
/// probes.
pub fn operator_router(state: AppState) -> Router {
    Router::new()
        .route("/healthz", get(health::get))
        .route("/readyz", get(readiness::get))
        .route("/metrics", get(metrics::get_unasked))
        .fallback(answer::no_such_path)
        .method_not_allowed_fallback(answer::method_not_allowed)
        .layer(middleware::map_response(answer::secure))
        .layer(middleware::from_fn_with_state(
            Observer::of(&state),
            observe,
        ))
        .with_state(state)
}

/// The routes that change what the server has. A request is carried out to its end
/// also when its caller goes away, so that what is stored is also what runs.
fn administration(state: &AppState) -> Router<AppState> {
    Router::new()
        .nest(
            "/api/v2",
            management::router().layer(middleware::from_fn(management::rate::show)),
        )
        .nest("/platform/v1", platform::router())
        .layer(middleware::from_fn_with_state(
            state.clone(),
            management::audit::log_changes,
        ))
        .layer(middleware::from_fn(to_the_end))
}

async fn to_the_end(request: Request, next: Next) -> Response {
    let handled = tokio::spawn(next.run(request).in_current_span()).await;
    // It ends abnormally only by a panic: nobody aborts it.
    handled.unwrap_or_else(|_| observe::panicked())
}
