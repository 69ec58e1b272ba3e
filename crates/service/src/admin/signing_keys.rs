//! Signing keys.

use claimsmith_keys::Certificate;
use claimsmith_model::{KeyId, KeyUse, SigningAlgorithm, StoredKey, Timestamp};

use crate::{ServiceError, management::TenantAdmin, tenant_keys::NO_KEY};

/// What may be told of a signing key: everything but its private half.
#[derive(Debug, Clone)]
pub struct SigningKey {
    /// The `kid`.
    pub id: KeyId,
    /// What it signs with.
    pub algorithm: SigningAlgorithm,
    /// Whether it signs, will, or only verifies.
    pub key_use: KeyUse,
    /// When it began to sign.
    pub current_since: Option<Timestamp>,
    /// When it stopped signing.
    pub current_until: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// Its public half as a certificate.
    pub certificate: Option<CertificateTexts>,
}

/// A certificate as text.
#[derive(Debug, Clone)]
pub struct CertificateTexts {
    /// PEM (RFC 7468 section 5).
    pub pem: String,
    /// SHA-1 of it in upper-case hexadecimal.
    pub thumbprint: String,
    /// The same with a colon between bytes.
    pub fingerprint: String,
}

/// The next keys after a rotation.
#[derive(Debug, Clone)]
pub struct Rotated {
    /// Of each algorithm that was rotated, the key that is now the next one.
    pub next: Vec<SigningKey>,
}

/// All keys: those that sign first, then those that will, those that only verify, and
/// those that were revoked; of each the newest first.
///
/// # Errors
/// When they can't be read.
pub async fn list(admin: &TenantAdmin) -> Result<Vec<SigningKey>, ServiceError> {
    Ok(in_order(&admin.tenant().stored_keys().await?))
}

/// One key.
///
/// # Errors
/// `NotFound`.
pub async fn get(admin: &TenantAdmin, id: &KeyId) -> Result<SigningKey, ServiceError> {
    one_of(&admin.tenant().stored_keys().await?, id)
}

/// Rotates the keys of one algorithm, or of all that have any: the next key signs from
/// now on, and the one that signed so far verifies until its last token has expired.
///
/// # Errors
/// `Invalid` for an algorithm that nothing was signed with, `Conflict` when it is too
/// early; then nothing is rotated.
pub async fn rotate(
    admin: &TenantAdmin,
    only: Option<SigningAlgorithm>,
) -> Result<Rotated, ServiceError> {
    let rotated = admin.tenant().rotate_keys(only, admin.environment());
    let (stored, algorithms) = rotated.await?;
    let keys = in_order(&stored);
    let made = algorithms.iter().filter_map(|algorithm| {
        let of_use = |key_use| {
            let mut keys = keys.iter();
            keys.find(|key| key.algorithm == *algorithm && key.key_use == key_use)
        };
        // Where the key set was never read, no next key was there before, and the new one
        // signs now.
        of_use(KeyUse::Next).or_else(|| of_use(KeyUse::Current))
    });
    Ok(Rotated {
        next: made.cloned().collect(),
    })
}

/// Revokes a key: nothing that it signed is accepted any more. A key that signs is
/// replaced by the next one at once.
///
/// # Errors
/// `NotFound`.
pub async fn revoke(admin: &TenantAdmin, id: &KeyId) -> Result<SigningKey, ServiceError> {
    let stored = admin.tenant().revoke_key(id, admin.environment()).await?;
    one_of(&stored, id)
}

fn one_of(stored: &[StoredKey], id: &KeyId) -> Result<SigningKey, ServiceError> {
    let found = stored.iter().find(|key| key.id == *id);
    found.map(shown).ok_or(NO_KEY)
}

fn in_order(stored: &[StoredKey]) -> Vec<SigningKey> {
    let mut sorted: Vec<&StoredKey> = stored.iter().collect();
    sorted.sort_by_key(|key| {
        let place = match key.key_use {
            KeyUse::Current => 0,
            KeyUse::Next => 1,
            KeyUse::Previous => 2,
            KeyUse::Revoked => 3,
        };
        (place, std::cmp::Reverse(key.created_at))
    });
    sorted.into_iter().map(shown).collect()
}

fn shown(key: &StoredKey) -> SigningKey {
    let signs = key.key_use == KeyUse::Current;
    SigningKey {
        id: key.id.clone(),
        algorithm: key.algorithm,
        key_use: key.key_use,
        current_since: key.current_since.or(signs.then_some(key.created_at)),
        current_until: key.current_until,
        revoked_at: key.revoked_at,
        certificate: Certificate::of(key).map(|certificate| CertificateTexts {
            pem: certificate.pem,
            thumbprint: certificate.thumbprint,
            fingerprint: certificate.fingerprint,
        }),
    }
}
