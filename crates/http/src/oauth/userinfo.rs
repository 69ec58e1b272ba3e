//! `GET` and `POST /userinfo` (OpenID Connect Core section 5.3).

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use claimsmith_oauth::{BearerToken, ErrorBody, ErrorCode};
use claimsmith_service::UserInfoError;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::cors;
use crate::{AppState, answer, tenant::RequestTenant};

/// The claims about the user whose access token is given.
pub(crate) async fn get(
    State(state): State<AppState>,
    RequestTenant(tenant): RequestTenant,
    headers: HeaderMap,
) -> Response {
    let header = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let Some(token) = header.and_then(|value| BearerToken::parse(value).ok()) else {
        // RFC 6750 section 3: no error code when no credentials came.
        return challenge(StatusCode::UNAUTHORIZED, None);
    };
    match state.tokens.user_info(&tenant, &token).await {
        Ok(info) => {
            let mut answer = (answer::no_store(), Json(info.claims)).into_response();
            cors::of_client(&mut answer, &info.client_id);
            answer
        }
        Err(error) => {
            let (status, code) = match &error {
                UserInfoError::InvalidToken => (StatusCode::UNAUTHORIZED, ErrorCode::InvalidToken),
                UserInfoError::InsufficientScope => {
                    (StatusCode::FORBIDDEN, ErrorCode::InsufficientScope)
                }
                UserInfoError::Host(cause) => {
                    let cause = cause.as_ref();
                    tracing::error!(tenant = %tenant.tenant.id, cause, "userinfo failed");
                    (StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::ServerError)
                }
            };
            challenge(status, Some(&ErrorBody::new(code, &error.to_string())))
        }
    }
}

fn challenge(status: StatusCode, error: Option<&ErrorBody>) -> Response {
    let challenge = match error {
        None => "Bearer".to_owned(),
        Some(error) => format!(
            "Bearer error=\"{}\", error_description=\"{}\"",
            error.error(),
            error.error_description()
        ),
    };
    let challenge = HeaderValue::from_str(&challenge).unwrap_or(HeaderValue::from_static("Bearer"));
    let headers = [(header::WWW_AUTHENTICATE, challenge)];
    match error {
        None => (status, answer::no_store(), headers).into_response(),
        Some(error) => (status, answer::no_store(), headers, Json(error)).into_response(),
    }
}
