#[cfg(target_arch = "wasm32")]
use crate::bindings::claimsmith::actions::credentials_exchange_access as contract;
use crate::host::{Host, call};

/// Refusing the login.
#[derive(Debug)]
pub struct LoginAccess<'a>(pub(crate) &'a Host);

impl LoginAccess<'_> {
    /// Refuses the login. The rest of this Action runs and its metadata changes
    /// are kept; later Actions don't run and no token is issued.
    ///
    /// The client gets `access_denied` with `reason`, cut at 1,024 characters:
    /// write it for the person who logs in. Of several calls the first stands.
    pub fn deny(&mut self, reason: impl AsRef<str>) {
        call!(self.0, post_login_access::deny(reason.as_ref()));
    }
}

/// Refusing the client credentials exchange.
#[derive(Debug)]
pub struct ExchangeAccess<'a>(pub(crate) &'a Host);

impl ExchangeAccess<'_> {
    /// Refuses the exchange. The rest of this Action runs; later Actions don't,
    /// and no token is issued.
    ///
    /// The client gets `code` with `reason`, cut at 1,024 characters. Of several
    /// calls the first stands.
    pub fn deny(&mut self, code: DenialCode, reason: impl AsRef<str>) {
        call!(
            self.0,
            credentials_exchange_access::deny(code.of_contract(), Some(reason.as_ref()))
        );
    }

    /// Refuses the exchange as [`deny`](Self::deny) does, without a reason.
    pub fn deny_without_reason(&mut self, code: DenialCode) {
        call!(
            self.0,
            credentials_exchange_access::deny(code.of_contract(), None)
        );
    }
}

/// The OAuth error (RFC 6749 section 5.2) that a refused client gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DenialCode {
    /// `invalid_scope`: the scope asked for is not to be had.
    InvalidScope,
    /// `invalid_request`: the request lacks something or holds too much.
    InvalidRequest,
    /// `server_error`: it can't be done now, through no fault of the client.
    ServerError,
}

impl DenialCode {
    /// The code as OAuth writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidScope => "invalid_scope",
            Self::InvalidRequest => "invalid_request",
            Self::ServerError => "server_error",
        }
    }

    #[cfg(target_arch = "wasm32")]
    const fn of_contract(self) -> contract::DenialCode {
        match self {
            Self::InvalidScope => contract::DenialCode::InvalidScope,
            Self::InvalidRequest => contract::DenialCode::InvalidRequest,
            Self::ServerError => contract::DenialCode::ServerError,
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    const fn of_contract(self) -> Self {
        self
    }
}
