//! Records in sled, the oldest first.
//!
//! ```text
//! meta \0 canary                            proves the master key
//! record \0 TIME (8 bytes) TENANT \0 ID     a record, sealed
//! index \0 TENANT \0 ID                     TIME and the record's size: 16 bytes
//! ```
//!
//! Times are when the execution ended, big-endian, so that the oldest is the first
//! and new ones go to the end. The index is not sealed: it holds nothing more than
//! its key and the file's size tell anyway.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use claimsmith_model::{Clock, ExecutionId, ExecutionRecord, TenantId, Timestamp};
use claimsmith_storage::{
    MasterKey, Sealer, StorageError,
    value::{decode, encode},
};

use super::{ExecutionLogLimits, Result, queue::Queued};
use crate::database::{SledDatabase, failed};

const CANARY_KEY: &[u8] = b"meta\0canary";
const CANARY: &str = "claimsmith executions";
const RECORDS: &[u8] = b"record\0";
const INDEX: &[u8] = b"index\0";

/// How many of a tenant's records are deleted in one batch.
const REMOVED_AT_ONCE_MAX: usize = 256;

/// The records in the database. Clones are handles to the same; one thread writes.
#[derive(Clone)]
pub(super) struct Records {
    database: SledDatabase,
    sealer: Sealer,
    limits: ExecutionLogLimits,
    clock: Arc<dyn Clock>,
    /// What all records and their index entries take, kept in step by the writer.
    kept_bytes: Arc<AtomicU64>,
}

impl Records {
    pub(super) fn open(
        database: SledDatabase,
        master: &MasterKey,
        limits: ExecutionLogLimits,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let kept_bytes = Arc::new(AtomicU64::new(0));
        let records = Self {
            database,
            sealer: Sealer::new(master),
            limits,
            clock,
            kept_bytes,
        };
        records.prove_master_key()?;
        let mut kept = 0;
        for entry in records.tree().scan_prefix(INDEX) {
            let (key, place) = entry.map_err(|error| failed(&error))?;
            kept += Place::read(&key, &place)?.bytes;
        }
        records.kept_bytes.store(kept, Ordering::Relaxed);
        records.enforce_caps()?;
        Ok(records)
    }

    fn prove_master_key(&self) -> Result<()> {
        match self
            .tree()
            .get(CANARY_KEY)
            .map_err(|error| failed(&error))?
        {
            Some(stored) => match decode::<String>(&self.sealer, CANARY_KEY, &stored) {
                Ok(text) if text == CANARY => Ok(()),
                _ => Err(StorageError::WrongMasterKey),
            },
            None => {
                let stored = encode(&self.sealer, CANARY_KEY, &CANARY)?;
                self.tree()
                    .insert(CANARY_KEY, stored)
                    .map_err(|error| failed(&error))?;
                self.flush()
            }
        }
    }

    /// A record that is not older than records get.
    pub(super) fn find(
        &self,
        tenant: &TenantId,
        id: &ExecutionId,
    ) -> Result<Option<ExecutionRecord>> {
        let index = index_key(tenant, id);
        let Some(place) = self.tree().get(&index).map_err(|error| failed(&error))? else {
            return Ok(None);
        };
        let place = Place::read(&index, &place)?;
        if place.time < self.oldest_kept() {
            return Ok(None);
        }
        let key = record_key(place.time, tenant, id);
        let stored = self.tree().get(&key).map_err(|error| failed(&error))?;
        stored
            .map(|stored| decode(&self.sealer, &key, &stored))
            .transpose()
    }

    /// Stores records, and lets the oldest go when there are too many.
    pub(super) fn write(&self, group: &[Queued]) -> Result<()> {
        for queued in group {
            self.write_one(&queued.tenant, &queued.record)?;
        }
        self.enforce_caps()
    }

