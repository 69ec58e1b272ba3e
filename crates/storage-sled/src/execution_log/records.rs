//! Entries in sled, by class and tenant, the oldest first.
//!
//! ```text
//! meta \0 canary                        proves the master key
//! TENANT \0 LAST (8)                    entries of one class, sealed together
//! CLASS (1 byte) TENANT \0 LAST (8)     what is in the bundle, see `Place`
//! ```
//!
//! The bundles of each class are a tree of their own, and so are the places: sled rewrites
//! neighbours with what changes, and pages of more than 128 KiB are files of their own.
//! Bundles of records are large, so nothing small is written among them.
//!
//! An entry alone costs sled two insertions, which took a fifth of a token's processor
//! time. So entries that come together are stored together, see [`bundles`]. LAST is the
//! position of a bundle's last entry, big-endian, so that new bundles of a tenant go to the
//! end and the oldest is the first. Places are not sealed: they hold nothing more than their
//! keys and the file's size tell anyway, identifiers, and of the Actions that ran tags that
//! say nothing without the master key.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    ops::Range,
    sync::Arc,
};

use claimsmith_model::{
    ActionId, Clock, ExecutionId, ExecutionRecord, LogClass, TenantEvent, TenantId,
};
use claimsmith_storage::{
    ExecutionPage, LogEntry, LogOrder, LogPart, Logged, MasterKey, Sealer, StorageError, has_run,
    value::{decode, encode},
};

use super::{ExecutionLogLimits, Result, place::Place, position_of, queue::Queued};
use crate::database::{SledDatabase, failed, unwritten};

const CANARY_KEY: &[u8] = b"meta\0canary";
const CANARY: &str = "claimsmith executions";

/// How many of a tenant's bundles are deleted in one batch.
const REMOVED_AT_ONCE_MAX: usize = 256;

/// The most bytes of one bundle's entries, as the queue counts them, unless it is one entry:
/// some twenty records of ordinary Actions. sled copies what lies beside a value that
/// changes, and reading one entry opens all of its bundle.
const BUNDLE_BYTES_MAX: usize = 64 * 1024;

/// How many places one search for an Action's records looks at: some tenths of a second on
/// a slow machine.
const SEARCHED_MAX: usize = 100_000;

/// How long after its beginning a record may have been taken, in microseconds: longer than
/// a login or an exchange can last.
const TAKEN_AFTER_US: u64 = 10 * 60 * 1_000_000;
/// How long before its beginning, by a clock that was set back meanwhile.
const TAKEN_BEFORE_US: u64 = 60 * 1_000_000;

/// The entries in the database.
pub(super) struct Records {
    database: SledDatabase,
    /// The bundles, in the order of [`LogClass::ALL`].
    bundles: [sled::Tree; LogClass::ALL.len()],
    places: sled::Tree,
    sealer: Sealer,
    limits: ExecutionLogLimits,
    clock: Arc<dyn Clock>,
}

/// What is kept of all classes, as the one who writes must know it.
#[derive(Debug, Default)]
pub(super) struct AllKept(HashMap<LogClass, Kept>);

/// What writes the entries.
struct Writer<'a> {
    records: &'a Records,
    kept: &'a mut AllKept,
}

/// What is kept of one class.
#[derive(Debug, Default)]
struct Kept {
    /// What all bundles and their places take.
    bytes: u64,
    /// Of each tenant the position of its oldest bundle.
    oldest: BTreeSet<(u64, TenantId)>,
    tenants: HashMap<TenantId, u64>,
}

impl Records {
    /// Opens the entries; answers what is kept of them, and the last position that was given.
    pub(super) fn open(
        database: SledDatabase,
        master: &MasterKey,
        limits: ExecutionLogLimits,
        clock: Arc<dyn Clock>,
    ) -> Result<(Self, AllKept, u64)> {
        let tree = |name: &str| {
            let opened = database.tree.open_tree(name);
            opened.map_err(|error| failed(&error))
        };
        let records = Self {
            bundles: [tree("executions")?, tree("requests")?, tree("changes")?],
            places: tree("places")?,
            database,
            sealer: Sealer::new(master),
            limits,
            clock,
        };
        records.prove_master_key()?;
        let mut kept = AllKept::default();
        let mut last = 0;
        for entry in &records.places {
            let (key, place) = entry.map_err(|error| failed(&error))?;
            let (class, tenant, position) = place_name(&key)?;
            let place = Place::read(&place).ok_or_else(|| damaged(&key))?;
            last = last.max(position);
            let of_class = kept.0.entry(class).or_default();
            of_class.add(&tenant, position, place.bytes);
        }
        records.writer(&mut kept).enforce_caps()?;
        Ok((records, kept, last))
    }

