//! The text of a refresh token.
//!
//! `<grant>.<256 bits>.<MAC>`: it names the grant that it belongs to, and the MAC under
//! the grant's own key proves that it was given out here. So a token that isn't good any
//! more can be told from one that never was, although only those that are good are stored.
//!
//! The bits of a login's first token are random. Those of its successor follow from it and
//! the grant's key: whoever exchanges the same token again, because requests overlap, has
//! the same successor, which is stored nowhere.

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use claimsmith_model::{LIVE_REFRESH_TOKENS_MAX, RefreshGrantId, Secret};

use super::hash::sha256;
use crate::Ids;

/// A refresh token whose parts could be told apart.
#[derive(Debug)]
pub(crate) struct RefreshToken {
    text: Secret,
    /// The grant that it says it is of.
    pub(crate) grant: RefreshGrantId,
    /// Where the MAC begins.
    mac_at: usize,
}

impl RefreshToken {
    /// A new token of a grant.
    pub(crate) fn new(grant: &RefreshGrantId, key: &Secret, ids: &Ids) -> Self {
        Self::of_bits(grant, key, &ids.token())
    }

    /// The token that replaces it.
    pub(crate) fn successor(&self, key: &Secret) -> Self {
        // No MAC of a token is one of such a text: what those are of ends with a full stop.
        let text = format!("successor of {}", self.text.expose());
        let bits = hmac::sign(&mac_key(key), text.as_bytes());
        Self::of_bits(&self.grant, key, &URL_SAFE_NO_PAD.encode(bits.as_ref()))
    }

    /// The token with this SHA-256, if it replaced this one or one of those that did.
    pub(crate) fn successor_known_as(&self, sha256: &[u8; 32], key: &Secret) -> Option<Self> {
        let first = Some(self.successor(key));
        std::iter::successors(first, |token| Some(token.successor(key)))
            .take(LIVE_REFRESH_TOKENS_MAX)
            .find(|token| token.sha256() == *sha256)
    }

    fn of_bits(grant: &RefreshGrantId, key: &Secret, bits: &str) -> Self {
        let mut text = format!("{grant}.{bits}.");
        let mac_at = text.len();
        let mac = hmac::sign(&mac_key(key), text.as_bytes());
        text.push_str(&URL_SAFE_NO_PAD.encode(mac.as_ref()));
        Self {
            text: Secret::new(text),
            grant: grant.clone(),
            mac_at,
        }
    }

    /// Reads a token; `None` for what is none.
    pub(crate) fn parse(text: &Secret) -> Option<Self> {
        let (of_grant, mac) = text.expose().rsplit_once('.')?;
        let (grant, _) = of_grant.rsplit_once('.')?;
        Some(Self {
            grant: grant.parse().ok()?,
            mac_at: text.expose().len() - mac.len(),
            text: text.clone(),
        })
    }

    /// Whether it was given out for the grant with this key. Takes the same time
    /// wherever they differ.
    pub(crate) fn is_genuine(&self, key: &Secret) -> bool {
        let (message, mac) = self.text.expose().split_at(self.mac_at);
        let Ok(mac) = URL_SAFE_NO_PAD.decode(mac) else {
            return false;
        };
        hmac::verify(&mac_key(key), message.as_bytes(), &mac).is_ok()
    }

    /// The SHA-256 under which it is known.
    pub(crate) fn sha256(&self) -> [u8; 32] {
        sha256(self.text.expose())
    }

    /// The text that the client gets.
    pub(crate) fn into_text(self) -> Secret {
        self.text
    }
}

fn mac_key(key: &Secret) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, key.expose().as_bytes())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use claimsmith_model::Random;

    use super::*;

    #[derive(Debug)]
    struct NotRandom;

    impl Random for NotRandom {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    #[test]
    fn a_token_names_its_grant_and_proves_that_it_is_of_it() {
        let ids = Ids::new(Arc::new(NotRandom));
        let (key, other) = (Secret::new("key"), Secret::new("other"));
        let given = RefreshToken::new(&"rt_1".parse().unwrap(), &key, &ids);
        let sha256 = given.sha256();
        let text = given.into_text();

        let read = RefreshToken::parse(&text).unwrap();
        assert_eq!(read.grant.as_str(), "rt_1");
        assert_eq!(read.sha256(), sha256);
        assert!(read.is_genuine(&key));
        assert!(!read.is_genuine(&other));

        let forged = text.expose().replace("rt_1", "rt_2");
        assert!(
            !RefreshToken::parse(&Secret::new(forged))
                .unwrap()
                .is_genuine(&key)
        );
    }

    #[test]
    fn one_token_follows_from_another_and_the_key_alone() {
        let ids = Ids::new(Arc::new(NotRandom));
        let (key, other) = (Secret::new("key"), Secret::new("other"));
        let first = RefreshToken::new(&"rt_1".parse().unwrap(), &key, &ids);

        let second = first.successor(&key);

        assert!(second.is_genuine(&key));
        assert_ne!(second.sha256(), first.sha256());
        assert_eq!(second.sha256(), first.successor(&key).sha256());
        assert_ne!(second.sha256(), first.successor(&other).sha256());
        let third = second.successor(&key);
        let known = |token: &RefreshToken| first.successor_known_as(&token.sha256(), &key);
        assert_eq!(known(&second).unwrap().sha256(), second.sha256());
        assert_eq!(known(&third).unwrap().sha256(), third.sha256());
        assert!(known(&first).is_none());
    }

    #[test]
    fn what_is_no_refresh_token_is_read_as_none() {
        for text in ["", ".", "..", "a", "a.b", ".b.c", "gr\u{fc}n.b.c"] {
            assert!(RefreshToken::parse(&Secret::new(text)).is_none(), "{text}");
        }
        let unsigned = RefreshToken::parse(&Secret::new("a.b.!!")).unwrap();
        assert!(!unsigned.is_genuine(&Secret::new("key")));
    }
}
