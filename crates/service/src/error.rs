//! Why an admin's request was not carried out.

use claimsmith_runtime::{Busy, CheckError, ModuleProblem};
use claimsmith_storage::{StorageError, Unwritable};

/// Why an admin's request was not carried out. Every text is for the caller and
/// says what to do; the cause of `Internal` goes to the log instead.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The request asks for something that can't be. `400`.
    #[error("{0}")]
    Invalid(String),
    /// The same, with the reference product's `errorCode`. `400`.
    #[error("{message}")]
    InvalidWithCode {
        /// What is wrong, and where.
        message: String,
        /// The code.
        code: &'static str,
    },
    /// The body is not what the operation takes. `400`.
    #[error("Payload validation error: {}.", problem(what, property))]
    InvalidBody {
        /// What is wrong.
        what: String,
        /// Of which property; empty for the whole.
        property: String,
    },
    /// A part of the body asks for something that can't be. `400`.
    #[error("{place}: {message}")]
    InvalidPart {
        /// Which part.
        place: String,
        /// What is wrong.
        message: String,
        /// The reference product's `errorCode`, where it has one.
        code: Option<&'static str>,
    },
    /// An uploaded module is wrong; nothing was stored. `400`.
    #[error("the module was refused and nothing was stored: {}", list(.0))]
    Module(Vec<ModuleProblem>),
    /// It is not there. `404`.
    #[error("{message}")]
    NotFound {
        /// The text, as the reference product has it.
        message: &'static str,
        /// The reference product's `errorCode`, where it has one.
        code: Option<&'static str>,
    },
    /// It collides with something that is there. `409`.
    #[error("{0}")]
    Conflict(String),
    /// It was changed by somebody else between reading and writing. `409`.
    #[error("it was changed by another request in the meantime; read it again and repeat")]
    Changed,
    /// It isn't any more what the caller's `If-Match` says. `412`.
    #[error("{0}")]
    PreconditionFailed(String),
    /// More than there may be at once. `429`.
    #[error("{0}")]
    TooMany(String),
    /// Too much runs already; nothing was changed. `429` when it is the tenant's own,
    /// `503` when it is the server's.
    #[error("{0}; try again in a moment")]
    Busy(Busy),
    /// Nothing can be stored just now. `507` on a full disk, else `500`.
    #[error("{}", unwritable(*why, *may_be_stored))]
    Unwritable {
        /// Why.
        why: Unwritable,
        /// Whether it is unknown if this was stored; else it was not.
        may_be_stored: bool,
    },
    /// The server failed. `500`, without the cause.
    #[error("the server could not do it")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ServiceError {
    /// The request asks for something that can't be.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid(message.into())
    }

    /// It is not there.
    #[must_use]
    pub const fn not_found(message: &'static str) -> Self {
        Self::NotFound {
            message,
            code: None,
        }
    }

    /// The same error of a part of what came, which `place` names. Whatever is wrong with
    /// the part is wrong with the whole: nothing that it names is missing, or there already,
    /// but for the rest of it.
    pub(crate) fn within(self, place: &str) -> Self {
        let part = |message: String, code| Self::InvalidPart {
            place: place.to_owned(),
            message,
            code,
        };
        match self {
            Self::Invalid(message) | Self::Conflict(message) => part(message, None),
            Self::InvalidWithCode { message, code } => part(message, Some(code)),
            Self::NotFound { message, code } => part(message.to_owned(), code),
            Self::InvalidPart {
                place: inner,
                message,
                code,
            } => Self::InvalidPart {
                place: under(place, &inner),
                message,
                code,
            },
            Self::InvalidBody { what, property } => Self::InvalidBody {
                what,
                property: under(place, &property),
            },
            Self::Module(mut problems) => {
                for problem in &mut problems {
                    problem.message = format!("{place}: {}", problem.message);
                }
                Self::Module(problems)
            }
            other => other,
        }
    }

    /// The server failed.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }
}

/// A problem between quotation marks, as the reference product has it.
pub(crate) fn problem(what: &str, property: &str) -> String {
    if property.is_empty() {
        format!("'{what}'")
    } else {
        format!("'{what}' on property {property}")
    }
}

/// A place within another.
pub(crate) fn under(outer: &str, inner: &str) -> String {
    let dot = if inner.is_empty() || inner.starts_with('[') {
        ""
    } else {
        "."
    };
    format!("{outer}{dot}{inner}")
}

fn list(problems: &[ModuleProblem]) -> String {
    let texts: Vec<_> = problems
        .iter()
        .map(|problem| problem.message.as_str())
        .collect();
    texts.join("; ")
}

fn unwritable(why: Unwritable, may_be_stored: bool) -> String {
    let stored = if may_be_stored {
        "whether this was stored is unknown, so look before you repeat it"
    } else {
        "nothing was stored"
    };
    format!("{}; {stored}; {}", why.what(), why.remedy())
}

impl From<StorageError> for ServiceError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Conflict { what } => Self::Conflict(format!("{what} already exists")),
            StorageError::NotFound { what } => Self::Invalid(format!("{what} does not exist")),
            StorageError::Changed => Self::Changed,
            StorageError::Unwritable {
                why, may_be_stored, ..
            } => Self::Unwritable { why, may_be_stored },
            StorageError::Corrupt { .. }
            | StorageError::WrongMasterKey
            | StorageError::InUse
            | StorageError::Backend(_) => Self::internal(error),
        }
    }
}

impl From<CheckError> for ServiceError {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::Problems(problems) => Self::Module(problems),
            CheckError::Busy(busy) => Self::Busy(busy),
            CheckError::Host(_) => Self::internal(error),
        }
    }
}
