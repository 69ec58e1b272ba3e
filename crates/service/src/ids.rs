//! New identifiers and secrets.

use std::{str::FromStr, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use claimsmith_model::{
    ActionId, BindingId, ClientGrantId, ClientId, ConnectionId, ExecutionId, InvalidId,
    OrganizationId, Random, RefreshGrantId, ResourceServerId, RoleId, Secret, SessionId, Timestamp,
    UserId, VersionId,
};

/// Bytes of chance in a secret or token: 256 bits, which can't be guessed.
const SECRET_BYTES: usize = 32;

const ALPHANUMERIC: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Makes identifiers in the shapes that the reference product's tools expect, and
/// secrets.
#[derive(Debug, Clone)]
pub struct Ids(Arc<dyn Random>);

impl Ids {
    /// A generator over a source of chance.
    #[must_use]
    pub fn new(random: Arc<dyn Random>) -> Self {
        Self(random)
    }

    /// A number of 64 random bits.
    #[must_use]
    pub fn seed(&self) -> u64 {
        u64::from_le_bytes(self.bytes())
    }

    /// A client secret: 256 bits in base64url.
    #[must_use]
    pub fn client_secret(&self) -> Secret {
        Secret::new(self.token())
    }

    /// An opaque token: 256 bits in base64url.
    #[must_use]
    pub fn token(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes::<SECRET_BYTES>())
    }

    /// 32 letters and digits.
    #[must_use]
    pub fn client_id(&self) -> ClientId {
        self.make(|ids| ids.alphanumeric(32))
    }

    /// A UUID version 4 (RFC 9562 section 5.4).
    #[must_use]
    pub fn action_id(&self) -> ActionId {
        self.make(Self::uuid)
    }

    /// A UUID version 4.
    #[must_use]
    pub fn version_id(&self) -> VersionId {
        self.make(Self::uuid)
    }

    /// A UUID version 4.
    #[must_use]
    pub fn binding_id(&self) -> BindingId {
        self.make(Self::uuid)
    }

    /// 32 hexadecimal digits, as in a UUID version 7 (RFC 9562 section 5.7): the time in
    /// milliseconds first, then 80 bits of chance. So records that are written together
    /// lie together, and writing one touches pages that are in memory.
    #[must_use]
    pub fn execution_id(&self, now: Timestamp) -> ExecutionId {
        let [_, _, time @ ..] = now.as_millis().to_be_bytes();
        self.make(|ids| hex(&time) + &hex(&ids.bytes::<10>()))
    }

    /// 24 hexadecimal digits.
    #[must_use]
    pub fn resource_server_id(&self) -> ResourceServerId {
        self.make(|ids| hex(&ids.bytes::<12>()))
    }

    /// `cgr_` and 16 letters and digits.
    #[must_use]
    pub fn client_grant_id(&self) -> ClientGrantId {
        self.make(|ids| format!("cgr_{}", ids.alphanumeric(16)))
    }

    /// `con_` and 16 letters and digits.
    #[must_use]
    pub fn connection_id(&self) -> ConnectionId {
        self.make(|ids| format!("con_{}", ids.alphanumeric(16)))
    }

    /// `rol_` and 16 letters and digits.
    #[must_use]
    pub fn role_id(&self) -> RoleId {
        self.make(|ids| format!("rol_{}", ids.alphanumeric(16)))
    }

    /// `org_` and 16 letters and digits.
    #[must_use]
    pub fn organization_id(&self) -> OrganizationId {
        self.make(|ids| format!("org_{}", ids.alphanumeric(16)))
    }

    /// `auth0|` and 24 hexadecimal digits.
    #[must_use]
    pub fn user_id(&self) -> UserId {
        self.make(|ids| format!("auth0|{}", hex(&ids.bytes::<12>())))
    }

    /// `rt_` and 16 letters and digits.
    #[must_use]
    pub fn refresh_grant_id(&self) -> RefreshGrantId {
        self.make(|ids| format!("rt_{}", ids.alphanumeric(16)))
    }

    /// 22 letters and digits.
    #[must_use]
    pub fn session_id(&self) -> SessionId {
        self.make(|ids| ids.alphanumeric(22))
    }

    /// Repeats until the text is an identifier, which the shapes above are at once.
    fn make<T: FromStr<Err = InvalidId>>(&self, text: impl Fn(&Self) -> String) -> T {
        loop {
            if let Ok(id) = text(self).parse() {
                return id;
            }
        }
    }

    fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes);
        bytes
    }

    fn uuid(&self) -> String {
        let mut bytes = self.bytes::<16>();
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let digits = hex(&bytes);
        let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
        [
            part(0, 8),
            part(8, 12),
            part(12, 16),
            part(16, 20),
            part(20, 32),
        ]
        .join("-")
    }

    fn alphanumeric(&self, length: usize) -> String {
        let mut text = String::with_capacity(length);
        while text.len() < length {
            // 248 is the largest multiple of 62 in a byte: each letter is as likely.
            text.extend(
                self.bytes::<64>()
                    .into_iter()
                    .filter(|byte| *byte < 248)
                    .filter_map(|byte| ALPHANUMERIC.get(usize::from(byte) % 62))
                    .map(|letter| char::from(*letter))
                    .take(length - text.len()),
            );
        }
        text
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for digit in [byte >> 4, byte & 0x0f] {
            // Half a byte is always a digit.
            text.push(char::from_digit(digit.into(), 16).unwrap_or_default());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct CountingRandom(std::sync::atomic::AtomicU8);

    impl Random for CountingRandom {
        fn fill(&self, bytes: &mut [u8]) {
            for byte in bytes {
                *byte = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        }
    }

    #[test]
    fn identifiers_have_the_shapes_that_tools_expect() {
        let ids = Ids::new(Arc::new(CountingRandom(0.into())));

        assert_eq!(
            ids.action_id().as_str(),
            "00010203-0405-4607-8809-0a0b0c0d0e0f"
        );
        assert_eq!(ids.client_id().as_str().len(), 32);
        assert_eq!(ids.resource_server_id().as_str().len(), 24);
        assert!(ids.role_id().as_str().starts_with("rol_"));
        assert_eq!(ids.role_id().as_str().len(), 20);
        assert_eq!(ids.user_id().as_str().len(), 30);
        assert_ne!(ids.token(), ids.token());
    }
}
