use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    signature::{KeyPair as _, RsaKeyPair},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use claimsmith_keys::VerifyError;
use claimsmith_model::{SigningAlgorithm, StoredKey};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::support::{
    ASYMMETRIC, KEYS, claims_with, encoded, good_claims, part, signed, stored, verify,
};

fn kid(algorithm: SigningAlgorithm) -> String {
    stored(algorithm).id.to_string()
}

fn pkcs8(key: &StoredKey) -> Vec<u8> {
    STANDARD.decode(key.private_key.expose()).unwrap()
}

/// The token with its header replaced and its signature kept.
fn with_header(token: &str, header: &Value) -> String {
    let (_, rest) = token.split_once('.').unwrap();
    format!("{}.{rest}", encoded(header))
}

/// A token signed by an attacker.
fn forged(header: &Header, key: &EncodingKey) -> String {
    encode(header, &good_claims(), key).unwrap()
}

#[test]
fn hs256_keyed_with_the_public_key_is_refused() {
    let rsa = RsaKeyPair::from_pkcs8(&pkcs8(stored(SigningAlgorithm::RS256))).unwrap();
    let pkcs1_der = rsa.public_key().as_ref().to_vec();
    let spki_der: PublicKeyX509Der<'_> = rsa.public_key().as_der().unwrap();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        STANDARD
            .encode(spki_der.as_ref())
            .as_bytes()
            .chunks(64)
            .map(|line| String::from_utf8_lossy(line))
            .collect::<Vec<_>>()
            .join("\n")
    );
    let jwks: Value = serde_json::from_str(KEYS.jwks()).unwrap();
    let jwk = jwks["keys"][0].to_string();

    for secret in [
        pkcs1_der.as_slice(),
        spki_der.as_ref(),
        pem.as_bytes(),
        jwk.as_bytes(),
        b"",
    ] {
        for algorithm in ASYMMETRIC {
            let header = Header {
                kid: Some(kid(algorithm)),
                ..Header::new(Algorithm::HS256)
            };
            let token = forged(&header, &EncodingKey::from_secret(secret));
            assert_eq!(verify(&token), Err(VerifyError::WrongAlgorithm));
        }
    }
}

#[test]
fn an_unsigned_token_is_refused() {
    for alg in ["none", "None", "NONE", ""] {
        for algorithm in ASYMMETRIC {
            let header = json!({"typ": "JWT", "alg": alg, "kid": kid(algorithm)});
            let bare = format!("{}.{}.", encoded(&header), encoded(&good_claims()));
            let with_old_signature = with_header(&signed(algorithm, &good_claims()), &header);
            assert_eq!(verify(&bare), Err(VerifyError::Malformed));
            assert_eq!(verify(&with_old_signature), Err(VerifyError::Malformed));
        }
    }
    for algorithm in ASYMMETRIC {
        let token = signed(algorithm, &good_claims());
        let (unsigned, _) = token.rsplit_once('.').unwrap();
        assert_eq!(
            verify(&format!("{unsigned}.")),
            Err(VerifyError::BadSignature)
        );
        assert_eq!(verify(unsigned), Err(VerifyError::Malformed));
    }
}

#[test]
fn a_header_that_names_another_key_or_algorithm_is_refused() {
    for algorithm in ASYMMETRIC {
        let token = signed(algorithm, &good_claims());
        for other in ASYMMETRIC.into_iter().filter(|other| *other != algorithm) {
            let other_key = json!({"typ": "JWT", "alg": algorithm.as_str(), "kid": kid(other)});
            let other_algorithm =
                json!({"typ": "JWT", "alg": other.as_str(), "kid": kid(algorithm)});
            let both = json!({"typ": "JWT", "alg": other.as_str(), "kid": kid(other)});
            assert_eq!(
                verify(&with_header(&token, &other_key)),
                Err(VerifyError::WrongAlgorithm)
            );
            assert_eq!(
                verify(&with_header(&token, &other_algorithm)),
                Err(VerifyError::WrongAlgorithm)
            );
            assert_eq!(
                verify(&with_header(&token, &both)),
                Err(VerifyError::BadSignature)
            );
        }
    }
}

