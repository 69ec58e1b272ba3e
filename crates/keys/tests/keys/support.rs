//! Keys, claims and tokens for the tests.

use std::sync::{Arc, LazyLock};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use claimsmith_claims::{Policy, ReservedNamespaces, SealedClaims, TokenContext};
use claimsmith_keys::{Expected, KeySet, TokenType, VerifiedClaims, VerifyError, generate};
use claimsmith_model::{ClaimSettings, SigningAlgorithm, StoredKey, Timestamp, TokenKind};
use serde_json::{Value, json};

pub(crate) const ISSUER: &str = "https://login.example.com/";
pub(crate) const AUDIENCE: &str = "https://login.example.com/api/v2/";
pub(crate) const NOW_S: i64 = 1_790_000_000;

/// What key pairs there are.
pub(crate) const ASYMMETRIC: [SigningAlgorithm; 3] = [
    SigningAlgorithm::RS256,
    SigningAlgorithm::ES256,
    SigningAlgorithm::EdDSA,
];

/// One key of each algorithm, made once: RSA keys take their time.
pub(crate) static STORED: LazyLock<Vec<StoredKey>> = LazyLock::new(|| {
    ASYMMETRIC
        .map(|algorithm| generate(algorithm, now()).unwrap())
        .to_vec()
});

/// The keys of the tenant under test.
pub(crate) static KEYS: LazyLock<KeySet> = LazyLock::new(|| KeySet::from_stored(&STORED).unwrap());

pub(crate) fn now() -> Timestamp {
    Timestamp::from_millis(NOW_S * 1000)
}

/// The stored key of that algorithm.
pub(crate) fn stored(algorithm: SigningAlgorithm) -> &'static StoredKey {
    STORED
        .iter()
        .find(|key| key.algorithm == algorithm)
        .unwrap()
}

/// Claims that [`expected`] accepts.
pub(crate) fn good_claims() -> Value {
    json!({
        "iss": ISSUER,
        "sub": "reports@clients",
        "aud": AUDIENCE,
        "iat": NOW_S,
        "exp": NOW_S + 60,
        "azp": "reports",
        "scope": "read:users read:clients",
    })
}

/// The good claims with some replaced, or left out where the value is null.
pub(crate) fn claims_with(changes: &[(&str, Value)]) -> Value {
    let mut claims = good_claims();
    for (name, value) in changes {
        claims[*name] = value.clone();
    }
    claims
        .as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    claims
}

/// These claims as the policy seals them.
pub(crate) fn sealed(claims: &Value) -> SealedClaims {
    let policy = Policy::new(
        ClaimSettings::default(),
        &[],
        &ReservedNamespaces::default(),
    );
    let ledger = Arc::new(policy).ledger(TokenContext {
        kind: TokenKind::AccessToken,
        server_claims: Arc::new([]),
        own_api: false,
        scopes: Arc::new([]),
    });
    let (sealed, refused) = ledger.seal(claims.as_object().unwrap().clone());
    assert_eq!(refused, []);
    sealed
}

/// These claims signed by the tenant.
pub(crate) fn signed(algorithm: SigningAlgorithm, claims: &Value) -> String {
    KEYS.sign(algorithm, TokenType::Jwt, &sealed(claims))
        .unwrap()
}

pub(crate) fn expected() -> Expected<'static> {
    Expected {
        issuer: ISSUER,
        audience: AUDIENCE,
        now: now(),
        leeway_s: 0,
    }
}

pub(crate) fn verify(token: &str) -> Result<VerifiedClaims, VerifyError> {
    KEYS.verify(token, &expected())
}

/// The part of a token at that position, decoded.
pub(crate) fn part(token: &str, position: usize) -> Value {
    let encoded = token.split('.').nth(position).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(encoded).unwrap()).unwrap()
}

/// A part of a token.
pub(crate) fn encoded(part: &Value) -> String {
    URL_SAFE_NO_PAD.encode(part.to_string())
}
