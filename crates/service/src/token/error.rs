//! Why the token endpoint refused.

use std::sync::Arc;

use claimsmith_model::{Client, ClientId, Denial, DenialCode, ExecutionId, GrantType, UserId};
use claimsmith_oauth::{ErrorBody, ErrorCode};
use claimsmith_runtime::Busy;
use claimsmith_storage::{StorageError, Unwritable};

use crate::{ServiceError, TooManyAttempts, connection::LoginError, password::VerifyError};

/// Why the token endpoint refused. The `Display` texts are for clients.
#[derive(Debug, thiserror::Error)]
pub enum TokenEndpointError {
    /// The request lacks something or is wrong.
    #[error("{0}")]
    InvalidRequest(String),
    /// The client didn't prove who it is. One text for all reasons: which of them it
    /// was is nobody's business.
    #[error("the client is unknown or its credentials are wrong")]
    InvalidClient,
    /// The client's assertion says something wrong, although the client signed it.
    #[error("the client's assertion is refused: {0}")]
    InvalidAssertion(&'static str),
    /// No client authentication was included, which RFC 6749 section 5.2 calls
    /// `invalid_client` too.
    #[error(
        "the parameter client_id is missing: give client_id and client_secret in the body, or in \
         the header Authorization: Basic, or a client_assertion"
    )]
    NoClientAuthentication,
    /// The client may not use the grant.
    #[error("the client may not use the grant {}; add it to the client's grant_types", grant.as_str())]
    GrantNotAllowed {
        /// The grant.
        grant: GrantType,
    },
    /// A public client asked for tokens of its own.
    #[error(
        "a client without authentication (token_endpoint_auth_method none) can't use \
         client_credentials: give it client_secret_post, client_secret_basic or private_key_jwt"
    )]
    PublicClient,
    /// The grant isn't one of this server's.
    #[error(
        "`{0}` isn't a grant of this server; there are authorization_code, client_credentials, \
         password, http://auth0.com/oauth/grant-type/password-realm and refresh_token"
    )]
    UnsupportedGrant(String),
    /// The audience isn't an API of the tenant.
    #[error("there is no API with the identifier `{0}`: create the resource server first")]
    UnknownAudience(String),
    /// `audience` and `resource` don't name one API.
    #[error("{0}")]
    InvalidTarget(String),
    /// The client has no grant for the audience.
    #[error("the client has no client grant for `{0}`: create one with the scopes it may have")]
    NoClientGrant(String),
    /// A wrong password.
    #[error("Wrong email, user name or password.")]
    WrongPassword,
    /// There is no such user. The same text as for a wrong password, after the same work:
    /// only the tenant's log tells them apart.
    #[error("Wrong email, user name or password.")]
    UnknownUser,
    /// Too many logins failed already. The same text for a user whom there is not.
    #[error(transparent)]
    TooManyAttempts(#[from] TooManyAttempts),
    /// An authorization code that is unknown, has ended, was redeemed, or is another
    /// client's. One text for all.
    #[error(
        "the authorization code is unknown, has ended, was used already or is another client's; \
         the user must log in again"
    )]
    InvalidCode,
    /// A code that the request doesn't fit, although it is this client's.
    #[error("{0}")]
    CodeMismatch(&'static str),
    /// A refresh token that is unknown, has ended, was replaced or revoked, or is another
    /// client's. One text for all.
    ///
    /// It begins with the words by which the reference product's library for single-page
    /// applications knows that it is to ask in a hidden frame instead.
    #[error(
        "invalid refresh token: it is unknown, has ended or was revoked; the user must log in again"
    )]
    InvalidRefreshToken,
    /// What a code or a refresh token stands for can't be had any more.
    #[error("{0}; the user must log in again")]
    NoLonger(String),
    /// A client asked to revoke another one's token.
    #[error("the token is another client's")]
    ForeignToken,
    /// A JWT, which is good until it ends.
    #[error(
        "a signed access token can't be revoked, it is good until it ends: revoke the refresh token"
    )]
    NotRevocable,
    /// A scope that can't be had.
    #[error("{0}")]
    InvalidScope(String),
    /// The connection is not for this client's users.
    #[error(
        "the client is not enabled on the connection `{0}`: add it to the connection's \
         enabled_clients"
    )]
    ClientNotEnabled(String),
    /// The user can't log in.
    #[error("the user is blocked")]
    UserBlocked,
    /// What the user proved isn't worth anything any more.
    #[error(
        "the login has ended meanwhile: the user has logged out or been blocked, or there is a \
         new password; the user must log in again"
    )]
    LoginEnded,
    /// The organization is not the user's.
    #[error("{0}")]
    Organization(String),
    /// An Action denied.
    #[error("{}", .0.reason)]
    Denied(Denial),
    /// An Action failed. The client learns nothing of how.
    #[error("the login or exchange could not be completed; execution {0}")]
    ActionFailed(ExecutionId),
    /// A claim was refused, and the tenant wants no token then.
    #[error("a claim that an Action set was refused; see execution {0}")]
    ClaimRefused(ExecutionId),
    /// More is asked of the server than it can answer soon.
    #[error("the server has too much to do; try again in a moment")]
    Busy,
    /// The tenant's own Actions take all the places that it may have.
    #[error("{}; try again in a moment", Busy::Share)]
    TenantBusy,
    /// What goes with a token can't be stored just now.
    #[error("{}, and what goes with this request can't be stored; try again later", .0.what())]
    Unwritable(Unwritable),
    /// The server failed. The client learns nothing of how.
    #[error("the server could not complete the request")]
    Host(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl TokenEndpointError {
    pub(super) fn missing(parameter: &str) -> Self {
        Self::InvalidRequest(format!("the parameter {parameter} is missing"))
    }

    /// The OAuth error that the client gets.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::InvalidRequest(_) => ErrorCode::InvalidRequest,
            Self::InvalidClient | Self::InvalidAssertion(_) | Self::NoClientAuthentication => {
                ErrorCode::InvalidClient
            }
            Self::GrantNotAllowed { .. }
            | Self::PublicClient
            | Self::NoClientGrant(_)
            | Self::ClientNotEnabled(_) => ErrorCode::UnauthorizedClient,
            Self::UnsupportedGrant(_) => ErrorCode::UnsupportedGrantType,
            Self::UnknownAudience(_) | Self::InvalidTarget(_) => ErrorCode::InvalidTarget,
            Self::WrongPassword
            | Self::UnknownUser
            | Self::UserBlocked
            | Self::LoginEnded
            | Self::NoLonger(_)
            | Self::InvalidCode
            | Self::CodeMismatch(_)
            | Self::InvalidRefreshToken
            | Self::ForeignToken => ErrorCode::InvalidGrant,
            Self::NotRevocable => ErrorCode::UnsupportedTokenType,
            Self::InvalidScope(_) => ErrorCode::InvalidScope,
            Self::Organization(_) | Self::ActionFailed(_) | Self::ClaimRefused(_) => {
                ErrorCode::AccessDenied
            }
            Self::Denied(denial) => match denial.code {
                DenialCode::AccessDenied => ErrorCode::AccessDenied,
                DenialCode::InvalidScope => ErrorCode::InvalidScope,
                DenialCode::InvalidRequest => ErrorCode::InvalidRequest,
                DenialCode::ServerError => ErrorCode::ServerError,
            },
            Self::Busy => ErrorCode::TemporarilyUnavailable,
            Self::TenantBusy => ErrorCode::TooManyRequests,
            Self::TooManyAttempts(_) => ErrorCode::TooManyAttempts,
            Self::Unwritable(_) | Self::Host(_) => ErrorCode::ServerError,
        }
    }

    /// Whether somebody at the login page may try again, with another password or later.
    pub(crate) const fn may_be_tried_again(&self) -> bool {
        matches!(
            self,
            Self::WrongPassword
                | Self::UnknownUser
                | Self::TooManyAttempts(_)
                | Self::Busy
                | Self::TenantBusy
        )
    }

    /// Whether the server couldn't find out what it was asked, rather than refuse it.
    pub(super) fn is_servers(&self) -> bool {
        matches!(
            self.code(),
            ErrorCode::ServerError | ErrorCode::TemporarilyUnavailable | ErrorCode::TooManyRequests
        )
    }

    /// The answer's body.
    #[must_use]
    pub fn body(&self) -> ErrorBody {
        ErrorBody::new(self.code(), &self.to_string())
    }
}

