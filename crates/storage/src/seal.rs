//! The master key, and the sealing of everything that is stored.

use std::{fmt, sync::Arc};

use aws_lc_rs::{
    aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    hmac,
};
use base64::{
    Engine,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use claimsmith_model::{Random, Secret};

use crate::StorageError;

/// How a sealed value begins: AES-256-GCM-SIV, a nonce of 96 random bits, the
/// ciphertext, the tag.
const ENVELOPE_V1: u8 = 1;
/// A master key has 256 bits.
const KEY_BYTES: usize = 32;

/// The key that everything stored is sealed with. Its `Debug` shows nothing of it.
#[derive(Clone)]
pub struct MasterKey([u8; KEY_BYTES]);

/// A text that is no master key. It tells nothing of the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a master key is 32 bytes, written as 64 hexadecimal digits or as base64")]
pub struct InvalidMasterKey;

impl MasterKey {
    /// Makes a new key.
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = [0; KEY_BYTES];
        random.fill(&mut bytes);
        Self(bytes)
    }

    /// Reads a key from text: 64 hexadecimal digits, or base64 (RFC 4648 section 4
    /// or 5, padded or not) of 32 bytes. White space around it doesn't matter.
    ///
    /// # Errors
    /// [`InvalidMasterKey`] for anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidMasterKey> {
        let text = text.trim();
        let bytes = if text.len() == KEY_BYTES * 2 {
            from_hex(text)
        } else {
            from_base64(text)
        };
        bytes
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or(InvalidMasterKey)
    }

    /// The key as text that [`MasterKey::parse`] reads.
    #[must_use]
    pub fn to_text(&self) -> Secret {
        Secret::new(base64::engine::general_purpose::STANDARD.encode(self.0))
    }

    /// A secret text for one purpose outside storage: always the same for this key,
    /// and nothing of the key can be learnt from it.
    #[must_use]
    pub fn derive_secret(&self, purpose: &str) -> Secret {
        Secret::new(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(self.derive(purpose)))
    }

    /// The key of these bytes.
    pub(crate) fn of_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// A key for one purpose, from which neither this key nor another purpose's
    /// can be computed.
    fn derive(&self, purpose: &str) -> [u8; KEY_BYTES] {
        let mut derived = [0; KEY_BYTES];
        let master = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        derived.copy_from_slice(hmac::sign(&master, purpose.as_bytes()).as_ref());
        derived
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey([secret])")
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    digits?
        .chunks_exact(2)
        .map(|pair| match pair {
            [high, low] => u8::try_from(high * 16 + low).ok(),
            _ => None,
        })
        .collect()
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    [&STANDARD, &URL_SAFE]
        .into_iter()
        .find_map(|alphabet| GeneralPurpose::new(alphabet, config).decode(text).ok())
}

/// Seals stored values, and hides texts that serve as keys. Cheap to clone.
///
/// A value is sealed together with the key that it is stored under, so a value
/// moved to another key can't be opened. What stays visible to a reader of the
/// disk: how many things there are, how large, and their identifiers.
#[derive(Clone)]
pub struct Sealer {
    keys: Arc<Keys>,
}

struct Keys {
    sealing: RandomizedNonceKey,
    hiding: hmac::Key,
}

impl Sealer {
    /// A sealer with keys derived from `master`.
    #[must_use]
    #[expect(clippy::expect_used, reason = "AES-256 takes any key of 32 bytes")]
    pub fn new(master: &MasterKey) -> Self {
        let sealing = master.derive("claimsmith: sealing of stored values");
        let hiding = master.derive("claimsmith: hiding of texts in stored keys");
        Self {
            keys: Arc::new(Keys {
                sealing: RandomizedNonceKey::new(&AES_256_GCM_SIV, &sealing)
                    .expect("a key of 32 bytes"),
                hiding: hmac::Key::new(hmac::HMAC_SHA256, &hiding),
            }),
        }
    }

