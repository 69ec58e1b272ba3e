//! Request bodies, bounded before they are read.

use axum::{
    body::Body,
    extract::{FromRequest, Request},
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use claimsmith_service::{
    ServiceError,
    admin::transfer::{self, DOCUMENT_BYTES_MAX, Place},
    type_mismatch,
};
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Map, Value};
use tokio::task::spawn_blocking;

use super::{audit::Audit, error::ApiError, unambiguous::Unambiguous};
use crate::AppState;

/// The longest JSON body. The largest thing in it is an Action's code of 100 KB, or
/// a thousand scopes with descriptions.
const JSON_BYTES_MAX: usize = 1 << 20;
/// How often the limit is thrown away of a body that is too long. Closing a
/// connection while the client sends can lose it the answer that says why.
const DISCARDED_LIMITS_MAX: usize = 4;

/// A body that is a JSON object.
#[derive(Debug)]
pub(crate) struct JsonBody(pub(crate) Map<String, Value>);

impl FromRequest<AppState> for JsonBody {
    type Rejection = Response;

    async fn from_request(request: Request, _: &AppState) -> Result<Self, Response> {
        let audit = request
            .extensions()
            .get::<Audit>()
            .cloned()
            .unwrap_or_default();
        let read = async {
            must_be(request.headers(), "application/json")?;
            let bytes = read(request.into_body(), JSON_BYTES_MAX).await?;
            let object = json_object(&bytes)?;
            audit.names(object.keys());
            Ok(Self(object))
        };
        read.await.map_err(|error: ApiError| error.into_response())
    }
}

/// A body that is a tenant's document. While it is there nobody else exports or imports a
/// tenant.
#[derive(Debug)]
pub(crate) struct DocumentBody {
    pub(crate) document: Map<String, Value>,
    pub(crate) place: Place,
}

impl FromRequest<AppState> for DocumentBody {
    type Rejection = Response;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Response> {
        let audit = request.extensions().get::<Audit>();
        let audit = audit.cloned().unwrap_or_default();
        let read = async {
            must_be(request.headers(), "application/json")?;
            // Before it is read: many at once would fill the memory.
            let place = transfer::place(&state.services)?;
            let bytes = read(request.into_body(), DOCUMENT_BYTES_MAX).await?;
            // It takes a processor for a while.
            let document = spawn_blocking(move || json_object(&bytes)).await;
            let document = document.map_err(ServiceError::internal)??;
            audit.names(document.keys());
            Ok(Self { document, place })
        };
        read.await.map_err(|error: ApiError| error.into_response())
    }
}

/// A body that is a JSON object, or no body, which is an empty one.
#[derive(Debug)]
pub(crate) struct OptionalBody(pub(crate) Map<String, Value>);

impl FromRequest<AppState> for OptionalBody {
    type Rejection = Response;

    async fn from_request(request: Request, _: &AppState) -> Result<Self, Response> {
        let audit = request
            .extensions()
            .get::<Audit>()
            .cloned()
            .unwrap_or_default();
        let read = async {
            let is_json = must_be(request.headers(), "application/json");
            let bytes = read(request.into_body(), JSON_BYTES_MAX).await?;
            if bytes.is_empty() {
                return Ok(Self(Map::new()));
            }
            is_json?;
            let object = json_object(&bytes)?;
            audit.names(object.keys());
            Ok(Self(object))
        };
        read.await.map_err(|error: ApiError| error.into_response())
    }
}

/// A body that is a JSON list.
#[derive(Debug)]
pub(crate) struct JsonList(pub(crate) Value);

impl FromRequest<AppState> for JsonList {
    type Rejection = Response;

    async fn from_request(request: Request, _: &AppState) -> Result<Self, Response> {
        let read = async {
            must_be(request.headers(), "application/json")?;
            let bytes = read(request.into_body(), JSON_BYTES_MAX).await?;
            match json(&bytes)? {
                list @ Value::Array(_) => Ok(Self(list)),
                other => Err(invalid(&type_mismatch("array", &other))),
            }
        };
        read.await.map_err(|error: ApiError| error.into_response())
    }
}

