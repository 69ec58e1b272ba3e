//! sled as an ordered key-value store.

use std::sync::Arc;

use async_trait::async_trait;
use claimsmith_storage::{
    StorageError, StorageFigures,
    kv::{Change, Entry, KeyValue, Reader},
};

use crate::{
    blobs::Blobs, database::SledDatabase, folder::Folder, reopenable::Reopenable, writer::Writer,
};

type Result<T> = std::result::Result<T, StorageError>;

/// How much of the database sled keeps in memory: at some hundred bytes a value,
/// tens of thousands of users and clients. sled counts pages, and with 20,000 users
/// written the process had grown by 37 MB; a value that isn't at hand costs about
/// ten microseconds more when the system still has its page.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;

/// How much of the disk stays free: what one group of changes makes sled write, several
/// times over.
const KEPT_FREE_BYTES: u64 = 16 * 1024 * 1024;

/// The tenants' database. The fields are dropped in this order: the writer ends
/// what waits before the folder is let go.
#[derive(Debug)]
pub(crate) struct SledKeyValue {
    writer: Writer,
    database: Arc<Reopenable<SledDatabase>>,
    blobs: Blobs,
    _folder: Folder,
}

impl SledKeyValue {
    /// Opens the database in a folder. Blocks.
    pub(crate) fn open(folder: Folder) -> Result<Self> {
        let disk = folder.disk(KEPT_FREE_BYTES);
        let open = folder.logged_database_opener(CACHE_BYTES)?;
        let (database, log) = open()?;
        let database = Arc::new(Reopenable::new(database));
        let blobs = Blobs::in_folder(folder.subfolder("modules")?);
        let writer = Writer::start(Arc::clone(&database), log, disk, open)
            .map_err(|error| StorageError::Backend(format!("no thread could be made: {error}")))?;
        Ok(Self {
            writer,
            database,
            blobs,
            _folder: folder,
        })
    }
}

impl SledKeyValue {
    /// Reads. sled may refuse that as well after a write has failed; the reason is then that.
    fn read<T>(&self, read: impl FnOnce(&SledDatabase) -> Result<T>) -> Result<T> {
        let result = self.database.with(read);
        result.map_err(|error| match (error, self.writer.unwritable()) {
            (StorageError::Backend(detail), Some(why)) => StorageError::Unwritable {
                why,
                may_be_stored: false,
                detail,
            },
            (error, _) => error,
        })
    }
}

#[async_trait]
impl KeyValue for SledKeyValue {
    async fn write(&self, change: Change) -> Result<()> {
        self.writer.write(change).await
    }

    async fn blob(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.blobs.read(name).await
    }

    async fn put_blob(&self, name: &str, bytes: Vec<u8>) -> Result<()> {
        self.blobs.write(name, bytes).await
    }

    async fn remove_blob(&self, name: &str) -> Result<()> {
        self.blobs.remove(name).await
    }

    async fn blobs(&self) -> Result<Vec<String>> {
        self.blobs.names().await
    }

    fn entries_after(&self, key: &[u8], take: usize) -> Result<Vec<Entry>> {
        self.read(|database| database.entries_after(key, take))
    }

    fn figures(&self) -> StorageFigures {
        self.writer.figures()
    }

    fn has_failed(&self) -> bool {
        self.writer.has_failed()
    }
}

impl Reader for SledKeyValue {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.read(|database| database.get(key))
    }

    fn scan(&self, prefix: &[u8], skip: usize, take: usize) -> Result<Vec<Entry>> {
        self.read(|database| database.scan(prefix, skip, take))
    }

    fn count(&self, prefix: &[u8]) -> Result<usize> {
        self.read(|database| database.count(prefix))
    }
}
