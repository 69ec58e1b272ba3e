//! Making keys.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use claimsmith_model::{KeyUse, Secret, SigningAlgorithm, StoredKey, Timestamp};

use crate::{KeyError, certificate::self_signed, private_key::PrivateKey, public_key::thumbprint};

/// Makes a new current key, of which nothing has been signed yet, with a certificate.
/// Its `kid` is the RFC 7638 thumbprint of its public half, so it is the same wherever
/// the key is read.
///
/// Chance comes from the operating system. An RSA key takes tens to hundreds of
/// milliseconds: call this off the async threads.
///
/// # Errors
/// For HS256, which has no key pair; and when no key could be made.
pub fn generate(algorithm: SigningAlgorithm, now: Timestamp) -> Result<StoredKey, KeyError> {
    let failed = || KeyError::Generation(algorithm);
    let key = PrivateKey::generate(algorithm)
        .ok_or(KeyError::NoKeyPairForHs256)?
        .map_err(|_| failed())?;
    let pkcs8 = key.to_pkcs8().map_err(|_| failed())?;
    let kid = thumbprint(&key.public_half())?;
    Ok(StoredKey {
        certificate: Some(self_signed(algorithm, &pkcs8, &kid, now)?),
        id: kid.parse().map_err(|_| failed())?,
        algorithm,
        private_key: Secret::new(STANDARD.encode(pkcs8)),
        key_use: KeyUse::Current,
        created_at: now,
        current_since: Some(now),
        current_until: None,
        revoked_at: None,
        token_lifetime_s_max: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_is_another_and_debug_shows_nothing_of_it() {
        let now = Timestamp::from_millis(1_790_000_000_000);
        let first = generate(SigningAlgorithm::EdDSA, now).unwrap();
        let second = generate(SigningAlgorithm::EdDSA, now).unwrap();

        assert_ne!(first.id, second.id);
        assert_ne!(first.private_key, second.private_key);
        assert_eq!(first.key_use, KeyUse::Current);
        assert_eq!(first.created_at, now);
        assert!(!format!("{first:?}").contains(first.private_key.expose()));
    }

    #[test]
    fn hs256_has_no_key_pair() {
        let made = generate(SigningAlgorithm::HS256, Timestamp::from_millis(0));
        assert_eq!(made, Err(KeyError::NoKeyPairForHs256));
    }
}
