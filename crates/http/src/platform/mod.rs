//! The platform API: for the operator, across tenants.

mod backup;
mod bindings;
mod tenants;

use std::fmt;

use axum::{
    Router,
    extract::FromRequestParts,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use claimsmith_model::Secret;
use claimsmith_oauth::BearerToken;
use claimsmith_service::is_same_secret;
use http::{header, request::Parts};

use crate::{AppState, management::ApiError};

/// The secret that the platform API asks for.
pub struct PlatformToken(Secret);

impl PlatformToken {
    /// Wraps the secret.
    #[must_use]
    pub fn new(secret: Secret) -> Self {
        Self(secret)
    }
}

impl fmt::Debug for PlatformToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlatformToken")
    }
}

pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route("/backup", post(backup::post))
        .route("/tenants", get(tenants::list).post(tenants::create))
        .route(
            "/tenants/{id}",
            get(tenants::get)
                .patch(tenants::patch)
                .delete(tenants::delete),
        )
        .route(
            "/tenants/{id}/triggers/{trigger}/bindings",
            get(bindings::get).patch(bindings::patch),
        )
}

/// The operator, who gave the platform token. A handler that takes one can't forget
/// to ask.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operator;

impl FromRequestParts<AppState> for Operator {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Response> {
        let value = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let token = value.and_then(|value| BearerToken::parse(value).ok());
        let is_operator =
            token.is_some_and(|token| is_same_secret(token.expose(), &state.platform_token.0));
        if is_operator {
            Ok(Self)
        } else {
            let message = "give the platform token of bootstrap.json as Authorization: Bearer";
            Err(ApiError::unauthorized(message).into_response())
        }
    }
}