/// The server's fault unless it is busy: what those errors call invalid is what was stored, not
/// what the client sent.
impl From<ServiceError> for TokenEndpointError {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Busy(Busy::Share) => Self::TenantBusy,
            ServiceError::Busy(Busy::Server | Busy::Compiler) => Self::Busy,
            ServiceError::Unwritable { why, .. } => Self::Unwritable(why),
            error => Self::Host(Box::new(error)),
        }
    }
}

impl From<VerifyError> for TokenEndpointError {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Busy => Self::Busy,
            VerifyError::Failed(error) => error.into(),
        }
    }
}

impl From<StorageError> for TokenEndpointError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Unwritable { why, .. } => Self::Unwritable(why),
            error => Self::Host(Box::new(error)),
        }
    }
}

/// A refusal, with the run of the trigger if one ran.
#[derive(Debug)]
pub struct Refused {
    /// Why.
    pub error: TokenEndpointError,
    /// The run of the trigger, whose record says more.
    pub execution_id: Option<ExecutionId>,
    /// The client that asked, once it has proven who it is.
    pub client: Option<Arc<Client>>,
    /// Whom the caller said to be in the body, when it has proven nothing.
    pub claimed_client_id: Option<ClientId>,
    /// The user whom it was about, as far as that is known; for the log.
    pub user_id: Option<UserId>,
}

