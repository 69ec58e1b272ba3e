use claimsmith_keys::{KeyError, KeySet, TokenType, generate, sign_hs256};
use claimsmith_model::{KeyUse, Secret, SigningAlgorithm, StoredKey, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, jwk::JwkSet};
use serde_json::Value;

use crate::support::{
    ASYMMETRIC, AUDIENCE, ISSUER, KEYS, STORED, expected, good_claims, now, part, sealed, signed,
    stored,
};

/// The library's own rules, but for the clock.
fn rules(algorithm: Algorithm) -> Validation {
    let mut rules = Validation::new(algorithm);
    rules.validate_exp = false;
    rules.set_issuer(&[ISSUER]);
    rules.set_audience(&[AUDIENCE]);
    rules
}

#[test]
fn a_token_of_each_algorithm_verifies_with_its_jwks_entry() {
    let jwks: JwkSet = serde_json::from_str(KEYS.jwks()).unwrap();
    for (algorithm, library_algorithm) in
        ASYMMETRIC
            .into_iter()
            .zip([Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA])
    {
        let token = signed(algorithm, &good_claims());

        let header = jsonwebtoken::decode_header(&token).unwrap();
        let jwk = jwks.find(&header.kid.unwrap()).unwrap();
        let key = DecodingKey::from_jwk(jwk).unwrap();
        let decoded = decode::<Value>(&token, &key, &rules(library_algorithm)).unwrap();
        assert_eq!(decoded.claims, good_claims());
    }
}

#[test]
fn the_header_names_algorithm_key_and_type_and_nothing_else() {
    for algorithm in ASYMMETRIC {
        for (typ, written) in [
            (TokenType::Jwt, "JWT"),
            (TokenType::AccessTokenJwt, "at+jwt"),
        ] {
            let token = KEYS.sign(algorithm, typ, &sealed(&good_claims())).unwrap();
            assert_eq!(
                part(&token, 0),
                serde_json::json!({
                    "typ": written,
                    "alg": algorithm.as_str(),
                    "kid": stored(algorithm).id.as_str(),
                })
            );
        }
    }
}

#[test]
fn a_resource_server_verifies_hs256_with_its_own_secret() {
    let secret = Secret::new("0123456789abcdef0123456789abcdef");
    let token = sign_hs256(&secret, TokenType::AccessTokenJwt, &sealed(&good_claims())).unwrap();

    let key = DecodingKey::from_secret(secret.expose().as_bytes());
    let decoded = decode::<Value>(&token, &key, &rules(Algorithm::HS256)).unwrap();
    assert_eq!(decoded.claims, good_claims());
    assert_eq!(
        part(&token, 0),
        serde_json::json!({"typ": "at+jwt", "alg": "HS256"})
    );
}

#[test]
fn a_secret_for_hs256_has_at_least_256_bits() {
    let sign = |length: usize| {
        sign_hs256(
            &Secret::new("s".repeat(length)),
            TokenType::Jwt,
            &sealed(&good_claims()),
        )
    };
    assert!(sign(32).is_ok());
    assert_eq!(sign(31), Err(KeyError::SecretTooShort));
}

#[test]
fn an_algorithm_without_a_current_key_signs_nothing() {
    let previous = StoredKey {
        key_use: KeyUse::Previous,
        ..STORED[1].clone()
    };
    let keys = KeySet::from_stored(&[previous]).unwrap();

    for algorithm in [
        SigningAlgorithm::ES256,
        SigningAlgorithm::EdDSA,
        SigningAlgorithm::HS256,
    ] {
        assert!(!keys.has(algorithm));
        let signed = keys.sign(algorithm, TokenType::Jwt, &sealed(&good_claims()));
        assert_eq!(signed, Err(KeyError::NoCurrentKey(algorithm)));
    }
}

#[test]
fn the_newest_current_key_signs_and_the_others_verify() {
    let older = generate(SigningAlgorithm::ES256, Timestamp::from_millis(1)).unwrap();
    let newer = generate(SigningAlgorithm::ES256, now()).unwrap();
    let before = KeySet::from_stored(std::slice::from_ref(&older)).unwrap();
    let after = KeySet::from_stored(&[
        StoredKey {
            key_use: KeyUse::Previous,
            ..older.clone()
        },
        newer.clone(),
    ])
    .unwrap();

    let old_token = before
        .sign(
            SigningAlgorithm::ES256,
            TokenType::Jwt,
            &sealed(&good_claims()),
        )
        .unwrap();
    let new_token = after
        .sign(
            SigningAlgorithm::ES256,
            TokenType::Jwt,
            &sealed(&good_claims()),
        )
        .unwrap();

    assert_eq!(part(&new_token, 0)["kid"], newer.id.as_str());
    assert!(after.verify(&old_token, &expected()).is_ok());
    assert!(after.verify(&new_token, &expected()).is_ok());

    let both_current = KeySet::from_stored(&[older, newer.clone()]).unwrap();
    let token = both_current
        .sign(
            SigningAlgorithm::ES256,
            TokenType::Jwt,
            &sealed(&good_claims()),
        )
        .unwrap();
    assert_eq!(part(&token, 0)["kid"], newer.id.as_str());
}

#[test]
fn a_stored_key_that_is_not_what_it_says_is_named() {
    let es256 = stored(SigningAlgorithm::ES256);
    let unreadable = |key: &StoredKey| KeyError::Unreadable {
        id: key.id.clone(),
        algorithm: key.algorithm,
    };
    for private_key in [
        "",
        "not base64",
        "AAAA",
        stored(SigningAlgorithm::RS256).private_key.expose(),
    ] {
        let key = StoredKey {
            private_key: Secret::new(private_key),
            ..es256.clone()
        };
        assert_eq!(KeySet::from_stored(&[key]).unwrap_err(), unreadable(es256));
    }

    let hs256 = StoredKey {
        algorithm: SigningAlgorithm::HS256,
        ..es256.clone()
    };
    assert_eq!(
        KeySet::from_stored(&[hs256]).unwrap_err(),
        KeyError::NoKeyPairForHs256
    );
    assert_eq!(
        KeySet::from_stored(&[es256.clone(), es256.clone()]).unwrap_err(),
        KeyError::Repeated(es256.id.clone())
    );
}