    fn prove_master_key(&self) -> Result<()> {
        match self
            .database
            .tree
            .get(CANARY_KEY)
            .map_err(|error| failed(&error))?
        {
            Some(stored) => match decode::<String>(&self.sealer, CANARY_KEY, &stored) {
                Ok(text) if text == CANARY => Ok(()),
                _ => Err(StorageError::WrongMasterKey),
            },
            None => {
                let stored = encode(&self.sealer, CANARY_KEY, &CANARY)?;
                self.database
                    .tree
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
    ) -> Result<Option<Arc<ExecutionRecord>>> {
        // After its beginning first, where it is unless the clock was set back.
        let (after, before) = match began_at_us(id.as_str()) {
            Some(began) => (
                began..began.saturating_add(TAKEN_AFTER_US),
                began.saturating_sub(TAKEN_BEFORE_US)..began,
            ),
            None => (0..u64::MAX, 0..0),
        };
        match self.find_within(tenant, id, after)? {
            Some(found) => Ok(Some(found)),
            None => self.find_within(tenant, id, before),
        }
    }

    /// A record in one of the bundles that end within `positions`.
    fn find_within(
        &self,
        tenant: &TenantId,
        id: &ExecutionId,
        positions: Range<u64>,
    ) -> Result<Option<Arc<ExecutionRecord>>> {
        let class = LogClass::Executions;
        let range =
            place_key(class, tenant, positions.start)..place_key(class, tenant, positions.end);
        for entry in self.places.range(range) {
            let (at, place) = entry.map_err(|error| failed(&error))?;
            let (_, _, last) = place_name(&at)?;
            let place = Place::read(&place).ok_or_else(|| damaged(&at))?;
            if !place.may_have(id) {
                continue;
            }
            let bundle = self.read_bundle(class, tenant, last)?;
            let found = bundle.iter().find_map(|entry| entry.what.execution(id));
            if let Some(found) = found {
                return Ok(Some(Arc::clone(found)));
            }
        }
        Ok(None)
    }

    /// The records before a position in which an Action ran, the newest first.
    pub(super) fn executions_of(
        &self,
        tenant: &TenantId,
        action: &ActionId,
        before: u64,
        take: usize,
    ) -> Result<ExecutionPage> {
        let class = LogClass::Executions;
        let tag = Place::tag(&self.sealer, action);
        let mut page = ExecutionPage::default();
        let oldest = self.oldest_kept(class);
        let lasts = self.bundles_before(class, tenant, before, oldest)?;
        for (searched, last) in lasts.enumerate() {
            let last = last?;
            if searched >= SEARCHED_MAX {
                page.next = Some(last.saturating_add(1));
                break;
            }
            let at = place_key(class, tenant, last);
            let Some(place) = self.places.get(&at).map_err(|error| failed(&error))? else {
                continue;
            };
            let place = Place::read(&place).ok_or_else(|| damaged(&at))?;
            if !place.tags.contains(&tag) {
                continue;
            }
            for entry in self.read_bundle(class, tenant, last)?.into_iter().rev() {
                if let Logged::Execution(record) = entry.what
                    && entry.position < before
                    && has_run(&record, action)
                {
                    page.records.push((entry.position, record));
                }
            }
            // One more than asked for tells that there are more.
            if page.records.len() > take {
                break;
            }
        }
        Ok(page)
    }

    /// The entries asked for that are at `newest` or before.
    pub(super) fn entries(
        &self,
        tenant: &TenantId,
        part: &LogPart,
        newest: u64,
    ) -> Result<Vec<LogEntry>> {
        let mut found = Vec::new();
        for class in &part.classes {
            let oldest = self.oldest_kept(*class);
            let lasts: Box<dyn Iterator<Item = Result<u64>>> = match part.order {
                LogOrder::NewestBefore(end) => {
                    let end = end.min(newest.saturating_add(1));
                    Box::new(self.bundles_before(*class, tenant, end, oldest)?)
                }
                LogOrder::OldestAfter(after) => {
                    let start = oldest.max(after.saturating_add(1));
                    Box::new(self.bundles(*class, tenant, start..u64::MAX))
                }
            };
            let begun = found.len();
            for last in lasts {
                let bundle = self.read_bundle(*class, tenant, last?)?;
                found.extend(bundle.into_iter().filter(|entry| {
                    part.order.includes(entry.position)
                        && (oldest..=newest).contains(&entry.position)
                }));
                if found.len() - begun >= part.take {
                    break;
                }
            }
        }
        Ok(found)
    }

    /// The bundles whose last position is in a range, the oldest first.
    fn bundles(
        &self,
        class: LogClass,
        tenant: &TenantId,
        positions: Range<u64>,
    ) -> impl DoubleEndedIterator<Item = Result<u64>> + use<> {
        let range = bundle_key(tenant, positions.start)..bundle_key(tenant, positions.end);
        let keys = self.bundles_of(class).range(range).keys();
        keys.map(|key| {
            let key = key.map_err(|error| failed(&error))?;
            position_in(&key)
        })
    }

    /// The bundles that may have entries from `oldest` to before `end`, the newest first:
    /// the first one that ends later may begin earlier.
    fn bundles_before(
        &self,
        class: LogClass,
        tenant: &TenantId,
        end: u64,
        oldest: u64,
    ) -> Result<impl Iterator<Item = Result<u64>> + use<>> {
        let across = self.bundles(class, tenant, end..u64::MAX).next();
        let across = across.transpose()?;
        let before = self.bundles(class, tenant, oldest..end.max(oldest)).rev();
        Ok(across.map(Ok).into_iter().chain(before))
    }

    /// What is in a bundle; nothing when it was removed meanwhile.
    fn read_bundle(&self, class: LogClass, tenant: &TenantId, last: u64) -> Result<Vec<LogEntry>> {
        let at = bundle_key(tenant, last);
        let stored = self.bundles_of(class).get(&at);
        let Some(stored) = stored.map_err(|error| failed(&error))? else {
            return Ok(Vec::new());
        };
        let oldest = self.oldest_kept(class);
        let entry = |position, what| LogEntry { position, what };
        let entries: Vec<LogEntry> = match class {
            LogClass::Executions => {
                let records: Vec<(u64, ExecutionRecord)> = decode(&self.sealer, &at, &stored)?;
                let records = records.into_iter();
                records
                    .map(|(position, record)| entry(position, Logged::Execution(Arc::new(record))))
                    .collect()
            }
            LogClass::Requests | LogClass::Changes => {
                let events: Vec<(u64, TenantEvent)> = decode(&self.sealer, &at, &stored)?;
                let events = events.into_iter();
                events
                    .map(|(position, event)| entry(position, Logged::Event(Arc::new(event))))
                    .collect()
            }
        };
        let is_kept = |entry: &LogEntry| entry.position >= oldest;
        Ok(entries.into_iter().filter(is_kept).collect())
    }

    const fn writer<'a>(&'a self, kept: &'a mut AllKept) -> Writer<'a> {
        Writer {
            records: self,
            kept,
        }
    }

    /// Stores entries, and lets the oldest go when there are too many.
    pub(super) fn write(&self, kept: &mut AllKept, group: &[Queued]) -> Result<()> {
        let mut writer = self.writer(kept);
        for bundle in bundles(group) {
            writer.write_bundle(&bundle)?;
        }
        writer.enforce_caps()
    }

    /// Deletes everything of a tenant.
    pub(super) fn remove_tenant(&self, kept: &mut AllKept, tenant: &TenantId) -> Result<()> {
        self.writer(kept).remove_tenant(tenant)
    }

    /// Puts what was written on the disk, as far as a killed process is concerned.
    pub(super) fn flush(&self) -> Result<()> {
        let flushed = self.database.tree.flush();
        flushed.map(|_| ()).map_err(|error| unwritten(&error))
    }

    fn bundles_of(&self, class: LogClass) -> &sled::Tree {
        let [executions, requests, changes] = &self.bundles;
        match class {
            LogClass::Executions => executions,
            LogClass::Requests => requests,
            LogClass::Changes => changes,
        }
    }

    /// The first position that is kept of a class.
    fn oldest_kept(&self, class: LogClass) -> u64 {
        let kept_s_max = self.limits.of_class(class).s_max;
        position_of(self.clock.now().plus_seconds(-i64::from(kept_s_max)))
    }
}

impl Writer<'_> {
    /// The bundle first and then its place. A crash between the two leaves a bundle in which
    /// no record is found by its identifier, until its age removes it. A batch would spare
    /// that, and sled lets nobody read in any of its databases while one is applied: tokens
    /// would wait.
    fn write_bundle(&mut self, bundle: &[&Queued]) -> Result<()> {
        let Some(last) = bundle.last() else {
            return Ok(());
        };
        let (class, tenant, position) = (last.what.class(), &last.tenant, last.position);
        let at = bundle_key(tenant, position);
        let sealer = &self.records.sealer;
        let mut records: Vec<(u64, &ExecutionRecord)> = Vec::new();
        let mut events: Vec<(u64, &TenantEvent)> = Vec::new();
        for queued in bundle {
            match &queued.what {
                Logged::Execution(record) => records.push((queued.position, record)),
                Logged::Event(event) => events.push((queued.position, event)),
            }
        }
        let sealed = match class {
            LogClass::Executions => encode(sealer, &at, &records)?,
            LogClass::Requests | LogClass::Changes => encode(sealer, &at, &events)?,
        };
        let mut place = Place::of(sealer, records.iter().map(|(_, record)| *record));
        let place_at = place_key(class, tenant, position);
        place.bytes = (at.len() + sealed.len() + place_at.len() + place.length()) as u64;
        let inserted = self.records.bundles_of(class).insert(at, sealed);
        inserted.map_err(|error| unwritten(&error))?;
        let inserted = self.records.places.insert(place_at, place.write());
        inserted.map_err(|error| unwritten(&error))?;
        let kept = self.kept.0.entry(class).or_default();
        kept.add(tenant, position, place.bytes);
        Ok(())
    }

    fn remove_tenant(&mut self, tenant: &TenantId) -> Result<()> {
        for class in LogClass::ALL {
            let prefix = [tenant.as_str().as_bytes(), b"\0"].concat();
            let (bundles, places) = (self.records.bundles_of(class), &self.records.places);
            let kept = self.kept.0.entry(class).or_default();
            loop {
                let (mut gone, mut places_gone) = (sled::Batch::default(), sled::Batch::default());
                let mut removed = 0;
                for at in bundles
                    .scan_prefix(&prefix)
                    .keys()
                    .take(REMOVED_AT_ONCE_MAX)
                {
                    let at = at.map_err(|error| failed(&error))?;
                    let place_at = place_key(class, tenant, position_in(&at)?);
                    if let Some(place) = places.get(&place_at).map_err(|error| failed(&error))? {
                        let place = Place::read(&place).ok_or_else(|| damaged(&place_at))?;
                        kept.bytes = kept.bytes.saturating_sub(place.bytes);
                    }
                    places_gone.remove(place_at);
                    gone.remove(at);
                    removed += 1;
                }
                for (tree, batch) in [(places, places_gone), (bundles, gone)] {
                    tree.apply_batch(batch).map_err(|error| unwritten(&error))?;
                }
                if removed < REMOVED_AT_ONCE_MAX {
                    break;
                }
            }
            kept.forget(tenant);
        }
        Ok(())
    }

    fn enforce_caps(&mut self) -> Result<()> {
        for class in LogClass::ALL {
            self.enforce_cap(class)?;
        }
        Ok(())
    }

    /// Deletes bundles from the old end until size and age of a class are within their
    /// limits: the place first, so that a crash leaves nothing that is counted and isn't
    /// there. Not as a batch, for the reason that [`Self::write_bundle`] has.
    fn enforce_cap(&mut self, class: LogClass) -> Result<()> {
        let Self { records, kept } = self;
        let Some(kept) = kept.0.get_mut(&class) else {
            return Ok(());
        };
        let bytes_max = records.limits.of_class(class).bytes_max;
        let oldest_kept = records.oldest_kept(class);
        let remove = |tree: &sled::Tree, key: &[u8]| {
            let removed = tree.remove(key);
            removed.map_err(|error| unwritten(&error))
        };
        while let Some((oldest, tenant)) = kept.oldest.first().cloned() {
            if kept.bytes <= bytes_max && oldest >= oldest_kept {
                break;
            }
            let place_at = place_key(class, &tenant, oldest);
            if let Some(place) = remove(&records.places, &place_at)? {
                let place = Place::read(&place).ok_or_else(|| damaged(&place_at))?;
                kept.bytes = kept.bytes.saturating_sub(place.bytes);
            }
            remove(records.bundles_of(class), &bundle_key(&tenant, oldest))?;
            let next = records.bundles(class, &tenant, 0..u64::MAX).next();
            match next.transpose()? {
                Some(next) => kept.set_oldest(&tenant, next),
                None => kept.forget(&tenant),
            }
        }
        Ok(())
    }
}

impl Kept {
    fn add(&mut self, tenant: &TenantId, position: u64, bytes: u64) {
        self.bytes += bytes;
        let oldest = self.tenants.get(tenant);
        if oldest.is_none_or(|oldest| position < *oldest) {
            self.set_oldest(tenant, position);
        }
    }

