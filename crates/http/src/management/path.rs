//! The variable parts of a path.

use axum::{
    extract::{FromRequestParts, Path},
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
            Err(rejection) => {
                let what: String = rejection.body_text().chars().take(300).collect();
                let message = format!("Path validation error: '{what}'.");
                Err(ApiError::bad_request("invalid_uri", message).into_response())
            }
        }
    }
}
