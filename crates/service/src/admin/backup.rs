//! A backup of all tenants, for the server's operator.

use claimsmith_storage::StorageError;
use tokio::{sync::mpsc, task::JoinHandle};

use crate::{ServiceError, Services};

/// How many pieces wait for a caller who reads slowly; then the backup waits.
const PIECES_MAX: usize = 64;
/// How much is handed over at once, unless one value is larger.
const CHUNK_BYTES: usize = 64 * 1024;

/// A backup that is being made.
#[derive(Debug)]
pub struct Backup {
    /// Its beginning, which isn't handed over yet.
    first: Option<Vec<u8>>,
    pieces: mpsc::Receiver<Vec<u8>>,
    making: JoinHandle<Result<(), StorageError>>,
}

impl Backup {
    /// Begins one. Others read and write meanwhile.
    ///
    /// # Errors
    /// `Conflict` when another one is being made.
    pub async fn begin(services: &Services) -> Result<Self, ServiceError> {
        let (to, pieces) = mpsc::channel(PIECES_MAX);
        let began_at = services.environment.clock.now();
        let storage = services.environment.storage.clone();
        let mut backup = Self {
            first: None,
            pieces,
            making: tokio::spawn(async move { storage.back_up(began_at, to).await }),
        };
        // What can't begin has no first piece, and is still an answer of its own.
        backup.first = backup.next().await?;
        Ok(backup)
    }

    /// The next part, or nothing after the last.
    ///
    /// # Errors
    /// When the rest can't be made; the backup then has no end.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, ServiceError> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        let Some(mut part) = self.pieces.recv().await else {
            let made = (&mut self.making).await.map_err(ServiceError::internal)?;
            return made.map(|()| None).map_err(ServiceError::from);
        };
        while part.len() < CHUNK_BYTES
            && let Ok(piece) = self.pieces.try_recv()
        {
            part.extend(piece);
        }
        Ok(Some(part))
    }
}
