//! A backup: everything that a store holds, as it was at one moment, in one document.
//!
//! ```text
//! claimsmith backup 1 \n
//! frame, frame, …
//!
//! frame: KIND (1 byte), LENGTH (4), LENGTH (4), two parts of these lengths
//!   h  about the backup, JSON
//!   e  a key and its value, which stand for what an earlier frame says of that key
//!   d  a key that is not there
//!   b  a blob's name and its bytes
//!   z  the SHA-256 of all before, and its HMAC under a key of the master key's
//! ```
//!
//! Numbers are big-endian. Values and blobs are sealed as they are in the store, so a
//! backup tells what the store's files tell, and is worth nothing without the master key.

mod read;
mod write;

use aws_lc_rs::hmac;
use claimsmith_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{MasterKey, seal::hex};

pub use read::{BackupError, BackupReader, Content};
pub(crate) use write::BackupWriter;

const MAGIC: &[u8] = b"claimsmith backup ";
/// The one version of the format that there is.
const FORMAT: &[u8] = b"1\n";

const HEADER: u8 = b'h';
const ENTRY: u8 = b'e';
const DELETED: u8 = b'd';
const BLOB: u8 = b'b';
const END: u8 = b'z';

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupHeader {
    /// When it was begun. What was stored until its end is in it.
    pub began_at: Timestamp,
    /// Which master key it needs, see [`MasterKey::id`].
    pub master_key_id: String,
}

impl MasterKey {
    /// A name for the key that tells nothing of it: 16 hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> String {
        let mut digits = hex(self.sign(b"claimsmith: the key's name").as_ref());
        digits.truncate(16);
        digits
    }

    /// Proves that whoever wrote this had the key.
    fn sign(&self, what: &[u8]) -> hmac::Tag {
        hmac::sign(&self.backup_key(), what)
    }

    fn backup_key(&self) -> hmac::Key {
        let secret = self.derive_secret("claimsmith: backups");
        hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn master(byte: &str) -> MasterKey {
        MasterKey::parse(&byte.repeat(32)).unwrap()
    }

    /// A small backup.
    fn backup() -> Vec<u8> {
        let header = BackupHeader {
            began_at: Timestamp::from_millis(1_790_000_000_000),
            master_key_id: master("ab").id(),
        };
        let mut bytes = Vec::new();
        let mut writer = BackupWriter::new();
        bytes.extend(writer.begin(&header).unwrap());
        bytes.extend(writer.entry(b"key", b"value").unwrap());
        bytes.extend(writer.deleted(b"gone").unwrap());
        bytes.extend(writer.blob("00ff", b"bytes").unwrap());
        bytes.extend(writer.end(&master("ab")).unwrap());
        bytes
    }

    fn read(bytes: &[u8], key: &str) -> Result<Vec<Content>, BackupError> {
        let mut reader = BackupReader::begin(Cursor::new(bytes))?;
        let mut contents = Vec::new();
        while let Some(content) = reader.next()? {
            contents.push(content);
        }
        reader.prove(&master(key))?;
        Ok(contents)
    }

    #[test]
    fn what_was_written_is_read() {
        let expected = [
            Content::Entry(b"key".to_vec(), Some(b"value".to_vec())),
            Content::Entry(b"gone".to_vec(), None),
            Content::Blob("00ff".to_owned(), b"bytes".to_vec()),
        ];
        assert_eq!(read(&backup(), "ab").unwrap(), expected);
    }

    #[test]
    fn a_changed_byte_anywhere_is_noticed() {
        let whole = backup();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            assert!(read(&bytes, "ab").is_err(), "byte {at}");
        }
    }

    #[test]
    fn a_cut_anywhere_and_anything_behind_the_end_is_noticed() {
        let whole = backup();
        for length in 0..whole.len() {
            assert!(read(&whole[..length], "ab").is_err(), "{length} bytes");
        }
        let longer = [whole.as_slice(), b"\n"].concat();
        assert!(matches!(read(&longer, "ab"), Err(BackupError::Damaged)));
    }

    #[test]
    fn another_key_and_another_format_are_named() {
        let error = read(&backup(), "cd").unwrap_err();
        let BackupError::OtherKey { needed, given } = &error else {
            panic!("{error}");
        };
        assert_eq!(needed, &master("ab").id());
        assert_eq!(given, &master("cd").id());

        let mut newer = backup();
        newer[MAGIC.len()] = b'2';
        assert!(matches!(
            read(&newer, "ab"),
            Err(BackupError::OtherFormat(format)) if format == "2"
        ));
        assert!(matches!(
            read(b"something else", "ab"),
            Err(BackupError::NoBackup)
        ));
    }

    #[test]
    fn a_length_that_the_file_has_not_takes_no_memory() {
        let mut bytes = [MAGIC, FORMAT].concat();
        bytes.push(HEADER);
        bytes.extend([0xff; 8]);
        assert!(matches!(read(&bytes, "ab"), Err(BackupError::CutShort)));
    }
}