#[test]
fn a_true_signature_of_the_same_key_by_another_algorithm_is_refused() {
    let rsa = RsaKeyPair::from_pkcs8(&pkcs8(stored(SigningAlgorithm::RS256))).unwrap();
    // The library takes PKCS#1, which is the end of an RSA key's PKCS#8 document.
    let pkcs1 = &pkcs8(stored(SigningAlgorithm::RS256))[26..];
    assert_eq!(
        RsaKeyPair::from_der(pkcs1).unwrap().public_key().as_ref(),
        rsa.public_key().as_ref()
    );
    for algorithm in [Algorithm::RS384, Algorithm::RS512, Algorithm::PS256] {
        let header = Header {
            kid: Some(kid(SigningAlgorithm::RS256)),
            ..Header::new(algorithm)
        };
        let token = forged(&header, &EncodingKey::from_rsa_der(pkcs1));
        assert_eq!(verify(&token), Err(VerifyError::WrongAlgorithm));
    }
}

#[test]
fn a_header_without_a_known_key_is_refused_whatever_key_it_brings() {
    let token = signed(SigningAlgorithm::ES256, &good_claims());
    let jwks: Value = serde_json::from_str(KEYS.jwks()).unwrap();
    for header in [
        json!({"typ": "JWT", "alg": "ES256"}),
        json!({"typ": "JWT", "alg": "ES256", "kid": ""}),
        json!({"typ": "JWT", "alg": "ES256", "kid": "../../etc/passwd"}),
        json!({"typ": "JWT", "alg": "ES256", "jwk": jwks["keys"][0]}),
        json!({"typ": "JWT", "alg": "ES256", "jku": "https://evil.example/jwks.json"}),
    ] {
        assert_eq!(
            verify(&with_header(&token, &header)),
            Err(VerifyError::UnknownKey)
        );
    }
}

#[test]
fn a_header_that_asks_for_more_than_we_know_is_refused() {
    let token = signed(SigningAlgorithm::ES256, &good_claims());
    let header = |extra: Value| {
        let mut header = part(&token, 0);
        header
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        with_header(&token, &header)
    };
    assert_eq!(
        verify(&header(json!({"crit": ["b64"], "b64": false}))),
        Err(VerifyError::Malformed)
    );
    assert_eq!(
        verify(&header(json!({"typ": "secevent+jwt"}))),
        Err(VerifyError::WrongType)
    );
    assert_eq!(
        verify(&header(json!({"typ": null}))),
        Err(VerifyError::WrongType)
    );
    // The signature covers the header, so even a harmless addition breaks it.
    assert_eq!(
        verify(&header(json!({"extra": 1}))),
        Err(VerifyError::BadSignature)
    );
}

#[test]
fn a_changed_payload_or_signature_is_refused() {
    for algorithm in ASYMMETRIC {
        let token = signed(algorithm, &good_claims());
        let [header, _, signature] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
        let more = encoded(&claims_with(&[("scope", json!("delete:users"))]));
        assert_eq!(
            verify(&format!("{header}.{more}.{signature}")),
            Err(VerifyError::BadSignature)
        );

        let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
        for position in [0, bytes.len() / 2, bytes.len() - 1] {
            bytes[position] ^= 1;
            let changed = URL_SAFE_NO_PAD.encode(&bytes);
            let (signed_part, _) = token.rsplit_once('.').unwrap();
            assert_eq!(
                verify(&format!("{signed_part}.{changed}")),
                Err(VerifyError::BadSignature)
            );
            bytes[position] ^= 1;
        }
        let zeros = URL_SAFE_NO_PAD.encode(vec![0; bytes.len()]);
        let (signed_part, _) = token.rsplit_once('.').unwrap();
        assert_eq!(
            verify(&format!("{signed_part}.{zeros}")),
            Err(VerifyError::BadSignature)
        );
    }
}

#[test]
fn nothing_may_stand_around_a_token() {
    for algorithm in ASYMMETRIC {
        let token = signed(algorithm, &good_claims());
        assert!(verify(&token).is_ok());
        for garbled in [
            format!("{token} "),
            format!(" {token}"),
            format!("{token}\n"),
            format!("{token}="),
            format!("{token}."),
            format!("{token}.e30"),
            format!(".{token}"),
            format!("{token}AAAA"),
            token.replacen('.', "..", 1),
        ] {
            assert!(verify(&garbled).is_err(), "{garbled:?}");
        }
    }
}

#[test]
fn a_signature_has_one_spelling() {
    // 64 bytes leave four bits of the last base64 character unused.
    let token = signed(SigningAlgorithm::ES256, &good_claims());
    let (all_but_last, last) = token.split_at(token.len() - 1);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for other in alphabet.chars().filter(|other| !last.contains(*other)) {
        assert!(
            verify(&format!("{all_but_last}{other}")).is_err(),
            "{other}"
        );
    }
}
