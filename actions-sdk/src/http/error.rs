//! Why a call came to nothing.

use std::fmt;

/// Why an HTTP call came to nothing. A status such as 404 or 500 is an answer, and no
/// error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

/// What kind of reason it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The host doesn't let the Action make this call: because of `allowed_hosts`, of
    /// the address behind the name, or because there were too many. The execution's
    /// report says which, with a remedy.
    Denied,
    /// The request can't be made as it is: its URL, a header, or a body that is no JSON.
    Invalid,
    /// The other side can't be reached, or isn't to be trusted.
    Unreachable,
    /// The other side took too long.
    TimedOut,
    /// The request or the answer is larger than it may be.
    TooLarge,
    /// What came back is no complete answer, or not what was asked for.
    Broken,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// What kind of reason it was.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether the host doesn't let the Action make this call.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        self.kind == ErrorKind::Denied
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
