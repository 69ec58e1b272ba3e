//! Why storage could not do something.

use crate::Unwritable;

/// Why storage could not do something.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// Something unique is taken.
    #[error("{what} already exists")]
    Conflict {
        /// What is taken, in words for a caller: `a client with this client_id`.
        what: &'static str,
    },
    /// What was to be changed is not there.
    #[error("{what} does not exist")]
    NotFound {
        /// What is missing, in words for a caller.
        what: &'static str,
    },
    /// What was to be changed has changed since it was read.
    #[error("it was changed by another request in the meantime; read it again and repeat")]
    Changed,
    /// A stored value can't be read: another master key, or damage.
    #[error("the stored value under {key} can't be read: {reason}")]
    Corrupt {
        /// The key in printable form.
        key: String,
        /// What is wrong, without any of the value.
        reason: String,
    },
    /// The master key is not the one that sealed this data.
    #[error("the master key is not the one that this data was sealed with")]
    WrongMasterKey,
    /// Another process has the data folder open.
    #[error("the data folder is in use by another process")]
    InUse,
    /// Nothing can be stored just now. It heals by itself.
    #[error("nothing can be stored: {}: {detail}", why.what())]
    Unwritable {
        /// Why.
        why: Unwritable,
        /// Whether it is unknown if this was stored; else it was not.
        may_be_stored: bool,
        /// The error, for the log.
        detail: String,
    },
    /// The backend failed.
    #[error("the storage backend failed: {0}")]
    Backend(String),
}
