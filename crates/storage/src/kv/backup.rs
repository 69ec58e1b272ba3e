//! Making a backup while others write, and filling an empty store from one.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use claimsmith_model::Timestamp;
use tokio::sync::mpsc;

use super::{Entry, KeyValue, KvStorage, Result, Writes, storage::Shared};
use crate::{
    MasterKey, StorageError,
    backup::{BackupHeader, BackupWriter, Content},
};

/// How many entries are read at once, and how many are restored with one write.
const ENTRIES_AT_ONCE: usize = 500;

/// The backup that is being made, if one is.
#[derive(Debug, Default)]
pub(super) struct Backups {
    /// While one is being made, no blob is removed: one that it has yet to copy might be.
    is_running: AtomicBool,
    /// The keys that were written since it began to read entries.
    changed: Mutex<Option<BTreeSet<Vec<u8>>>>,
}

impl Backups {
    /// Whether blobs have to stay; whoever makes the backup removes them afterwards.
    pub(super) fn keep_blobs(&self) -> bool {
        self.is_running.load(Ordering::SeqCst)
    }

    /// Notes what a change writes.
    pub(super) fn note(&self, writes: &Writes) {
        if let Some(changed) = self.changed().as_mut() {
            changed.extend(writes.keys().cloned());
        }
    }

    fn changed(&self) -> std::sync::MutexGuard<'_, Option<BTreeSet<Vec<u8>>>> {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends a backup, however it ends.
struct Running<'a>(&'a Backups);

impl<'a> Running<'a> {
    fn begin(backups: &'a Backups) -> Result<Self> {
        if backups.is_running.swap(true, Ordering::SeqCst) {
            let what = "a backup that is being made just now";
            return Err(StorageError::Conflict { what });
        }
        Ok(Self(backups))
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        *self.0.changed() = None;
        self.0.is_running.store(false, Ordering::SeqCst);
    }
}

impl<K: KeyValue> KvStorage<K> {
    /// Sends a backup piece by piece. It holds everything as it was at one moment before
    /// its end, and nobody waits for it: entries are read while others write, and those that
    /// were written meanwhile once more in one change at the end.
    ///
    /// # Errors
    /// `Conflict` when another one is being made; `Backend`, also when nobody takes it.
    pub(super) async fn send_backup(
        &self,
        began_at: Timestamp,
        to: &mpsc::Sender<Vec<u8>>,
    ) -> Result<()> {
        let running = Running::begin(&self.shared.backups)?;
        let sent = self.send_pieces(began_at, to).await;
        drop(running);
        // However it ended: those that it has kept from being removed.
        let removed = self.remove_unused_blobs().await;
        sent.and(removed)
    }

    async fn send_pieces(&self, began_at: Timestamp, to: &mpsc::Sender<Vec<u8>>) -> Result<()> {
        let shared = &self.shared;
        // As a change: what changes before it have written can be read when it has answered,
        // and the keys of those after it are noted.
        let backups = Arc::clone(&shared.backups);
        shared
            .kv
            .write(Box::new(move |_| {
                *backups.changed() = Some(BTreeSet::new());
                Ok(Writes::new())
            }))
            .await?;

        let mut writer = BackupWriter::new();
        let header = BackupHeader {
            began_at,
            master_key_id: shared.master.id(),
        };
        send(to, writer.begin(&header)?).await?;
        let mut last = Vec::new();
        loop {
            let entries = self.entries_after(last).await?;
            let Some((key, _)) = entries.last() else {
                break;
            };
            last = key.clone();
            for (key, value) in entries {
                send(to, writer.entry(&key, &value)?).await?;
            }
        }
        for (key, value) in self.changed_meanwhile().await? {
            let piece = match value {
                Some(value) => writer.entry(&key, &value)?,
                None => writer.deleted(&key)?,
            };
            send(to, piece).await?;
        }
        for name in shared.kv.blobs().await? {
            let is_whole = name.bytes().all(|byte| byte.is_ascii_hexdigit());
            // One that isn't there any more was no entry's when this began.
            if is_whole && let Some(bytes) = shared.kv.blob(&name).await? {
                send(to, writer.blob(&name, &bytes)?).await?;
            }
        }
        send(to, writer.end(&shared.master)?).await
    }

    async fn entries_after(&self, last: Vec<u8>) -> Result<Vec<Entry>> {
        let shared = Arc::clone(&self.shared);
        super::storage::blocking(move || shared.kv.entries_after(&last, ENTRIES_AT_ONCE)).await
    }

    /// What was written since the backup began, as it is at one moment.
    async fn changed_meanwhile(&self) -> Result<Vec<(Vec<u8>, Option<Vec<u8>>)>> {
        let (answer, answered) = tokio::sync::oneshot::channel();
        let backups = Arc::clone(&self.shared.backups);
        self.shared
            .kv
            .write(Box::new(move |reader| {
                let changed = backups.changed().take().unwrap_or_default();
                let entries: Result<Vec<_>> = changed
                    .into_iter()
                    .map(|key| {
                        let value = reader.get(&key)?;
                        Ok((key, value))
                    })
                    .collect();
                // Nobody listens any more when the caller has gone away.
                let _ = answer.send(entries?);
                Ok(Writes::new())
            }))
            .await?;
        answered
            .await
            .map_err(|_| StorageError::Backend("a change was not run".into()))
    }

    /// Fills an empty store with what a backup holds, and opens it. `next` answers one
    /// thing after another, which must have been proven to be a backup's.
    ///
    /// # Errors
    /// Those of `next` and of [`open`](Self::open); `Conflict` when the store isn't empty.
    pub async fn restore(
        kv: K,
        master: &MasterKey,
        mut next: impl FnMut() -> Result<Option<Content>>,
    ) -> Result<Self> {
        if !kv.scan(b"", 0, 1)?.is_empty() {
            let what = "data in the store to restore to";
            return Err(StorageError::Conflict { what });
        }
        let mut writes = Writes::new();
        while let Some(content) = next()? {
            match content {
                Content::Entry(key, value) => {
                    writes.insert(key, value);
                }
                Content::Blob(name, bytes) => kv.put_blob(&name, bytes).await?,
            }
            if writes.len() >= ENTRIES_AT_ONCE {
                let writes = std::mem::take(&mut writes);
                kv.write(Box::new(move |_| Ok(writes))).await?;
            }
        }
        kv.write(Box::new(move |_| Ok(writes))).await?;
        Self::open(kv, master).await
    }
}

impl<K: KeyValue> Shared<K> {
    /// Removes a blob that nothing uses any more, now or after the backup that is being made.
    pub(super) async fn remove_blob(&self, name: &str) -> Result<()> {
        if self.backups.keep_blobs() {
            return Ok(());
        }
        self.kv.remove_blob(name).await
    }
}

async fn send(to: &mpsc::Sender<Vec<u8>>, piece: Vec<u8>) -> Result<()> {
    let sent = to.send(piece).await;
    sent.map_err(|_| StorageError::Backend("nobody takes the backup any more".into()))
}