impl<E: Into<TokenEndpointError>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self {
            error: error.into(),
            execution_id: None,
            client: None,
            claimed_client_id: None,
            user_id: None,
        }
    }
}

/// What the client is told must not tell a wrong password from an unknown user.
impl From<LoginError> for Refused {
    fn from(error: LoginError) -> Self {
        let (error, execution_id, user_id) = match error {
            LoginError::ClientNotEnabled { connection } => {
                (TokenEndpointError::ClientNotEnabled(connection), None, None)
            }
            LoginError::WrongPassword {
                execution_id,
                user_id,
            } => (TokenEndpointError::WrongPassword, execution_id, user_id),
            LoginError::UnknownUser { execution_id } => {
                (TokenEndpointError::UnknownUser, execution_id, None)
            }
            LoginError::UserBlocked {
                execution_id,
                user_id,
            } => (TokenEndpointError::UserBlocked, execution_id, Some(user_id)),
            LoginError::ScriptFailed(id) => {
                (TokenEndpointError::ActionFailed(id.clone()), Some(id), None)
            }
            LoginError::ScriptNotRun(id) => {
                let error = TokenEndpointError::Host("a script could not be run".into());
                (error, Some(id), None)
            }
            LoginError::TooManyAttempts(error) => (error.into(), None, None),
            LoginError::Verify(error) => (error.into(), None, None),
            LoginError::Server(error) => (error.into(), None, None),
        };
        Self {
            execution_id,
            user_id,
            ..error.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_can_not_tell_a_wrong_password_from_an_unknown_user() {
        let told = |error: LoginError| Refused::from(error).error.body();
        let wrong = LoginError::WrongPassword {
            execution_id: None,
            user_id: Some("auth0|ada".parse().unwrap()),
        };
        let unknown = LoginError::UnknownUser { execution_id: None };
        assert_eq!(told(wrong), told(unknown));
    }

    #[test]
    fn what_is_missing_in_storage_is_no_fault_of_the_client() {
        let missing = ServiceError::from(StorageError::NotFound { what: "the tenant" });

        let body = TokenEndpointError::from(missing).body();

        assert_eq!(body.error(), ErrorCode::ServerError);
        assert!(!body.error_description().contains("tenant"), "{body:?}");
    }
}
