//! Writing a backup.

use aws_lc_rs::digest::{Context, SHA256};

use super::{BLOB, BackupHeader, DELETED, END, ENTRY, FORMAT, HEADER, MAGIC};
use crate::{MasterKey, StorageError};

type Result<T> = std::result::Result<T, StorageError>;

/// Makes the pieces of a backup, in their order.
pub(crate) struct BackupWriter {
    digest: Context,
}

impl BackupWriter {
    pub(crate) fn new() -> Self {
        Self {
            digest: Context::new(&SHA256),
        }
    }

    pub(crate) fn begin(&mut self, header: &BackupHeader) -> Result<Vec<u8>> {
        let text = serde_json::to_vec(header).map_err(|error| too_large(&error))?;
        let mut piece = [MAGIC, FORMAT].concat();
        piece.extend(frame(HEADER, &text, b"")?);
        self.digest.update(&piece);
        Ok(piece)
    }

    pub(crate) fn entry(&mut self, key: &[u8], value: &[u8]) -> Result<Vec<u8>> {
        self.piece(ENTRY, key, value)
    }

    pub(crate) fn deleted(&mut self, key: &[u8]) -> Result<Vec<u8>> {
        self.piece(DELETED, key, b"")
    }

    pub(crate) fn blob(&mut self, name: &str, bytes: &[u8]) -> Result<Vec<u8>> {
        self.piece(BLOB, name.as_bytes(), bytes)
    }

    pub(crate) fn end(self, master: &MasterKey) -> Result<Vec<u8>> {
        let digest = self.digest.finish();
        let digest = digest.as_ref();
        frame(END, digest, master.sign(digest).as_ref())
    }

    fn piece(&mut self, kind: u8, one: &[u8], other: &[u8]) -> Result<Vec<u8>> {
        let piece = frame(kind, one, other)?;
        self.digest.update(&piece);
        Ok(piece)
    }
}

fn frame(kind: u8, one: &[u8], other: &[u8]) -> Result<Vec<u8>> {
    let length = |part: &[u8]| u32::try_from(part.len()).map_err(|error| too_large(&error));
    let mut frame = vec![kind];
    frame.extend(length(one)?.to_be_bytes());
    frame.extend(length(other)?.to_be_bytes());
    frame.extend_from_slice(one);
    frame.extend_from_slice(other);
    Ok(frame)
}

fn too_large(error: &dyn std::error::Error) -> StorageError {
    StorageError::Backend(format!("a part of the backup can't be written: {error}"))
}