    fn set_oldest(&mut self, tenant: &TenantId, position: u64) {
        self.forget(tenant);
        self.tenants.insert(tenant.clone(), position);
        self.oldest.insert((position, tenant.clone()));
    }

    fn forget(&mut self, tenant: &TenantId) {
        if let Some(before) = self.tenants.remove(tenant) {
            self.oldest.remove(&(before, tenant.clone()));
        }
    }
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Puts entries together that are stored together: of one class and tenant, in their order.
fn bundles(group: &[Queued]) -> Vec<Vec<&Queued>> {
    let mut sorted: Vec<&Queued> = group.iter().collect();
    // Stable: within a tenant and class they stay in the order of their positions.
    sorted.sort_by(|a, b| {
        let of = |queued: &Queued| (queued.what.class(), queued.tenant.clone());
        of(a).cmp(&of(b))
    });
    let mut bundles: Vec<Vec<&Queued>> = Vec::new();
    let mut bytes = 0;
    for queued in sorted {
        let fits = |bundle: &&mut Vec<&Queued>| {
            bundle.first().is_some_and(|first| {
                first.what.class() == queued.what.class()
                    && first.tenant == queued.tenant
                    && bytes + queued.bytes <= BUNDLE_BYTES_MAX
            })
        };
        match bundles.last_mut().filter(fits) {
            Some(bundle) => {
                bytes += queued.bytes;
                bundle.push(queued);
            }
            None => {
                bytes = queued.bytes;
                bundles.push(vec![queued]);
            }
        }
    }
    bundles
}

/// When the execution of that identifier began, in microseconds since 1970: its first twelve
/// of 32 hexadecimal digits are milliseconds, as the service makes them.
fn began_at_us(id: &str) -> Option<u64> {
    let is_hex = id.len() == 32 && id.bytes().all(|digit| digit.is_ascii_hexdigit());
    let time = id.get(..12).filter(|_| is_hex)?;
    u64::from_str_radix(time, 16).ok()?.checked_mul(1_000)
}

const fn class_byte(class: LogClass) -> u8 {
    match class {
        LogClass::Executions => b'x',
        LogClass::Requests => b'r',
        LogClass::Changes => b'c',
    }
}

fn bundle_key(tenant: &TenantId, position: u64) -> Vec<u8> {
    let tenant = tenant.as_str().as_bytes();
    [tenant, b"\0", &position.to_be_bytes()].concat()
}

fn place_key(class: LogClass, tenant: &TenantId, position: u64) -> Vec<u8> {
    [
        &[class_byte(class)],
        bundle_key(tenant, position).as_slice(),
    ]
    .concat()
}

/// The position at the end of a key.
fn position_in(key: &[u8]) -> Result<u64> {
    let position = key.last_chunk::<8>().ok_or_else(|| damaged(key))?;
    Ok(u64::from_be_bytes(*position))
}

/// What the key of a place is made of.
fn place_name(key: &[u8]) -> Result<(LogClass, TenantId, u64)> {
    let read = || {
        let (name, position) = key.split_last_chunk::<8>()?;
        let (class, tenant) = name.split_first()?;
        let class = LogClass::ALL
            .into_iter()
            .find(|it| class_byte(*it) == *class)?;
        let tenant = std::str::from_utf8(tenant).ok()?.strip_suffix('\0')?;
        Some((class, tenant.parse().ok()?, u64::from_be_bytes(*position)))
    };
    read().ok_or_else(|| damaged(key))
}

fn damaged(key: &[u8]) -> StorageError {
    StorageError::Corrupt {
        key: key.escape_ascii().to_string(),
        reason: "it has not the form that it should have".into(),
    }
}
