//! What storage tells an operator of itself.

use claimsmith_model::Distribution;

use crate::Unwritable;

/// What the store of the tenants' data does and bears just now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StorageFigures {
    /// Changes that wait to be written.
    pub queued: u64,
    /// Why nothing can be stored just now, if so.
    pub unwritable: Option<Unwritable>,
    /// How many changes were written together, each time.
    pub group_sizes: Distribution,
    /// How long putting such a group on the disk took, in nanoseconds.
    pub flush_ns: Distribution,
}

/// What the execution log does and bears just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExecutionLogFigures {
    /// Records that wait to be written.
    pub queued_records: u64,
    /// How much memory those take, roughly, in bytes.
    pub queued_bytes: u64,
    /// Records written since the start.
    pub written: u64,
    /// Records dropped since the start: the queue was full, or they could not be
    /// written.
    pub dropped: u64,
    /// Whether the last attempt to write failed.
    pub failed: bool,
}
