//! The Management API's errors: `{"statusCode","error","message","errorCode"}`.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use claimsmith_service::{Busy, ServiceError, Unwritable, management::ManagementError};
use http::{HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{answer, observe::AnsweredError};

/// An error as a caller of the Management or platform API gets it.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    message: String,
    code: Option<&'static str>,
    problems: Vec<Problem>,
}

/// One thing that is wrong with an uploaded module.
#[derive(Debug, JsonSchema, Serialize)]
struct Problem {
    code: &'static str,
    message: String,
}

#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Error")]
pub(super) struct Body {
    status_code: u16,
    error: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<Problem>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            code: None,
            problems: Vec::new(),
        }
    }

    pub(crate) fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code: Some(code),
            ..Self::new(StatusCode::BAD_REQUEST, message)
        }
    }

    pub(crate) fn unauthorized(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message)
    }
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        let message = error.to_string();
        match error {
            ServiceError::Invalid(_) => Self::new(StatusCode::BAD_REQUEST, message),
            ServiceError::InvalidWithCode { code, .. } => Self::bad_request(code, message),
            ServiceError::InvalidPart { code, .. } => Self {
                code,
                ..Self::new(StatusCode::BAD_REQUEST, message)
            },
            ServiceError::InvalidBody { .. } => Self::bad_request("invalid_body", message),
            ServiceError::Module(problems) => {
                let problems = problems
                    .into_iter()
                    .map(|problem| Problem {
                        code: problem.code,
                        message: problem.message,
                    })
                    .collect();
                Self {
                    problems,
                    ..Self::bad_request("invalid_module", message)
                }
            }
            ServiceError::NotFound { code, .. } => Self {
                code,
                ..Self::new(StatusCode::NOT_FOUND, message)
            },
            ServiceError::Conflict(_) | ServiceError::Changed => {
                Self::new(StatusCode::CONFLICT, message)
            }
            ServiceError::PreconditionFailed(_) => {
                Self::new(StatusCode::PRECONDITION_FAILED, message)
            }
            ServiceError::TooMany(_) | ServiceError::Busy(Busy::Share) => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, message)
            }
            ServiceError::Busy(Busy::Server | Busy::Compiler) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, message)
            }
            ServiceError::Unwritable { why, .. } => Self::new(status_of(why), message),
            ServiceError::Internal(cause) => {
                tracing::error!(?cause, "a request to the Management API failed");
                Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "An internal server error occurred",
                )
            }
        }
    }
}

/// 507 tells a full disk from a fault of the server (RFC 4918 section 11.5).
const fn status_of(why: Unwritable) -> StatusCode {
    match why {
        Unwritable::Full => StatusCode::INSUFFICIENT_STORAGE,
        Unwritable::ReadOnly | Unwritable::Failing => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<ManagementError> for ApiError {
    fn from(error: ManagementError) -> Self {
        match error {
            ManagementError::Host(error) => error.into(),
            ManagementError::InsufficientScope(_) => Self {
                code: Some("insufficient_scope"),
                ..Self::new(StatusCode::FORBIDDEN, error.to_string())
            },
            ManagementError::TooManyRequests(_) => Self {
                code: Some("too_many_requests"),
                ..Self::new(StatusCode::TOO_MANY_REQUESTS, error.to_string())
            },
            ManagementError::MissingAuthentication
            | ManagementError::InvalidToken
            | ManagementError::InvalidSignature
            | ManagementError::ExpiredToken => Self::unauthorized(&error.to_string()),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = Body {
            status_code: self.status.as_u16(),
            error: self.status.canonical_reason().unwrap_or("Error"),
            message: self.message,
            error_code: self.code,
            problems: self.problems,
        };
        let mut response = (self.status, answer::no_store(), Json(body)).into_response();
        if let Some(code) = self.code {
            response.extensions_mut().insert(AnsweredError(code));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 6750 section 3.
            let challenge = HeaderValue::from_static("Bearer");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, challenge);
        }
        if matches!(
            self.status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
        ) {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, answer::RETRY_AFTER);
        }
        response
    }
}
