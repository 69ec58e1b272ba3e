//! The variable parts of a path.

use axum::{
    extract::{
        FromRequestParts, Path, RawPathParams,
        path::{ErrorKind, FailedToDeserializePathParams},
        rejection::PathRejection,
    },
    response::{IntoResponse, Response},
};
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::error::ApiError;
use crate::AppState;

/// The variable parts of the path, checked.
#[derive(Debug)]
pub(crate) struct At<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<AppState> for At<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Response> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(PathRejection::FailedToDeserializePathParams(failure)) => {
                let names = RawPathParams::from_request_parts(parts, state).await;
                let names = names
                    .as_ref()
                    .map(|names| names.iter().map(|(name, _)| name));
                let names: Vec<_> = names.map(Iterator::collect).unwrap_or_default();
                Err(refusal(failure, &names).into_response())
            }
            Err(rejection) => Err(wrong(&rejection.body_text(), &[]).into_response()),
        }
    }
}

/// `names` are the names of the path's variable parts.
fn refusal(failure: FailedToDeserializePathParams, names: &[&str]) -> ApiError {
    match failure.into_kind() {
        ErrorKind::DeserializeError { key, message, .. } => wrong(&message, &[&key]),
        ErrorKind::InvalidUtf8InPathParam { key } => wrong("It is not UTF-8", &[&key]),
        other => wrong(&other.to_string(), names),
    }
}

/// Of several parts it isn't known which one is wrong.
fn wrong(what: &str, names: &[&str]) -> ApiError {
    let what: String = what.chars().take(WHAT_CHARS_MAX).collect();
    let place = match names {
        [] => String::new(),
        [name] => format!(" on property {name}"),
        names => format!(" on one of the properties {}", names.join(", ")),
    };
    let message = format!("Path validation error: '{what}'{place}.");
    ApiError::bad_request("invalid_uri", message)
}

/// As much of an error as can be read: it may quote what stands in the path.
const WHAT_CHARS_MAX: usize = 300;
