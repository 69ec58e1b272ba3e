//! The certificate of a signing key: a form of its public half that some tools want.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use claimsmith_model::{SigningAlgorithm, StoredKey, Timestamp};
use rcgen::{CertificateParams, DnType, KeyPair, KeyUsagePurpose};
use time::{OffsetDateTime, macros::datetime};

use crate::KeyError;

/// RFC 5280 section 4.1.2.5 has this for a certificate that doesn't expire: the key's
/// life ends when it is rotated or revoked.
const NO_END: OffsetDateTime = datetime!(9999-12-31 23:59:59 UTC);

/// The certificate of a signing key as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// PEM (RFC 7468 section 5).
    pub pem: String,
    /// SHA-1 of it in upper-case hexadecimal.
    pub thumbprint: String,
    /// The same with a colon between bytes.
    pub fingerprint: String,
}

impl Certificate {
    /// The certificate of a stored key; none of a key from before there were any.
    #[must_use]
    pub fn of(key: &StoredKey) -> Option<Self> {
        let encoded = key.certificate.as_deref()?;
        let der = STANDARD.decode(encoded).ok()?;
        let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, &der);
        let bytes = hash.as_ref().iter().map(|byte| format!("{byte:02X}"));
        let bytes: Vec<_> = bytes.collect();
        Some(Self {
            pem: pem(encoded),
            thumbprint: bytes.concat(),
            fingerprint: bytes.join(":"),
        })
    }
}

/// A certificate for the public half of a key, which it signs itself: DER in base64.
pub(crate) fn self_signed(
    algorithm: SigningAlgorithm,
    pkcs8: &[u8],
    kid: &str,
    now: Timestamp,
) -> Result<String, KeyError> {
    let failed = |_| KeyError::Generation(algorithm);
    let key = KeyPair::try_from(pkcs8).map_err(failed)?;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, kid);
    params.not_before = OffsetDateTime::from_unix_timestamp(now.as_seconds())
        .map_err(|_| KeyError::Generation(algorithm))?;
    params.not_after = NO_END;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let certificate = params.self_signed(&key).map_err(failed)?;
    Ok(STANDARD.encode(certificate.der()))
}

fn pem(base64: &str) -> String {
    /// RFC 7468 section 2.
    const LINE_CHARS: usize = 64;
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = base64;
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE_CHARS));
        // Writing to a text can't fail.
        let _ = writeln!(pem, "{line}");
        rest = after;
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}