    /// Seals `value` for storing it under `key`.
    ///
    /// # Errors
    /// `Backend` when the system has no randomness to give.
    pub fn seal(&self, key: &[u8], mut value: Vec<u8>) -> Result<Vec<u8>, StorageError> {
        let nonce = self
            .keys
            .sealing
            .seal_in_place_append_tag(Aad::from(key), &mut value)
            .map_err(|_| StorageError::Backend("a value could not be sealed".into()))?;
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + value.len());
        sealed.push(ENVELOPE_V1);
        sealed.extend_from_slice(nonce.as_ref());
        sealed.append(&mut value);
        Ok(sealed)
    }

    /// Opens what [`Sealer::seal`] sealed for the same key.
    ///
    /// # Errors
    /// `Corrupt` when it was sealed for another key, with another master key, or
    /// has changed since.
    pub fn open(&self, key: &[u8], sealed: &[u8]) -> Result<Vec<u8>, StorageError> {
        let Some((&ENVELOPE_V1, rest)) = sealed.split_first() else {
            return Err(corrupt(key, "it does not begin as a sealed value does"));
        };
        let Some((nonce, ciphertext)) = rest.split_first_chunk::<NONCE_LEN>() else {
            return Err(corrupt(key, "it is too short"));
        };
        let mut value = ciphertext.to_vec();
        let length = self
            .keys
            .sealing
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(key),
                &mut value,
            )
            .map_err(|_| corrupt(key, "it is damaged, or sealed with another master key"))?
            .len();
        value.truncate(length);
        Ok(value)
    }

    /// A text of 32 hexadecimal digits that stands for `parts` in a stored key: the
    /// same for the same parts, and telling nothing of them without the master key.
    #[must_use]
    pub fn hide(&self, parts: &[&str]) -> String {
        let mut context = hmac::Context::with_key(&self.keys.hiding);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        // 128 bits: two texts that meet need 2^64 attempts, and even then it is
        // only a name that seems taken.
        hex(context.sign().as_ref().get(..16).unwrap_or_default())
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer([secret])")
    }
}

/// `bytes` in lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a String can't fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// The error for the value under `key`.
pub(crate) fn corrupt(key: &[u8], reason: impl Into<String>) -> StorageError {
    let key = String::from_utf8_lossy(key).replace('\0', "/");
    StorageError::Corrupt {
        key: key.escape_debug().to_string(),
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(byte: u8) -> Sealer {
        Sealer::new(&MasterKey([byte; 32]))
    }

    #[test]
    fn a_master_key_is_read_from_hexadecimal_and_from_base64() {
        let key = MasterKey([0xfb; 32]);
        let texts = [
            "fb".repeat(32),
            "FB".repeat(32),
            key.to_text().expose().to_owned(),
            format!(" {}\n", key.to_text().expose()),
            key.to_text()
                .expose()
                .replace('+', "-")
                .replace('/', "_")
                .replace('=', ""),
        ];
        for text in texts {
            assert_eq!(MasterKey::parse(&text).unwrap().0, key.0, "{text}");
        }
        for text in [
            "",
            "fb",
            &"fb".repeat(31),
            &"fb".repeat(33),
            &"xy".repeat(32),
            "+/+/",
        ] {
            assert!(MasterKey::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn debug_shows_nothing_of_the_keys() {
        assert_eq!(format!("{:?}", MasterKey([7; 32])), "MasterKey([secret])");
        assert_eq!(format!("{:?}", sealer(7)), "Sealer([secret])");
    }

    #[test]
    fn a_sealed_value_opens_only_under_its_key_and_master_key() {
        let sealed = sealer(1).seal(b"here", b"value".to_vec()).unwrap();
        assert_eq!(sealer(1).open(b"here", &sealed).unwrap(), b"value");
        assert!(sealer(1).open(b"there", &sealed).is_err());
        assert!(sealer(2).open(b"here", &sealed).is_err());
    }

    #[test]
    fn every_flipped_bit_of_a_sealed_value_is_noticed() {
        let sealed = sealer(1).seal(b"key", b"value".to_vec()).unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut damaged = sealed.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let error = sealer(1).open(b"key", &damaged).unwrap_err();
            assert!(
                matches!(error, StorageError::Corrupt { .. }),
                "bit {bit}: {error}"
            );
        }
        for length in 0..sealed.len() {
            assert!(
                sealer(1).open(b"key", &sealed[..length]).is_err(),
                "length {length}"
            );
        }
    }

    #[test]
    fn sealing_the_same_twice_shows_no_likeness() {
        let first = sealer(1).seal(b"key", b"value".to_vec()).unwrap();
        let second = sealer(1).seal(b"key", b"value".to_vec()).unwrap();
        assert_ne!(first, second);
    }

    #[test]
    fn hidden_texts_depend_on_each_part_and_on_the_master_key() {
        let hidden = sealer(1).hide(&["login", "ab", "c"]);
        assert_eq!(hidden, sealer(1).hide(&["login", "ab", "c"]));
        assert_ne!(hidden, sealer(1).hide(&["login", "a", "bc"]));
        assert_ne!(hidden, sealer(2).hide(&["login", "ab", "c"]));
    }

    #[test]
    fn an_error_shows_the_key_in_printable_form() {
        let error = corrupt(b"data\0dev\0user\0a\x07", "it is too short");
        assert_eq!(
            error.to_string(),
            "the stored value under data/dev/user/a\\u{7} can't be read: it is too short"
        );
    }
}
