//! Why an authorization request gives nothing.

use claimsmith_model::{ExecutionId, GrantType, UserId};
use claimsmith_oauth::ErrorCode;

use crate::token::{Refused, TokenEndpointError};

/// What is told to the user alone, because it isn't known, or not trusted, where the
/// client is. The `Display` texts are for users and the client's developer.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The request can't be read, or lacks what says whom to answer.
    #[error("The application's request is wrong: {0}.")]
    Request(String),
    /// There is no such client.
    #[error("The application's request is wrong: there is no client with its client_id.")]
    UnknownClient,
    /// The redirect URI is not one of the client's. Which one it was is in the log only:
    /// it may be an attacker's.
    #[error(
        "The application's request is wrong: its redirect_uri is not one of the client's \
         callbacks. They are compared as text, to the last character."
    )]
    RedirectUri,
    /// A form came back that this server didn't make, not for this browser, or too long
    /// ago.
    #[error(
        "This page is too old, or was opened in another browser, or the browser keeps no cookies."
    )]
    Expired,
    /// The server failed.
    #[error("The server could not complete the request.")]
    Host(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl PageError {
    /// The OAuth error that it corresponds to.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Request(_) | Self::RedirectUri | Self::Expired => ErrorCode::InvalidRequest,
            Self::UnknownClient => ErrorCode::InvalidClient,
            Self::Host(_) => ErrorCode::ServerError,
        }
    }

    /// What the user can do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Request(_) | Self::UnknownClient | Self::RedirectUri => {
                "Go back to the application. If it happens again, tell whoever looks after it."
            }
            Self::Expired => "Go back to the application and log in from there again.",
            Self::Host(_) => "Try again in a moment.",
        }
    }
}

/// Why the client gets an error. The `Display` texts are for the client's developer.
#[derive(Debug, thiserror::Error)]
pub(super) enum AuthorizeError {
    /// A parameter is missing, repeated or wrong.
    #[error("{0}")]
    InvalidRequest(String),
    /// There is no such response type, or none was asked for.
    #[error(
        "response_type must be code, or for clients with the grant implicit id_token, token, \
         `id_token token`, `code id_token`, `code token` or `code id_token token`"
    )]
    ResponseType,
    /// The client may not have such a response.
    #[error(
        "the client may not use this response_type; add {} to the client's grant_types",
        .0.as_str()
    )]
    GrantNotAllowed(GrantType),
    /// A parameter that stands for others.
    #[error("{0} is not supported; send the request's parameters themselves")]
    Unsupported(&'static str),
    /// Nobody is logged in as the request wants it, and nobody may be asked.
    #[error("the user has to log in")]
    LoginRequired,
    /// The user hasn't agreed, and may not be asked.
    #[error("the user has to agree to what the client asks for")]
    ConsentRequired,
    /// The user said no.
    #[error("the user did not allow it")]
    NotAllowed,
    /// What logins have in common.
    #[error(transparent)]
    Login(TokenEndpointError),
}

impl AuthorizeError {
    pub(super) fn invalid(text: impl Into<String>) -> Self {
        Self::InvalidRequest(text.into())
    }

    /// The OAuth error that the client gets (RFC 6749 section 4.1.2.1).
    pub(super) fn code(&self) -> ErrorCode {
        match self {
            Self::InvalidRequest(_) => ErrorCode::InvalidRequest,
            Self::ResponseType => ErrorCode::UnsupportedResponseType,
            Self::GrantNotAllowed(_) => ErrorCode::UnauthorizedClient,
            Self::Unsupported("request") => ErrorCode::RequestNotSupported,
            Self::Unsupported("registration") => ErrorCode::RegistrationNotSupported,
            Self::Unsupported(_) => ErrorCode::RequestUriNotSupported,
            Self::LoginRequired => ErrorCode::LoginRequired,
            Self::ConsentRequired => ErrorCode::ConsentRequired,
            Self::NotAllowed => ErrorCode::AccessDenied,
            Self::Login(TokenEndpointError::LoginEnded) => ErrorCode::LoginRequired,
            // Codes that belong to the token endpoint alone mean here that this user
            // can't, or not now.
            Self::Login(error) => match error.code() {
                ErrorCode::InvalidGrant => ErrorCode::AccessDenied,
                ErrorCode::TooManyRequests | ErrorCode::TooManyAttempts => {
                    ErrorCode::TemporarilyUnavailable
                }
                code => code,
            },
        }
    }

    /// Whether it only says that a page would have to be shown.
    pub(super) const fn is_a_question(&self) -> bool {
        matches!(self, Self::LoginRequired | Self::ConsentRequired)
    }

    /// Logs the cause of a fault of the server's own, which the client isn't told.
    pub(super) fn log(&self) {
        if let Self::Login(TokenEndpointError::Host(cause)) = self {
            let cause = cause.as_ref();
            tracing::error!(cause, "no authorization response but an error");
        }
    }
}

/// A refusal, with the run of the trigger if one ran.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) error: AuthorizeError,
    pub(super) execution_id: Option<ExecutionId>,
    /// The user whom it was about, as far as that is known; for the log.
    pub(super) user_id: Option<UserId>,
}

impl From<AuthorizeError> for Refusal {
    fn from(error: AuthorizeError) -> Self {
        Self {
            error,
            execution_id: None,
            user_id: None,
        }
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        Self {
            error: AuthorizeError::Login(refused.error),
            execution_id: refused.execution_id,
            user_id: refused.user_id,
        }
    }
}

impl<E: Into<TokenEndpointError>> From<E> for AuthorizeError {
    fn from(error: E) -> Self {
        Self::Login(error.into())
    }
}

impl From<TokenEndpointError> for Refusal {
    fn from(error: TokenEndpointError) -> Self {
        AuthorizeError::Login(error).into()
    }
}

impl From<claimsmith_storage::StorageError> for Refusal {
    fn from(error: claimsmith_storage::StorageError) -> Self {
        TokenEndpointError::from(error).into()
    }
}
