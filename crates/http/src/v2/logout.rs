//! `GET /v2/logout`: the reference product's.

use axum::{
    extract::{RawQuery, State},
    response::Response,
};
use claimsmith_service::logout::{self, LogoutRequest};
use http::StatusCode;

use crate::{
    AppState,
    logged_out::{self, Parameters},
    visit::Visit,
};

/// Ends the browser's session and sends it to where the request says. `federated`, which
/// is about other identity providers, means nothing yet.
pub(crate) async fn get(
    State(state): State<AppState>,
    visit: Visit,
    RawQuery(query): RawQuery,
) -> Response {
    let mut parameters = match Parameters::parse(query.as_deref().unwrap_or_default()) {
        Ok(parameters) => parameters,
        Err(text) => return logged_out::invalid(&visit, &text),
    };
    let request = LogoutRequest {
        client_id: parameters.take("client_id"),
        redirect_uri: parameters.take("returnTo"),
        ..LogoutRequest::default()
    };
    match logout::at_once(logged_out::visit(&state, &visit), &request).await {
        Ok(then) => logged_out::answer(&visit, StatusCode::FOUND, &then),
        Err(error) => logged_out::refused(&visit, &error),
    }
}
