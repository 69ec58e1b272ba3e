//! Records in sled, the oldest first.
//!
//! ```text
//! meta \0 canary                            proves the master key
//! bundle \0 TIME (8 bytes) TENANT \0 LAST   records of one tenant, sealed together
//! bundles \0 TENANT \0 LAST \0 TIME         TIME, the bundle's size, and FIRST
//! ```
//!
//! A record alone costs sled two insertions, which took a fifth of a token's processor
//! time. So records that come together are stored together, see [`bundles`]. FIRST and
//! LAST are the lowest and the highest execution's identifier in a bundle, by which
//! `bundles` finds those that may have a record. Times are when the last of a bundle's
//! executions ended, big-endian, so that the oldest is the first and new ones go to the
//! end. The index is not sealed: it holds nothing more than its key and the file's size
//! tell anyway.

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
const BUNDLES: &[u8] = b"bundle\0";
const INDEX: &[u8] = b"bundles\0";

/// How many of a tenant's bundles are deleted in one batch.
const REMOVED_AT_ONCE_MAX: usize = 256;

/// How far apart executions of one bundle may have begun, in milliseconds. Who looks for
/// one has to look no further than that.
const BUNDLE_SPAN_MS: u64 = 1_000;

/// The most bytes of one bundle's records, as the queue counts them, unless it is one record:
/// some twenty of ordinary Actions. sled copies what lies beside a value that changes, and
/// reading one record opens all of its bundle.
const BUNDLE_BYTES_MAX: usize = 64 * 1024;

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

    /// A record that is not older than records get. Of several for one execution, the one
    /// that ended last.
    pub(super) fn find(
        &self,
        tenant: &TenantId,
        id: &ExecutionId,
    ) -> Result<Option<ExecutionRecord>> {
        let prefix = [INDEX, tenant.as_str().as_bytes(), b"\0"].concat();
        let began = began_at(id.as_str());
        let mut found: Option<ExecutionRecord> = None;
        let from = [&prefix, id.as_str().as_bytes()].concat();
        for entry in self.tree().range(from..) {
            let (index, place) = entry.map_err(|error| failed(&error))?;
            let Some(name) = index.strip_prefix(prefix.as_slice()) else {
                break;
            };
            let Place { time, first, .. } = Place::read(&index, &place)?;
            let last = last_of(&index, name)?;
            if last != id.as_str().as_bytes() {
                let last_began = std::str::from_utf8(last).ok().and_then(began_at);
                match (began, last_began) {
                    (Some(began), Some(last)) if last <= began + BUNDLE_SPAN_MS => {}
                    (Some(_), None) => continue,
                    _ => break,
                }
            }
            if first.as_slice() > id.as_str().as_bytes() || time < self.oldest_kept() {
                continue;
            }
            let tenant = tenant.as_str().as_bytes();
            let key = bundle_key(&[tenant, b"\0", last].concat(), time);
            let Some(stored) = self.tree().get(&key).map_err(|error| failed(&error))? else {
                continue;
            };
            let records: Vec<ExecutionRecord> = decode(&self.sealer, &key, &stored)?;
            let of_id = records.into_iter().filter(|record| record.id == *id);
            found = found.into_iter().chain(of_id).max_by_key(|it| it.ended_at);
        }
        let oldest_kept = self.oldest_kept();
        Ok(found.filter(|record| time_of(record.ended_at) >= oldest_kept))
    }

    /// Stores records, and lets the oldest go when there are too many.
    pub(super) fn write(&self, group: &[Queued]) -> Result<()> {
        for bundle in bundles(group) {
            self.write_bundle(&bundle)?;
        }
        self.enforce_caps()
    }

    /// The bundle first and then its index entry. A crash between the two leaves a
    /// bundle that nobody finds, until its age removes it. A batch would spare that, and
    /// sled lets nobody read in any of its databases while one is applied: tokens would
    /// wait.
    fn write_bundle(&self, bundle: &[&Queued]) -> Result<()> {
        let (Some(first), Some(last)) = (bundle.first(), bundle.last()) else {
            return Ok(());
        };
        let times = bundle.iter().map(|queued| time_of(queued.record.ended_at));
        let time = times.max().unwrap_or_default();
        let name = name(&last.tenant, &last.record.id);
        let key = bundle_key(&name, time);
        let index = index_key(&name, time);
        let records: Vec<&ExecutionRecord> = bundle.iter().map(|it| it.record.as_ref()).collect();
        let sealed = encode(&self.sealer, &key, &records)?;
        let first = first.record.id.as_str().as_bytes();
        let place = Place {
            time,
            bytes: (key.len() + sealed.len() + index.len() + Place::length(first)) as u64,
            first: first.to_vec(),
        };
        let insert = |key: &[u8], value: Vec<u8>| {
            let inserted = self.tree().insert(key, value);
            inserted.map_err(|error| failed(&error))
        };
        insert(&key, sealed)?;
        self.kept_bytes.fetch_add(place.bytes, Ordering::Relaxed);
        if let Some(replaced) = insert(&index, place.write())? {
            let replaced = Place::read(&index, &replaced)?.bytes;
            self.kept_bytes.fetch_sub(replaced, Ordering::Relaxed);
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
                batch.remove(bundle_key(last_of(&index, name)?, place.time));
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
    /// Not as a batch, for the reason that [`Self::write_bundle`] has.
    fn enforce_caps(&self) -> Result<()> {
        let oldest_kept = self.oldest_kept();
        let remove = |key: &[u8]| self.tree().remove(key).map_err(|error| failed(&error));
        for key in self.tree().scan_prefix(BUNDLES).keys() {
            let key = key.map_err(|error| failed(&error))?;
            let rest = key.get(BUNDLES.len()..).unwrap_or_default();
            let Some((time, name)) = rest.split_first_chunk::<8>() else {
                return Err(damaged(&key));
            };
            let kept_bytes = self.kept_bytes.load(Ordering::Relaxed);
            let is_within_bytes = kept_bytes <= self.limits.kept_bytes_max;
            if is_within_bytes && u64::from_be_bytes(*time) >= oldest_kept {
                break;
            }
            let index = index_key(name, u64::from_be_bytes(*time));
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

/// Where a bundle is, and how much it and its index entry take.
struct Place {
    time: u64,
    bytes: u64,
    /// The lowest identifier in it.
    first: Vec<u8>,
}

impl Place {
    const fn length(first: &[u8]) -> usize {
        16 + first.len()
    }

    fn write(&self) -> Vec<u8> {
        let Self { time, bytes, first } = self;
        [&time.to_be_bytes(), &bytes.to_be_bytes(), first.as_slice()].concat()
    }

    fn read(key: &[u8], stored: &[u8]) -> Result<Self> {
        let parts = stored.split_first_chunk::<8>();
        let parts = parts.and_then(|(time, rest)| Some((time, rest.split_first_chunk::<8>()?)));
        let (time, (bytes, first)) = parts.ok_or_else(|| damaged(key))?;
        Ok(Self {
            time: u64::from_be_bytes(*time),
            bytes: u64::from_be_bytes(*bytes),
            first: first.to_vec(),
        })
    }
}

/// Puts records together that are stored together: of one tenant, of executions that began
/// within [`BUNDLE_SPAN_MS`]. An identifier that doesn't begin with a time is alone. Each
/// bundle is in the order of its identifiers.
fn bundles(group: &[Queued]) -> Vec<Vec<&Queued>> {
    let mut sorted: Vec<&Queued> = group.iter().collect();
    sorted.sort_by(|a, b| (&a.tenant, &a.record.id).cmp(&(&b.tenant, &b.record.id)));
    let mut bundles: Vec<Vec<&Queued>> = Vec::new();
    let mut bytes = 0;
    for queued in sorted {
        match bundles.last_mut() {
            Some(bundle) if belongs(bundle, bytes, queued) => {
                bytes += queued.bytes;
                bundle.push(queued);
            }
            _ => {
                bytes = queued.bytes;
                bundles.push(vec![queued]);
            }
        }
    }
    bundles
}

fn belongs(bundle: &[&Queued], bytes: usize, queued: &Queued) -> bool {
    let Some(first) = bundle.first() else {
        return false;
    };
    let began = |queued: &Queued| began_at(queued.record.id.as_str());
    first.tenant == queued.tenant
        && bytes.saturating_add(queued.bytes) <= BUNDLE_BYTES_MAX
        && began(first)
            .zip(began(queued))
            .is_some_and(|(first, began)| began <= first + BUNDLE_SPAN_MS)
}

/// When the execution of that identifier began, in milliseconds since 1970: its first twelve
/// of 32 hexadecimal digits, as the service makes them.
fn began_at(id: &str) -> Option<u64> {
    let is_hex = id.len() == 32 && id.bytes().all(|digit| digit.is_ascii_hexdigit());
    let time = id.get(..12).filter(|_| is_hex)?;
    u64::from_str_radix(time, 16).ok()
}

/// Milliseconds since 1970; earlier moments count as 1970.
fn time_of(moment: Timestamp) -> u64 {
    u64::try_from(moment.as_millis()).unwrap_or_default()
}

/// A tenant with the last identifier of one of its bundles.
fn name(tenant: &TenantId, last: &ExecutionId) -> Vec<u8> {
    [tenant.as_str().as_bytes(), b"\0", last.as_str().as_bytes()].concat()
}

fn bundle_key(name: &[u8], time: u64) -> Vec<u8> {
    [BUNDLES, &time.to_be_bytes(), name].concat()
}

fn index_key(name: &[u8], time: u64) -> Vec<u8> {
    [INDEX, name, b"\0", &time.to_be_bytes()].concat()
}

/// What stands before `\0 TIME` at the end of an index key.
fn last_of<'a>(index: &[u8], name: &'a [u8]) -> Result<&'a [u8]> {
    let last = name.split_last_chunk::<8>().map(|(last, _)| last);
    let last = last.and_then(|last| last.strip_suffix(b"\0"));
    last.ok_or_else(|| damaged(index))
}

fn damaged(key: &[u8]) -> StorageError {
    StorageError::Corrupt {
        key: key.escape_ascii().to_string(),
        reason: "it has not the length that it should have".into(),
    }
}
