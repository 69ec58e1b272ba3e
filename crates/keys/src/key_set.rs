//! A tenant's keys.

use std::{fmt, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use claimsmith_claims::SealedClaims;
use claimsmith_model::{KeyId, KeyUse, SigningAlgorithm, StoredKey, Timestamp};
use jsonwebtoken::{DecodingKey, jwk::JwkSet};

use crate::{
    Expected, KeyError, TokenType, VerifiedClaims, VerifyError,
    private_key::PrivateKey,
    public_key::jwk,
    token::{compose, encoded_header},
    verify::{verify, verify_past_id_token},
};

/// A tenant's keys, parsed and ready. Immutable and cheap to clone; a change of
/// keys makes a new set. Its `Debug` shows no key material.
#[derive(Clone)]
pub struct KeySet(Arc<Inner>);

struct Inner {
    keys: Vec<Key>,
    jwks: String,
}

/// One key with what every token signed by it has in common.
pub(crate) struct Key {
    id: KeyId,
    key_use: KeyUse,
    token_lifetime_s_max: u32,
    needed_until: Option<Timestamp>,
    private: PrivateKey,
    public: DecodingKey,
    jwt_header: String,
    access_token_jwt_header: String,
}

impl KeySet {
    /// Parses the stored keys, revoked ones apart. Of several current keys of one
    /// algorithm the newest signs; all verify.
    ///
    /// # Errors
    /// When a key can't be read, is for HS256, or is there twice.
    pub fn from_stored(stored: &[StoredKey]) -> Result<Self, KeyError> {
        let is_good = |key: &&StoredKey| key.key_use != KeyUse::Revoked;
        let mut stored: Vec<&StoredKey> = stored.iter().filter(is_good).collect();
        // In the order in which they are published: those who take the first key there
        // is for an algorithm take the one that signs.
        stored.sort_by(|a, b| {
            let place = |key: &StoredKey| match key.key_use {
                KeyUse::Current => 0,
                KeyUse::Next => 1,
                KeyUse::Previous | KeyUse::Revoked => 2,
            };
            let newest_first = (b.created_at, &b.id).cmp(&(a.created_at, &a.id));
            place(a).cmp(&place(b)).then(newest_first)
        });

        let mut keys: Vec<Key> = Vec::with_capacity(stored.len());
        for stored in stored {
            if keys.iter().any(|key| key.id == stored.id) {
                return Err(KeyError::Repeated(stored.id.clone()));
            }
            keys.push(Key::from_stored(stored)?);
        }

        let jwks = keys
            .iter()
            .map(|key| jwk(&key.public, key.algorithm(), key.id.as_str()))
            .collect::<Result<_, _>>()
            .and_then(|keys| {
                serde_json::to_string(&JwkSet { keys }).map_err(|_| KeyError::Encoding)
            })?;
        Ok(Self(Arc::new(Inner { keys, jwks })))
    }

    /// Whether a current key signs with that algorithm.
    #[must_use]
    pub fn has(&self, algorithm: SigningAlgorithm) -> bool {
        self.current(algorithm).is_some()
    }

    /// Whether the current key of that algorithm is noted to sign tokens that live so
    /// long, in seconds.
    #[must_use]
    pub fn covers(&self, algorithm: SigningAlgorithm, lifetime_s: u32) -> bool {
        let current = self.current(algorithm);
        current.is_some_and(|key| lifetime_s <= key.token_lifetime_s_max)
    }

    /// The `kid` of the current key of that algorithm.
    #[must_use]
    pub fn current_id(&self, algorithm: SigningAlgorithm) -> Option<&KeyId> {
        self.current(algorithm).map(|key| &key.id)
    }

    /// The algorithms that have a current key and none to follow it.
    pub fn without_next(&self) -> impl Iterator<Item = SigningAlgorithm> {
        let of_use = |algorithm, key_use| {
            let mut keys = self.0.keys.iter();
            keys.any(move |key| key.algorithm() == algorithm && key.key_use == key_use)
        };
        SigningAlgorithm::ASYMMETRIC
            .into_iter()
            .filter(move |algorithm| {
                of_use(*algorithm, KeyUse::Current) && !of_use(*algorithm, KeyUse::Next)
            })
    }

    /// Whether one of the keys is [over](StoredKey::is_over).
    #[must_use]
    pub fn has_one_that_is_over(&self, now: Timestamp) -> bool {
        let mut ends = self.0.keys.iter().filter_map(|key| key.needed_until);
        ends.any(|until| until <= now)
    }

    /// Signs a token with the current key of that algorithm.
    ///
    /// An RSA signature takes some hundred microseconds, the others about twenty.
    ///
    /// # Errors
    /// When there is no current key for the algorithm, as always for HS256.
    pub fn sign(
        &self,
        algorithm: SigningAlgorithm,
        typ: TokenType,
        claims: &SealedClaims,
    ) -> Result<String, KeyError> {
        let key = self
            .current(algorithm)
            .ok_or(KeyError::NoCurrentKey(algorithm))?;
        compose(key.header(typ), claims, &key.private, algorithm)
    }

    /// The JSON text of the JWK Set (RFC 7517 section 5): the public halves of current,
    /// next and previous keys, in this order.
    #[must_use]
    pub fn jwks(&self) -> &str {
        &self.0.jwks
    }

    /// Verifies a token that this tenant signed with one of these keys.
    ///
    /// # Errors
    /// See [`VerifyError`]. A token without a `kid` of this set, with another
    /// algorithm than that key's, with HS256 or `none` is never accepted.
    pub fn verify(
        &self,
        token: &str,
        expected: &Expected<'_>,
    ) -> Result<VerifiedClaims, VerifyError> {
        verify(&self.0.keys, token, expected)
    }

    /// Verifies an ID token that this tenant signed at some time, for whichever client:
    /// an `id_token_hint` tells of a login, and gives access to nothing (OpenID Connect
    /// RP-Initiated Logout section 2).
    ///
    /// # Errors
    /// See [`VerifyError`]; but an expired token is accepted, and an access token isn't.
    pub fn verify_past_id_token(
        &self,
        token: &str,
        issuer: &str,
    ) -> Result<VerifiedClaims, VerifyError> {
        verify_past_id_token(&self.0.keys, token, issuer)
    }

    fn current(&self, algorithm: SigningAlgorithm) -> Option<&Key> {
        self.0
            .keys
            .iter()
            .find(|key| key.key_use == KeyUse::Current && key.algorithm() == algorithm)
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self
            .0
            .keys
            .iter()
            .map(|key| (&key.id, key.algorithm(), key.key_use));
        f.debug_tuple("KeySet")
            .field(&keys.collect::<Vec<_>>())
            .finish()
    }
}

impl Key {
    fn from_stored(stored: &StoredKey) -> Result<Self, KeyError> {
        let StoredKey {
            id,
            algorithm,
            private_key,
            key_use,
            token_lifetime_s_max,
            ..
        } = stored;
        if *algorithm == SigningAlgorithm::HS256 {
            return Err(KeyError::NoKeyPairForHs256);
        }
        let private = STANDARD
            .decode(private_key.expose())
            .ok()
            .and_then(|pkcs8| PrivateKey::from_pkcs8(*algorithm, &pkcs8))
            .ok_or_else(|| KeyError::Unreadable {
                id: id.clone(),
                algorithm: *algorithm,
            })?;
        let header = |typ| encoded_header(*algorithm, typ, Some(id.as_str()));
        Ok(Self {
            id: id.clone(),
            key_use: *key_use,
            token_lifetime_s_max: *token_lifetime_s_max,
            needed_until: stored.needed_until(),
            public: private.public_half(),
            private,
            jwt_header: header(TokenType::Jwt)?,
            access_token_jwt_header: header(TokenType::AccessTokenJwt)?,
        })
    }

    /// The `kid`.
    pub(crate) fn id(&self) -> &str {
        self.id.as_str()
    }

    /// What it signs with.
    pub(crate) fn algorithm(&self) -> SigningAlgorithm {
        self.private.algorithm()
    }

    /// The half that verifies.
    pub(crate) fn public(&self) -> &DecodingKey {
        &self.public
    }

    fn header(&self, typ: TokenType) -> &str {
        match typ {
            TokenType::Jwt => &self.jwt_header,
            TokenType::AccessTokenJwt => &self.access_token_jwt_header,
        }
    }
}
