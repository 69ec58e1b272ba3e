//! What a form carries for the server and nobody else may read or make.

use std::fmt;

use aws_lc_rs::{
    aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    digest,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use claimsmith_model::{Secret, TenantId};
use serde::{Serialize, de::DeserializeOwned};

use crate::ServiceError;

/// The longest sealed text that is opened, in bytes: an authorization request of the
/// greatest length, twice escaped, in base64.
const SEALED_BYTES_MAX: usize = 64 * 1024;

/// Seals values into texts that go through a browser and come back. A text is good for
/// one tenant and one purpose.
///
/// Such a text isn't bound to a browser or a time: what is in it must be, where that
/// matters.
pub struct StateSealer(RandomizedNonceKey);

impl StateSealer {
    /// A sealer with a key of its own, derived from a secret of any length.
    #[must_use]
    #[expect(clippy::expect_used, reason = "AES-256 takes any key of 32 bytes")]
    pub fn new(secret: &Secret) -> Self {
        let key = digest::digest(&digest::SHA256, secret.expose().as_bytes());
        let key = RandomizedNonceKey::new(&AES_256_GCM_SIV, key.as_ref());
        Self(key.expect("a key of 32 bytes"))
    }

    /// Seals a value.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub(crate) fn seal<T: Serialize>(
        &self,
        tenant: &TenantId,
        purpose: &str,
        value: &T,
    ) -> Result<String, ServiceError> {
        let mut text = serde_json::to_vec(value).map_err(ServiceError::internal)?;
        let nonce = self
            .0
            .seal_in_place_append_tag(context(tenant, purpose), &mut text)
            .map_err(|_| ServiceError::internal("a state can't be sealed"))?;
        let mut sealed = nonce.as_ref().to_vec();
        sealed.append(&mut text);
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Opens what was sealed for this tenant and purpose; `None` for anything else.
    pub(crate) fn open<T: DeserializeOwned>(
        &self,
        tenant: &TenantId,
        purpose: &str,
        sealed: &str,
    ) -> Option<T> {
        if sealed.len() > SEALED_BYTES_MAX {
            return None;
        }
        let mut bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, text) = bytes.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let text = self.0.open_in_place(nonce, context(tenant, purpose), text);
        serde_json::from_slice(text.ok()?).ok()
    }
}

/// What a text is bound to. No identifier has a space.
fn context(tenant: &TenantId, purpose: &str) -> Aad<Vec<u8>> {
    Aad::from(format!("{tenant} {purpose}").into_bytes())
}

impl fmt::Debug for StateSealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateSealer").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(secret: &str) -> StateSealer {
        StateSealer::new(&Secret::new(secret))
    }

    #[test]
    fn a_text_opens_for_its_tenant_purpose_and_server_only() {
        let (a, b): (TenantId, TenantId) = ("a".parse().unwrap(), "b".parse().unwrap());
        let sealed = sealer("1").seal(&a, "login", &"who").unwrap();
        assert!(!sealed.contains("who"));
        let open = |secret, tenant, purpose, text: &str| {
            sealer(secret).open::<String>(tenant, purpose, text)
        };
        assert_eq!(open("1", &a, "login", &sealed).as_deref(), Some("who"));
        assert_eq!(open("1", &a, "consent", &sealed), None);
        assert_eq!(open("1", &b, "login", &sealed), None);
        assert_eq!(open("2", &a, "login", &sealed), None);
    }

    #[test]
    fn no_changed_text_opens() {
        let tenant: TenantId = "a".parse().unwrap();
        let sealer = sealer("1");
        let sealed = sealer.seal(&tenant, "login", &"who").unwrap();
        let open = |text: &str| sealer.open::<String>(&tenant, "login", text);
        for position in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[position] = if changed[position] == b'A' {
                b'B'
            } else {
                b'A'
            };
            assert_eq!(open(&String::from_utf8(changed).unwrap()), None);
        }
        for text in [
            "",
            "A",
            &sealed[1..],
            &format!("{sealed}A"),
            "ü",
            &"A".repeat(70_000),
        ] {
            assert_eq!(open(text), None);
        }
    }
}
