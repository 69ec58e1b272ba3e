//! `GET /readyz`: whether the server should be sent requests.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use claimsmith_service::NotReady;
use http::StatusCode;
use serde_json::{Value, json};

use crate::{AppState, answer};

/// 200 when the server can issue tokens and store, else 503; the body names what isn't
/// ready. It may be public: nothing in it comes from an error's text.
pub(crate) async fn get(State(state): State<AppState>) -> Response {
    let not_ready = state.services.readiness.not_ready();
    let status = if not_ready.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let parts: Vec<Value> = not_ready
        .iter()
        .map(|NotReady { part, reason }| json!({ "part": part, "reason": reason }))
        .collect();
    let body = json!({ "ready": parts.is_empty(), "not_ready": parts });
    (status, answer::no_store(), Json(body)).into_response()
}
