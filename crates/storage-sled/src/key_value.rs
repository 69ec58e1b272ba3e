//! sled as an ordered key-value store.

use async_trait::async_trait;
use claimsmith_storage::{
    StorageError, StorageFigures,
    kv::{Change, Entry, KeyValue, Reader},
};

use crate::{blobs::Blobs, database::SledDatabase, folder::Folder, writer::Writer};

type Result<T> = std::result::Result<T, StorageError>;

/// How much of the database sled keeps in memory: at some hundred bytes a value,
/// tens of thousands of users and clients. sled counts pages, and with 20,000 users
/// written the process had grown by 37 MB; a value that isn't at hand costs about
/// ten microseconds more when the system still has its page.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;

/// The tenants' database. The fields are dropped in this order: the writer ends
/// what waits before the folder is let go.
#[derive(Debug)]
pub(crate) struct SledKeyValue {
    writer: Writer,
    database: SledDatabase,
    blobs: Blobs,
    _folder: Folder,
}

impl SledKeyValue {
    /// Opens the database in a folder. Blocks.
    pub(crate) fn open(folder: Folder) -> Result<Self> {
        let database = folder.open_database(CACHE_BYTES)?;
        let blobs = Blobs::in_folder(folder.subfolder("modules")?);
        let writer = Writer::start(database.clone())
            .map_err(|error| StorageError::Backend(format!("no thread could be made: {error}")))?;
        Ok(Self {
            writer,
            database,
            blobs,
            _folder: folder,
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

    fn figures(&self) -> StorageFigures {
        self.writer.figures()
    }

    fn has_failed(&self) -> bool {
        self.writer.has_failed()
    }
}

impl Reader for SledKeyValue {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.database.get(key)
    }

    fn scan(&self, prefix: &[u8], skip: usize, take: usize) -> Result<Vec<Entry>> {
        self.database.scan(prefix, skip, take)
    }

    fn count(&self, prefix: &[u8]) -> Result<usize> {
        self.database.count(prefix)
    }
}
