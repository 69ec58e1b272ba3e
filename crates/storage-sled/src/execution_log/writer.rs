//! What writes entries, and opens their database anew after a failed write.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use claimsmith_model::TenantId;
use claimsmith_storage::StorageError;

use super::{
    Result,
    queue::Queued,
    records::{AllKept, Records},
};
use crate::{disk::Disk, reopenable::Reopenable};

/// How often it is tried whether a disk takes writes again.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// Opens the entries: what is kept of them, and the last position that was given.
type Open = Box<dyn Fn() -> Result<(Records, AllKept, u64)> + Send>;

/// What writes entries. Those that come while nothing can be written are lost: records
/// never hold up tokens, and memory has an end.
pub(super) struct Writer {
    records: Arc<Reopenable<Records>>,
    kept: AllKept,
    disk: Disk,
    open: Open,
    /// When a write failed, or opening was tried after one.
    failed_at: Option<Instant>,
}

impl Writer {
    /// Writes to `records`, on `disk`; `open` opens them anew.
    pub(super) fn new(
        records: Arc<Reopenable<Records>>,
        kept: AllKept,
        disk: Disk,
        open: Open,
    ) -> Self {
        Self {
            records,
            kept,
            disk,
            open,
            failed_at: None,
        }
    }

    /// Stores entries, and lets the oldest go when there are too many.
    pub(super) fn write(&mut self, group: &[Queued]) -> Result<()> {
        self.run(|records, kept| records.write(kept, group))
    }

    /// Deletes everything of a tenant, from the disk too.
    pub(super) fn remove_tenant(&mut self, tenant: &TenantId) -> Result<()> {
        self.run(|records, kept| {
            records.remove_tenant(kept, tenant)?;
            records.flush()
        })
    }

    /// Puts what was written on the disk, as far as a killed process is concerned; when
    /// nothing could be written the last time, finds out whether it can now.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.run(|records, _| records.flush())
    }

    fn run(&mut self, write: impl FnOnce(&Records, &mut AllKept) -> Result<()>) -> Result<()> {
        self.put_right()?;
        self.disk.look()?;
        let kept = &mut self.kept;
        let result = self.records.with(|records| write(records, kept));
        if let Err(StorageError::Unwritable { .. }) = result {
            self.failed_at = Some(Instant::now());
        }
        result
    }

    /// Opens the database anew after a failed write, when it is time to try that.
    fn put_right(&mut self) -> Result<()> {
        let Some(failed_at) = self.failed_at else {
            return Ok(());
        };
        if failed_at.elapsed() < TRY_AGAIN {
            return Err(StorageError::Backend(
                "an earlier write failed, and opening the database anew is not due yet".into(),
            ));
        }
        self.failed_at = Some(Instant::now());
        let probe = self.disk.probe()?;
        let kept = &mut self.kept;
        self.records.reopen(|| {
            // Its room is for what opening writes.
            drop(probe);
            let (records, now_kept, _) = (self.open)()?;
            *kept = now_kept;
            Ok(records)
        })?;
        self.failed_at = None;
        tracing::info!("execution records are written again");
        Ok(())
    }
}
