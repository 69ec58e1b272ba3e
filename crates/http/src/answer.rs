//! What answers have in common.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use claimsmith_model::ExecutionId;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use serde_json::json;

use crate::gone;

/// When to come back after a refusal for want of capacity, in seconds: queues of
/// logins and of executions are worked off in about that time.
pub(crate) const RETRY_AFTER: HeaderValue = HeaderValue::from_static("2");

/// Headers of an answer that no cache may keep (RFC 6749 section 5.1).
pub(crate) fn no_store() -> [(HeaderName, &'static str); 2] {
    [
        (header::CACHE_CONTROL, "no-store"),
        (header::PRAGMA, "no-cache"),
    ]
}

/// Names the run of the trigger, whose record the Management API shows.
const EXECUTION_ID: HeaderName = HeaderName::from_static("claimsmith-execution-id");

/// Names the run of the trigger in an answer.
pub(crate) fn set_execution_id(answer: &mut Response, id: &ExecutionId) {
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        answer.headers_mut().insert(EXECUTION_ID, value);
    }
}

/// Marks an answer whose own policy says who may show it in a frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MayBeFramed;

/// Adds the headers that make browsers careful with every answer.
pub(crate) async fn secure(mut response: Response) -> Response {
    let may_be_framed = response.extensions().get::<MayBeFramed>().is_some();
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    // It can't name origins.
    if !may_be_framed {
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    }
    response
}

pub(crate) async fn no_such_path(uri: Uri) -> Response {
    let path: String = uri.path().chars().take(200).collect();
    let message = match gone::instead_of(&path) {
        Some(instead) => format!("{path} {instead}"),
        None => format!("there is nothing at {path}"),
    };
    // In both places where clients of either kind look for it.
    let body = json!({
        "statusCode": 404, "error": "Not Found", "message": message,
        "error_description": message,
    });
    (StatusCode::NOT_FOUND, Json(body)).into_response()
}

pub(crate) async fn method_not_allowed() -> Response {
    let message = "this path has no such method; the Allow header lists those it has";
    error(
        StatusCode::METHOD_NOT_ALLOWED,
        "Method Not Allowed",
        message,
    )
}

pub(crate) fn error(status: StatusCode, name: &str, message: &str) -> Response {
    let body = json!({ "statusCode": status.as_u16(), "error": name, "message": message });
    (status, Json(body)).into_response()
}