    /// The record first and then its index entry. A crash between the two leaves a
    /// record that nobody finds, until its age removes it. A batch would spare that, and
    /// sled lets nobody read in any of its databases while one is applied: for each
    /// record, tokens would wait.
    fn write_one(&self, tenant: &TenantId, record: &ExecutionRecord) -> Result<()> {
        let time = time_of(record.ended_at);
        let key = record_key(time, tenant, &record.id);
        let index = index_key(tenant, &record.id);
        let sealed = encode(&self.sealer, &key, record)?;
        let bytes = (key.len() + sealed.len() + index.len() + Place::LENGTH) as u64;
        let insert = |key: &[u8], value| {
            let inserted = self.tree().insert(key, value);
            inserted.map_err(|error| failed(&error))
        };
        insert(&key, sealed)?;
        self.kept_bytes.fetch_add(bytes, Ordering::Relaxed);
        if let Some(replaced) = insert(&index, Place { time, bytes }.write())? {
            let replaced = Place::read(&index, &replaced)?;
            if replaced.time != time {
                let key = record_key(replaced.time, tenant, &record.id);
                self.tree().remove(key).map_err(|error| failed(&error))?;
            }
            self.kept_bytes.fetch_sub(replaced.bytes, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Deletes everything of a tenant.
    pub(super) fn remove_tenant(&self, tenant: &TenantId) -> Result<()> {
        let prefix = [INDEX, tenant.as_str().as_bytes(), b"\0"].concat();
        loop {
            let mut batch = sled::Batch::default();
            let mut removed = (0, 0);
            for entry in self.tree().scan_prefix(&prefix).take(REMOVED_AT_ONCE_MAX) {
                let (index, place) = entry.map_err(|error| failed(&error))?;
                let place = Place::read(&index, &place)?;
                let name = index.get(INDEX.len()..).unwrap_or_default();
                batch.remove([RECORDS, &place.time.to_be_bytes(), name].concat());
                batch.remove(index);
                removed = (removed.0 + 1, removed.1 + place.bytes);
            }
            self.tree()
                .apply_batch(batch)
                .map_err(|error| failed(&error))?;
            self.kept_bytes.fetch_sub(removed.1, Ordering::Relaxed);
            if removed.0 < REMOVED_AT_ONCE_MAX {
                return Ok(());
            }
        }
    }

    pub(super) fn flush(&self) -> Result<()> {
        self.tree()
            .flush()
            .map(|_| ())
            .map_err(|error| failed(&error))
    }

    fn tree(&self) -> &sled::Db {
        &self.database.tree
    }

    /// Deletes from the old end until size and age are within their limits: the index
    /// entry first, so that a crash leaves nothing that is counted and can't be found.
    /// Not as a batch, for the reason that [`Self::write_one`] has.
    fn enforce_caps(&self) -> Result<()> {
        let oldest_kept = self.oldest_kept();
        let remove = |key: &[u8]| self.tree().remove(key).map_err(|error| failed(&error));
        for key in self.tree().scan_prefix(RECORDS).keys() {
            let key = key.map_err(|error| failed(&error))?;
            let rest = key.get(RECORDS.len()..).unwrap_or_default();
            let Some((time, name)) = rest.split_first_chunk::<8>() else {
                return Err(damaged(&key));
            };
            let kept_bytes = self.kept_bytes.load(Ordering::Relaxed);
            let is_within_bytes = kept_bytes <= self.limits.kept_bytes_max;
            if is_within_bytes && u64::from_be_bytes(*time) >= oldest_kept {
                break;
            }
            let index = [INDEX, name].concat();
            if let Some(place) = remove(&index)? {
                let bytes = Place::read(&index, &place)?.bytes;
                self.kept_bytes.fetch_sub(bytes, Ordering::Relaxed);
            }
            remove(&key)?;
        }
        Ok(())
    }

    fn oldest_kept(&self) -> u64 {
        time_of(
            self.clock
                .now()
                .plus_seconds(-i64::from(self.limits.kept_s_max)),
        )
    }
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Where a record is, and how much it and its index entry take.
struct Place {
    time: u64,
    bytes: u64,
}

impl Place {
    const LENGTH: usize = 16;

    fn write(&self) -> Vec<u8> {
        [self.time.to_be_bytes(), self.bytes.to_be_bytes()].concat()
    }

    fn read(key: &[u8], stored: &[u8]) -> Result<Self> {
        let (time, rest) = stored
            .split_first_chunk::<8>()
            .ok_or_else(|| damaged(key))?;
        let bytes: &[u8; 8] = rest.try_into().map_err(|_| damaged(key))?;
        Ok(Self {
            time: u64::from_be_bytes(*time),
            bytes: u64::from_be_bytes(*bytes),
        })
    }
}

/// Milliseconds since 1970; earlier moments count as 1970.
fn time_of(moment: Timestamp) -> u64 {
    u64::try_from(moment.as_millis()).unwrap_or_default()
}

fn record_key(time: u64, tenant: &TenantId, id: &ExecutionId) -> Vec<u8> {
    let name = [tenant.as_str().as_bytes(), b"\0", id.as_str().as_bytes()].concat();
    [RECORDS, &time.to_be_bytes(), &name].concat()
}

fn index_key(tenant: &TenantId, id: &ExecutionId) -> Vec<u8> {
    [
        INDEX,
        tenant.as_str().as_bytes(),
        b"\0",
        id.as_str().as_bytes(),
    ]
    .concat()
}

fn damaged(key: &[u8]) -> StorageError {
    StorageError::Corrupt {
        key: key.escape_ascii().to_string(),
        reason: "it has not the length that it should have".into(),
    }
}
