//! Signing keys, and the uses that each goes through.

use serde::{Deserialize, Serialize};

use crate::{KeyId, Secret, SigningAlgorithm, Timestamp};

/// The longest lifetime in seconds that a signed token can be given: thirty days.
pub const TOKEN_LIFETIME_S_MAX: u32 = 2_592_000;

/// How much longer than its last token a key is kept, in seconds: verifiers' clocks may
/// be behind, and a token may be signed while its key is being replaced.
const KEPT_LONGER_S: i64 = 60;

/// A signing key as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredKey {
    /// The `kid`.
    pub id: KeyId,
    /// What it signs with; never HS256, whose secrets belong to resource servers.
    pub algorithm: SigningAlgorithm,
    /// The private key: PKCS#8 DER in base64. Empty once the key is revoked.
    pub private_key: Secret,
    /// Its public half in a certificate that the key itself signed, DER in base64.
    /// Keys that were made before there were certificates have none.
    #[serde(default)]
    pub certificate: Option<String>,
    /// Whether it signs, will, or only verifies.
    pub key_use: KeyUse,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it began to sign. Of a key that was current before this was written down
    /// there is only `created_at`, which is the same moment.
    #[serde(default)]
    pub current_since: Option<Timestamp>,
    /// When it stopped signing.
    #[serde(default)]
    pub current_until: Option<Timestamp>,
    /// When it was revoked.
    #[serde(default)]
    pub revoked_at: Option<Timestamp>,
    /// No token that it signed lives longer than this, in seconds. It is raised before
    /// a token is signed that does, so it tells of lifetimes that nothing has any more.
    #[serde(default = "longest_lifetime")]
    pub token_lifetime_s_max: u32,
}

/// What a stored key is used for. A key goes through them in this order, and may be
/// revoked at any time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyUse {
    /// It is published, so that verifiers have it when it begins to sign.
    Next,
    /// It signs new tokens and verifies.
    Current,
    /// It verifies tokens that it signed earlier.
    Previous,
    /// It is worth nothing.
    Revoked,
}

impl StoredKey {
    /// The same key, to be used after the current one.
    #[must_use]
    pub fn as_next(&self) -> Self {
        Self {
            key_use: KeyUse::Next,
            current_since: None,
            ..self.clone()
        }
    }

    /// From now on it signs.
    pub fn begin(&mut self, now: Timestamp) {
        self.key_use = KeyUse::Current;
        self.current_since = Some(now);
    }

    /// From now on it only verifies what it has signed.
    pub fn retire(&mut self, now: Timestamp) {
        self.key_use = KeyUse::Previous;
        self.current_until = Some(now);
    }

    /// From now on it neither signs nor verifies; its private half is gone.
    pub fn revoke(&mut self, now: Timestamp) {
        if self.key_use == KeyUse::Current {
            self.current_until = Some(now);
        }
        self.key_use = KeyUse::Revoked;
        self.revoked_at = Some(now);
        self.private_key = Secret::new("");
    }

    /// From when on no token that it signed can be valid; none while it may still sign.
    #[must_use]
    pub fn needed_until(&self) -> Option<Timestamp> {
        let lifetime_s = i64::from(self.token_lifetime_s_max);
        self.current_until
            .map(|until| until.plus_seconds(lifetime_s + KEPT_LONGER_S))
    }

    /// Whether it has signed, and nothing of it can be valid any more.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.needed_until().is_some_and(|until| until <= now)
    }
}

/// What must be thought of a key that was stored before lifetimes were.
const fn longest_lifetime() -> u32 {
    TOKEN_LIFETIME_S_MAX
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_790_000_000_000).plus_seconds(seconds)
    }

    /// A current key as it was stored when there was nothing else to say of it.
    fn stored_early() -> StoredKey {
        let stored = json!({
            "id": "key-1", "algorithm": "ES256", "private_key": "secret",
            "key_use": "current", "created_at": at(0),
        });
        serde_json::from_value(stored).unwrap()
    }

    #[test]
    fn a_key_that_was_stored_early_is_kept_for_the_longest_lifetime() {
        let mut key = stored_early();
        assert_eq!(key.needed_until(), None);

        key.retire(at(100));

        let over = 100 + i64::from(TOKEN_LIFETIME_S_MAX) + KEPT_LONGER_S;
        assert!(!key.is_over(at(over - 1)));
        assert!(key.is_over(at(over)));
    }

    #[test]
    fn a_key_is_needed_until_its_last_token_has_expired() {
        let mut key = StoredKey {
            token_lifetime_s_max: 3_600,
            ..stored_early().as_next()
        };
        assert_eq!((key.key_use, key.current_since), (KeyUse::Next, None));
        key.begin(at(10));
        assert_eq!(key.needed_until(), None);

        key.retire(at(20));

        assert_eq!(key.needed_until(), Some(at(20 + 3_600 + KEPT_LONGER_S)));
        assert_eq!(key.current_since, Some(at(10)));
    }

    #[test]
    fn nothing_is_left_of_a_revoked_keys_private_half() {
        let mut key = stored_early();

        key.revoke(at(5));

        assert_eq!(key.private_key.expose(), "");
        assert_eq!(key.key_use, KeyUse::Revoked);
        assert_eq!(
            (key.current_until, key.revoked_at),
            (Some(at(5)), Some(at(5)))
        );
    }
}
