//! Reading a backup, which may be damaged, cut short, or something else.

use std::{
    fmt,
    io::{self, Read},
};

use aws_lc_rs::{
    digest::{Context, SHA256},
    hmac,
};

use super::{BLOB, BackupHeader, DELETED, END, ENTRY, FORMAT, HEADER, MAGIC};
use crate::MasterKey;

type Result<T> = std::result::Result<T, BackupError>;

/// Why a backup can't be used. Nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// It is something else.
    #[error("it is no backup of this server")]
    NoBackup,
    /// It has another format.
    #[error("it has the format {0}, and this version reads format 1; use the version that made it")]
    OtherFormat(String),
    /// It is sealed with another master key.
    #[error(
        "it needs the master key with the id {needed}, and the one that was given has the id \
         {given}"
    )]
    OtherKey {
        /// The key that it needs.
        needed: String,
        /// The key that there is.
        given: String,
    },
    /// It has no end.
    #[error("it ends in the middle: it was cut short, or making it was broken off")]
    CutShort,
    /// It isn't what was written.
    #[error("it is damaged: its digest is another one; use another copy")]
    Damaged,
    /// It can't be read.
    #[error("it can't be read: {0}")]
    Unreadable(#[source] io::Error),
}

/// One thing in a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A key with its value, or without one; it replaces an earlier one of that key.
    Entry(Vec<u8>, Option<Vec<u8>>),
    /// A blob with its name.
    Blob(String, Vec<u8>),
}

/// Reads a backup piece by piece. What it answers is not proven before its end.
pub struct BackupReader<R> {
    source: R,
    digest: Context,
    header: BackupHeader,
    end: Option<End>,
}

/// What the end says.
struct End {
    digest: Vec<u8>,
    tag: Vec<u8>,
}

impl<R: Read> BackupReader<R> {
    /// Reads the beginning.
    ///
    /// # Errors
    /// When it isn't that of a backup which this version reads.
    pub fn begin(mut source: R) -> Result<Self> {
        let mut digest = Context::new(&SHA256);
        let magic = read_up_to(&mut source, MAGIC.len())?;
        if magic != MAGIC {
            return Err(BackupError::NoBackup);
        }
        let format = read_up_to(&mut source, FORMAT.len())?;
        if format != FORMAT {
            let format = String::from_utf8_lossy(&format);
            return Err(BackupError::OtherFormat(format.trim().to_owned()));
        }
        digest.update(&magic);
        digest.update(&format);
        let (kind, text, _) = read_frame(&mut source, &mut digest)?;
        let header = serde_json::from_slice(&text).ok();
        let header = header.filter(|_| kind == HEADER);
        Ok(Self {
            source,
            digest,
            header: header.ok_or(BackupError::Damaged)?,
            end: None,
        })
    }

    /// What the backup says of itself, which is proven at the end.
    pub fn header(&self) -> &BackupHeader {
        &self.header
    }

    /// The next thing, or nothing at the end, which proves that everything was read as it
    /// was written.
    ///
    /// # Errors
    /// When it is damaged or cut short.
    #[expect(clippy::should_implement_trait, reason = "it can fail, and then ends")]
    pub fn next(&mut self) -> Result<Option<Content>> {
        if self.end.is_some() {
            return Ok(None);
        }
        let before = self.digest.clone();
        let (kind, one, other) = read_frame(&mut self.source, &mut self.digest)?;
        let content = match kind {
            ENTRY => Content::Entry(one, Some(other)),
            DELETED => Content::Entry(one, None),
            BLOB => {
                let name = String::from_utf8(one).map_err(|_| BackupError::Damaged)?;
                let is_hex = name.bytes().all(|byte| byte.is_ascii_hexdigit());
                if name.is_empty() || !is_hex {
                    return Err(BackupError::Damaged);
                }
                Content::Blob(name, other)
            }
            END => {
                let is_whole = before.finish().as_ref() == one.as_slice();
                let is_last = read_up_to(&mut self.source, 1)?.is_empty();
                if !is_whole || !is_last {
                    return Err(BackupError::Damaged);
                }
                self.end = Some(End {
                    digest: one,
                    tag: other,
                });
                return Ok(None);
            }
            _ => return Err(BackupError::Damaged),
        };
        Ok(Some(content))
    }

    /// Asserts, after the end, that a holder of the master key wrote it.
    ///
    /// # Errors
    /// `OtherKey`, or `Damaged` when somebody else wrote it.
    pub fn prove(self, master: &MasterKey) -> Result<()> {
        let given = master.id();
        if self.header.master_key_id != given {
            return Err(BackupError::OtherKey {
                needed: self.header.master_key_id,
                given,
            });
        }
        let End { digest, tag } = self.end.ok_or(BackupError::CutShort)?;
        hmac::verify(&master.backup_key(), &digest, &tag).map_err(|_| BackupError::Damaged)
    }
}

impl<R> fmt::Debug for BackupReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackupReader")
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

fn read_frame(source: &mut impl Read, digest: &mut Context) -> Result<(u8, Vec<u8>, Vec<u8>)> {
    let head = read_exactly(source, 9)?;
    let number = |at: usize| {
        let bytes = head.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        let number = bytes.map(u32::from_be_bytes).unwrap_or_default();
        usize::try_from(number).map_err(|_| BackupError::Damaged)
    };
    let (one, other) = (number(1)?, number(5)?);
    let kind = head.first().copied().unwrap_or_default();
    let one = read_exactly(source, one)?;
    let other = read_exactly(source, other)?;
    digest.update(&head);
    digest.update(&one);
    digest.update(&other);
    Ok((kind, one, other))
}

fn read_exactly(source: &mut impl Read, length: usize) -> Result<Vec<u8>> {
    let bytes = read_up_to(source, length)?;
    if bytes.len() == length {
        Ok(bytes)
    } else {
        Err(BackupError::CutShort)
    }
}

/// Memory grows with what is there, not with what is announced.
fn read_up_to(source: &mut impl Read, length: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(length).map_err(|_| BackupError::Damaged)?;
    let mut limited = source.take(limit);
    limited
        .read_to_end(&mut bytes)
        .map_err(BackupError::Unreadable)?;
    Ok(bytes)
}
