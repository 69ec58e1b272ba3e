//! `GET` and `POST /userinfo` (OpenID Connect Core section 5.3).

use axum::{
    Json,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use claimsmith_oauth::{BearerToken, ErrorBody, ErrorCode};
use claimsmith_service::{TenantContext, UserInfoError};
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};

use super::{
    cors,
    token::{FORM, media_type},
};
use crate::{AppState, answer, tenant::RequestTenant};

/// The longest form in bytes: room for the longest token.
const FORM_BYTES_MAX: usize = 260 * 1024;

/// The claims about the user whose access token is given in the header.
pub(crate) async fn get(
    State(state): State<AppState>,
    RequestTenant(tenant): RequestTenant,
    headers: HeaderMap,
) -> Response {
    match in_header(&headers) {
        Ok(Some(token)) => claims(&state, &tenant, &token).await,
        // RFC 6750 section 3: no error code when no credentials came.
        Ok(None) => challenge(StatusCode::UNAUTHORIZED, None),
        Err(twice) => bad_request(twice),
    }
}

/// The same, where the access token may be in a form instead (RFC 6750 section 2.2).
pub(crate) async fn post(
    State(state): State<AppState>,
    RequestTenant(tenant): RequestTenant,
    request: Request<Body>,
) -> Response {
    let (parts, body) = request.into_parts();
    let in_form = match in_form(&parts.headers, body).await {
        Ok(token) => token,
        Err(refused) => return refused,
    };
    let in_header = match in_header(&parts.headers) {
        Ok(token) => token,
        Err(twice) => return bad_request(twice),
    };
    match (in_header, in_form) {
        (Some(_), Some(_)) => bad_request("give the access token in one place only"),
        (Some(token), None) | (None, Some(token)) => claims(&state, &tenant, &token).await,
        (None, None) => challenge(StatusCode::UNAUTHORIZED, None),
    }
}

/// The access token of the header; the text says what is wrong with more than one.
fn in_header(headers: &HeaderMap) -> Result<Option<BearerToken>, &'static str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next();
    if values.next().is_some() {
        return Err("there is more than one Authorization header; send one");
    }
    let text = value.and_then(|value| value.to_str().ok());
    Ok(text.and_then(|text| BearerToken::parse(text).ok()))
}

/// The parameter `access_token` of a form; none of another body.
async fn in_form(headers: &HeaderMap, body: Body) -> Result<Option<BearerToken>, Response> {
    if media_type(headers) != FORM {
        return Ok(None);
    }
    let limited = Limited::new(body, FORM_BYTES_MAX);
    let collected = limited.collect().await;
    let form = collected.map_err(|_| bad_request("the form is too long, or did not arrive"))?;
    BearerToken::from_form(&form.to_bytes()).map_err(|error| bad_request(&error.to_string()))
}

fn bad_request(text: &str) -> Response {
    let error = ErrorBody::new(ErrorCode::InvalidRequest, text);
    challenge(StatusCode::BAD_REQUEST, Some(&error))
}

async fn claims(state: &AppState, tenant: &TenantContext, token: &BearerToken) -> Response {
    match state.tokens.user_info(tenant, token).await {
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
