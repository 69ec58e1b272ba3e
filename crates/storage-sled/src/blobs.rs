//! Large values, each in a file of its own.

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use claimsmith_storage::StorageError;

use crate::{disk::refused, folder::sync_folder};

type Result<T> = std::result::Result<T, StorageError>;

/// A folder of blobs. Clones are handles to the same.
#[derive(Debug, Clone)]
pub(crate) struct Blobs {
    folder: Arc<Path>,
}

impl Blobs {
    pub(crate) fn in_folder(folder: PathBuf) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    pub(crate) async fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.run(name, |path| match fs::read(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    /// Stores a blob whole or not at all, and on the disk when it answers.
    pub(crate) async fn write(&self, name: &str, bytes: Vec<u8>) -> Result<()> {
        let folder = Arc::clone(&self.folder);
        self.run(name, move |path| {
            let unfinished = path.with_extension("unfinished");
            let written = || {
                let mut file = fs::File::create(&unfinished)?;
                file.write_all(&bytes)?;
                file.sync_all()?;
                fs::rename(&unfinished, path)?;
                sync_folder(&folder)
            };
            Ok(written().inspect_err(|error| {
                tracing::error!(%error, file = %path.display(), "a module could not be stored");
                // A full disk wants its room back; what stays goes at the next start.
                let _ = fs::remove_file(&unfinished);
            }))
        })
        .await?
        .map_err(|error| refused(&error))
    }

    pub(crate) async fn remove(&self, name: &str) -> Result<()> {
        self.run(name, |path| match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        })
        .await
    }

    /// The names of all files, unfinished ones that a crash left behind too.
    pub(crate) async fn names(&self) -> Result<Vec<String>> {
        self.run("", |folder| {
            fs::read_dir(folder)?
                .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
                .collect()
        })
        .await
    }

    /// Files block, so they are handled where blocking is allowed.
    async fn run<T: Send + 'static>(
        &self,
        name: &str,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T> {
        let path = self.folder.join(name);
        tokio::task::spawn_blocking(move || {
            work(&path).map_err(|error| {
                StorageError::Backend(format!("the file {} failed: {error}", path.display()))
            })
        })
        .await
        .map_err(|_| StorageError::Backend("the server is shutting down".into()))?
    }
}
