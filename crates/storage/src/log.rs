//! The log of what happened in tenants.

use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;
use claimsmith_model::{ActionId, ExecutionId, ExecutionRecord, LogClass, TenantEvent, TenantId};
use tokio::sync::watch;

use crate::{ExecutionLogFigures, StorageError};

type Result<T> = std::result::Result<T, StorageError>;

/// What happened in tenants: execution records and events. Kept in the background, capped
/// by bytes and age, and apart from everything else, so that a flood of them can't hold up
/// a token.
///
/// An entry has a position, given when it is taken: greater than that of any entry that is
/// there. Whoever has read up to a position has missed nothing before it.
#[async_trait]
pub trait ExecutionLog: Send + Sync + Debug {
    /// Takes a record. Never waits: when the queue is full the record is dropped
    /// and counted.
    fn record(&self, tenant: &TenantId, record: Arc<ExecutionRecord>);

    /// Takes an event, as [`Self::record`] takes a record.
    fn record_event(&self, tenant: &TenantId, event: Arc<TenantEvent>);

    /// A record, from the moment it was taken.
    async fn execution(
        &self,
        tenant: &TenantId,
        id: &ExecutionId,
    ) -> Result<Option<Arc<ExecutionRecord>>>;

    /// Records in which an Action ran, the newest first; those before a position when it is
    /// given. How many are looked at is bounded: the answer may be short, and says where to
    /// go on.
    async fn executions_of(
        &self,
        tenant: &TenantId,
        action: &ActionId,
        before: Option<u64>,
        take: usize,
    ) -> Result<ExecutionPage>;

    /// Entries of a tenant from the moment they were taken.
    async fn entries(&self, tenant: &TenantId, part: &LogPart) -> Result<Vec<LogEntry>>;

    /// Says that there are new entries: the value changes some time after each was taken.
    fn changes(&self) -> watch::Receiver<u64>;

    /// Deletes all entries of a tenant, those that are still queued too.
    async fn remove_tenant(&self, tenant: &TenantId) -> Result<()>;

    /// What the log does and bears just now. Never waits for a write.
    fn figures(&self) -> ExecutionLogFigures;
}

/// Some of the records in which an Action ran.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ExecutionPage {
    /// The records with their positions.
    pub records: Vec<(u64, Arc<ExecutionRecord>)>,
    /// Before which position to go on; nothing when there are no more.
    pub next: Option<u64>,
}

/// Which entries of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPart {
    /// From where, and in which direction.
    pub order: LogOrder,
    /// Of which classes.
    pub classes: Vec<LogClass>,
    /// How many at most.
    pub take: usize,
}

/// From where entries of a log are read, and in which direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogOrder {
    /// The newest first, of those before a position.
    NewestBefore(u64),
    /// The oldest first, of those after a position.
    OldestAfter(u64),
}

/// An entry of a tenant's log.
#[derive(Debug, Clone, PartialEq)]
pub struct LogEntry {
    /// Where it stands.
    pub position: u64,
    /// What it tells of.
    pub what: Logged,
}

/// What an entry of a log tells of.
#[derive(Debug, Clone, PartialEq)]
pub enum Logged {
    /// The run of a trigger.
    Execution(Arc<ExecutionRecord>),
    /// Something else.
    Event(Arc<TenantEvent>),
}

impl LogOrder {
    /// Whether a position is among those asked for.
    #[must_use]
    pub const fn includes(self, position: u64) -> bool {
        match self {
            Self::NewestBefore(end) => position < end,
            Self::OldestAfter(start) => position > start,
        }
    }
}

impl Logged {
    /// Whose budget it takes.
    #[must_use]
    pub fn class(&self) -> LogClass {
        match self {
            Self::Execution(_) => LogClass::Executions,
            Self::Event(event) => event.log_type.class(),
        }
    }

    /// The record, if it is the run of a trigger with this identifier.
    #[must_use]
    pub fn execution(&self, id: &ExecutionId) -> Option<&Arc<ExecutionRecord>> {
        match self {
            Self::Execution(record) if record.id == *id => Some(record),
            _ => None,
        }
    }
}

impl LogPart {
    /// Puts entries in the order that is asked for, and leaves those that are too many.
    #[must_use]
    pub fn arrange(&self, mut entries: Vec<LogEntry>) -> Vec<LogEntry> {
        entries.sort_by_key(|entry| entry.position);
        entries.dedup_by_key(|entry| entry.position);
        if matches!(self.order, LogOrder::NewestBefore(_)) {
            entries.reverse();
        }
        entries.truncate(self.take);
        entries
    }
}

impl ExecutionPage {
    /// The same, the newest first, each once, and no more than asked for. Where looking
    /// ended early, what is older is left for the next page.
    #[must_use]
    pub fn arrange(mut self, take: usize) -> Self {
        self.records
            .sort_by_key(|(position, _)| std::cmp::Reverse(*position));
        self.records.dedup_by_key(|(position, _)| *position);
        if let Some(end) = self.next {
            self.records.retain(|(position, _)| *position >= end);
        }
        if self.records.len() > take {
            self.records.truncate(take);
            self.next = self.records.last().map(|(position, _)| *position);
        }
        self
    }
}

/// Whether an Action ran in a trigger's run.
#[must_use]
pub fn has_run(record: &ExecutionRecord, action: &ActionId) -> bool {
    record.runs.iter().any(|run| run.action_id == *action)
}