fn json_object(bytes: &[u8]) -> Result<Map<String, Value>, ApiError> {
    match json(bytes)? {
        Value::Object(object) => Ok(object),
        other => Err(invalid(&type_mismatch("object", &other))),
    }
}

fn json(bytes: &[u8]) -> Result<Value, ApiError> {
    if bytes.is_empty() {
        return Err(invalid("The body is empty; it must be JSON"));
    }
    let Unambiguous(value) = serde_json::from_slice(bytes).map_err(|error| {
        if error.is_data() {
            return invalid(&error.to_string());
        }
        let (line, column) = (error.line(), error.column());
        invalid(&format!("Invalid JSON at line {line} column {column}"))
    })?;
    Ok(value)
}

fn invalid(what: &str) -> ApiError {
    let message = format!("Payload validation error: '{what}'.");
    ApiError::bad_request("invalid_body", message)
}

/// A body that is a WebAssembly module, no longer than the engine takes.
#[derive(Debug)]
pub(crate) struct ModuleBody(pub(crate) Bytes);

impl FromRequest<AppState> for ModuleBody {
    type Rejection = Response;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Response> {
        let bytes_max = state.services.environment.engine.config().module_bytes_max;
        let read = async {
            must_be(request.headers(), "application/wasm")?;
            read(request.into_body(), bytes_max).await.map(Self)
        };
        read.await.map_err(IntoResponse::into_response)
    }
}

fn must_be(headers: &HeaderMap, expected: &str) -> Result<(), ApiError> {
    let given = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let media_type = given
        .and_then(|given| given.split(';').next())
        .unwrap_or_default()
        .trim();
    if media_type.eq_ignore_ascii_case(expected) {
        return Ok(());
    }
    let message = format!("the Content-Type must be {expected}");
    Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message))
}

/// Reads a body; of one that is too long nothing is kept.
async fn read(mut body: Body, bytes_max: usize) -> Result<Bytes, ApiError> {
    let mut kept = BytesMut::new();
    let mut discarded = None;
    while let Some(frame) = body.frame().await {
        let failed = |_| ApiError::new(StatusCode::BAD_REQUEST, "the body did not arrive");
        let Ok(data) = frame.map_err(failed)?.into_data() else {
            continue;
        };
        match &mut discarded {
            None if kept.len() + data.len() <= bytes_max => kept.extend_from_slice(&data),
            None => {
                discarded = Some(kept.len() + data.len());
                kept = BytesMut::new();
            }
            Some(discarded) => *discarded += data.len(),
        }
        if discarded.is_some_and(|bytes| bytes > bytes_max.saturating_mul(DISCARDED_LIMITS_MAX)) {
            break;
        }
    }
    if discarded.is_none() {
        return Ok(kept.freeze());
    }
    let message = format!("the body has more than {bytes_max} bytes, which is the limit here");
    Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_of_the_limit_is_read_and_one_byte_more_is_not() {
        let body = |bytes: usize| Body::from(vec![0; bytes]);
        assert_eq!(read(body(10), 10).await.unwrap().len(), 10);
        let response = read(body(11), 10).await.unwrap_err().into_response();
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[test]
    fn a_content_type_may_have_parameters_and_any_case() {
        let headers = |value: &'static str| {
            HeaderMap::from_iter([(header::CONTENT_TYPE, http::HeaderValue::from_static(value))])
        };
        for right in ["application/json", "Application/JSON; charset=utf-8"] {
            assert!(must_be(&headers(right), "application/json").is_ok());
        }
        for wrong in ["text/plain", "application/jsonp", ""] {
            assert!(must_be(&headers(wrong), "application/json").is_err());
        }
        assert!(must_be(&HeaderMap::new(), "application/json").is_err());
    }
}
