//! `GET /metrics`: what the server counts of itself, for Prometheus.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use claimsmith_service::metrics::{CONTENT_TYPE, page};
use http::{StatusCode, header};

use crate::{AppState, platform::Operator};

/// The page, for the operator: it tells about all tenants.
pub(crate) async fn get(_: Operator, state: State<AppState>) -> Response {
    get_unasked(state).await
}

/// The page, on an address that only the operator's own machines reach.
pub(crate) async fn get_unasked(State(state): State<AppState>) -> Response {
    let process = (state.process_figures)();
    match page(&state.services, process) {
        Ok(page) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], page).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics can't be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
