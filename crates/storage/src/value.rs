//! The stored form of a value: sealed, and in it a schema version and JSON.

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Sealer, StorageError,
    seal::{corrupt, hex},
};

/// The first byte of every value. A later version of the server that writes
/// another shape counts it up and still reads the earlier ones.
const SCHEMA_VERSION: u8 = 1;

/// `value` as it is stored under `key`.
///
/// # Errors
/// `Backend` when the value has no form in JSON, or the system no randomness.
pub fn encode<T: Serialize>(
    sealer: &Sealer,
    key: &[u8],
    value: &T,
) -> Result<Vec<u8>, StorageError> {
    let mut bytes = vec![SCHEMA_VERSION];
    serde_json::to_writer(&mut bytes, value)
        .map_err(|error| StorageError::Backend(format!("a value has no stored form: {error}")))?;
    sealer.seal(key, bytes)
}

/// The value that `stored`, found under `key`, is.
///
/// # Errors
/// `Corrupt`, with a reason that shows nothing of the value.
pub fn decode<T: DeserializeOwned>(
    sealer: &Sealer,
    key: &[u8],
    stored: &[u8],
) -> Result<T, StorageError> {
    let bytes = sealer.open(key, stored)?;
    let (&version, json) = bytes
        .split_first()
        .ok_or_else(|| corrupt(key, "there is nothing in it"))?;
    if version != SCHEMA_VERSION {
        let reason = format!(
            "it has schema version {version} and this server knows {SCHEMA_VERSION}; \
             a newer version of the server wrote it"
        );
        return Err(corrupt(key, reason));
    }
    serde_json::from_slice(json).map_err(|error| {
        // serde_json quotes offending values; its category and place don't.
        let reason = format!(
            "{:?} error in its JSON at line {} column {}",
            error.classify(),
            error.line(),
            error.column()
        );
        corrupt(key, reason)
    })
}

/// SHA-256 of `bytes` in lower-case hexadecimal.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MasterKey;

    fn sealer() -> Sealer {
        Sealer::new(&MasterKey::parse(&"ab".repeat(32)).unwrap())
    }

    #[test]
    fn a_value_reads_back_as_it_was_written() {
        let stored = encode(&sealer(), b"key", &vec![1, 2, 3]).unwrap();
        assert_eq!(
            decode::<Vec<u8>>(&sealer(), b"key", &stored).unwrap(),
            [1, 2, 3]
        );
    }

    #[test]
    fn a_value_of_a_later_schema_is_refused_with_its_version() {
        let stored = sealer().seal(b"key", b"\x02[]".to_vec()).unwrap();
        let error = decode::<Vec<u8>>(&sealer(), b"key", &stored).unwrap_err();
        assert!(error.to_string().contains("schema version 2"), "{error}");
    }

    #[test]
    fn an_unreadable_value_is_reported_without_any_of_it() {
        let stored = sealer().seal(b"key", b"\x01\"hunter2\"".to_vec()).unwrap();
        let error = decode::<u64>(&sealer(), b"key", &stored).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
