//! `POST /oauth/token` (RFC 6749 section 3.2).

use std::net::SocketAddr;

use axum::{
    Json,
    body::Body,
    extract::{ConnectInfo, State},
    response::{IntoResponse, Response},
};
use claimsmith_oauth::{
    BasicCredentials, ErrorBody, ErrorCode, REQUEST_BYTES_MAX, TokenRequest, parse_query,
};
use claimsmith_service::{ClientCredentials, Issued, Refused, RequestFacts, TokenEndpointError};
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, header, request::Parts};

use crate::{
    AppState, answer,
    tenant::{self, RequestTenant},
};

/// Names the run of the trigger, whose record the Management API shows.
const EXECUTION_ID: HeaderName = HeaderName::from_static("claimsmith-execution-id");

/// Answers a token request.
pub(crate) async fn post(
    State(state): State<AppState>,
    RequestTenant(tenant): RequestTenant,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response {
    let (parts, body) = request.into_parts();
    let (request, facts, credentials) = match read(&parts, body, peer).await {
        Ok(read) => read,
        Err(refused) => return *refused,
    };
    match state.tokens.issue(&tenant, credentials, request, facts).await {
        Ok(Issued { response, execution_id }) => {
            let mut answer = (answer::no_store(), Json(response)).into_response();
            set_execution_id(&mut answer, execution_id.as_str());
            answer
        }
        Err(Refused { error, execution_id }) => {
            if let TokenEndpointError::Host(cause) = &error {
                let execution_id = execution_id.as_ref().map(ToString::to_string);
                tracing::error!(tenant = %tenant.tenant.id, execution_id, %cause, "no token");
            }
            let mut answer = refuse(status(&error), &error.body(), credentials_in_header(&parts));
            if let Some(execution_id) = execution_id {
                set_execution_id(&mut answer, execution_id.as_str());
            }
            answer
        }
    }
}

/// 400 with the RFC's code, but 401 for a client that didn't prove who it is and
/// 500 for a fault of the server's own.
fn status(error: &TokenEndpointError) -> StatusCode {
    match error {
        TokenEndpointError::InvalidClient => StatusCode::UNAUTHORIZED,
        TokenEndpointError::Host(_) => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    }
}

type Read = (TokenRequest, RequestFacts, Option<ClientCredentials>);

async fn read(parts: &Parts, body: Body, peer: SocketAddr) -> Result<Read, Box<Response>> {
    let invalid = |text: &str| {
        let body = ErrorBody::new(ErrorCode::InvalidRequest, text);
        Box::new(refuse(StatusCode::BAD_REQUEST, &body, false))
    };
    let bytes = axum::body::to_bytes(body, REQUEST_BYTES_MAX).await.map_err(|_| {
        let text = format!("the body has more than {REQUEST_BYTES_MAX} bytes, or did not arrive");
        let body = ErrorBody::new(ErrorCode::InvalidRequest, &text);
        Box::new(refuse(StatusCode::PAYLOAD_TOO_LARGE, &body, false))
    })?;
    let request = match media_type(&parts.headers) {
        "application/x-www-form-urlencoded" => TokenRequest::from_form(&bytes),
        "application/json" => TokenRequest::from_json(&bytes),
        _ => {
            return Err(invalid(
                "the Content-Type must be application/x-www-form-urlencoded or application/json",
            ));
        }
    };
    let request = request.map_err(|error| invalid(&error.to_string()))?;
    let query = parse_query(parts.uri.query().unwrap_or_default())
        .map_err(|error| invalid(&format!("query: {error}")))?;
    let credentials = match parts.headers.get(header::AUTHORIZATION) {
        None => None,
        Some(value) => {
            let basic = value.to_str().map_err(|_| invalid("the Authorization header is not text"))?;
            let basic =
                BasicCredentials::parse(basic).map_err(|error| invalid(&error.to_string()))?;
            Some(ClientCredentials {
                client_id: basic.client_id,
                client_secret: basic.client_secret,
            })
        }
    };
    let facts = RequestFacts {
        ip: peer.ip().to_canonical().to_string(),
        method: parts.method.as_str().to_owned(),
        hostname: tenant::host(&parts.headers, &parts.uri).map(|host| {
            let host = host.rsplit_once(':').map_or(host, |(name, _)| name);
            host.to_ascii_lowercase()
        }),
        user_agent: text(&parts.headers, &header::USER_AGENT),
        language: text(&parts.headers, &header::ACCEPT_LANGUAGE),
        query,
    };
    Ok((request, facts, credentials))
}

fn media_type(headers: &HeaderMap) -> &str {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.and_then(|value| value.split(';').next()).unwrap_or_default().trim()
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

fn credentials_in_header(parts: &Parts) -> bool {
    parts.headers.contains_key(header::AUTHORIZATION)
}

/// RFC 6749 section 5.2: a client that used the header is told the scheme.
fn refuse(status: StatusCode, body: &ErrorBody, used_header: bool) -> Response {
    let mut answer = (status, answer::no_store(), Json(body)).into_response();
    if status == StatusCode::UNAUTHORIZED && used_header {
        let challenge = HeaderValue::from_static("Basic realm=\"token\"");
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    answer
}

fn set_execution_id(answer: &mut Response, id: &str) {
    if let Ok(value) = HeaderValue::from_str(id) {
        answer.headers_mut().insert(EXECUTION_ID, value);
    }
}
