use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use claimsmith_keys::{Certificate, KeySet, generate};
use claimsmith_model::{KeyUse, SigningAlgorithm, StoredKey};
use serde_json::{Value, json};

use crate::support::{KEYS, STORED, now, stored};

fn entries() -> Vec<Value> {
    let jwks: Value = serde_json::from_str(KEYS.jwks()).unwrap();
    jwks["keys"].as_array().unwrap().clone()
}

fn entry(algorithm: SigningAlgorithm) -> Value {
    let mut entries = entries();
    entries.retain(|entry| entry["alg"] == algorithm.as_str());
    assert_eq!(entries.len(), 1);
    entries.remove(0)
}

fn member_names(entry: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = entry
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn each_entry_has_the_public_members_of_its_kind_and_no_other() {
    let rsa = entry(SigningAlgorithm::RS256);
    assert_eq!(member_names(&rsa), ["alg", "e", "kid", "kty", "n", "use"]);
    assert_eq!(
        (&rsa["kty"], &rsa["use"], &rsa["e"]),
        (&json!("RSA"), &json!("sig"), &json!("AQAB"))
    );

    let p256 = entry(SigningAlgorithm::ES256);
    assert_eq!(
        member_names(&p256),
        ["alg", "crv", "kid", "kty", "use", "x", "y"]
    );
    assert_eq!(
        (&p256["kty"], &p256["crv"]),
        (&json!("EC"), &json!("P-256"))
    );

    let ed25519 = entry(SigningAlgorithm::EdDSA);
    assert_eq!(
        member_names(&ed25519),
        ["alg", "crv", "kid", "kty", "use", "x"]
    );
    assert_eq!(
        (&ed25519["kty"], &ed25519["crv"]),
        (&json!("OKP"), &json!("Ed25519"))
    );
}

#[test]
fn an_rsa_key_has_2048_bits_and_coordinates_their_full_length() {
    let length = |value: &Value| {
        URL_SAFE_NO_PAD
            .decode(value.as_str().unwrap())
            .unwrap()
            .len()
    };
    assert_eq!(length(&entry(SigningAlgorithm::RS256)["n"]), 256);
    let p256 = entry(SigningAlgorithm::ES256);
    assert_eq!((length(&p256["x"]), length(&p256["y"])), (32, 32));
    assert_eq!(length(&entry(SigningAlgorithm::EdDSA)["x"]), 32);
}

#[test]
fn no_private_key_can_be_read_from_jwks_or_debug() {
    let shown = format!("{} {:?} {:?}", KEYS.jwks(), *KEYS, *STORED);
    for key in STORED.iter() {
        // A window of the private key in any of the forms that could be shown.
        let pkcs8 = STANDARD.decode(key.private_key.expose()).unwrap();
        assert!(!shown.contains(key.private_key.expose()));
        let seed = match key.algorithm {
            // The last 32 bytes of an Ed25519 PKCS#8 document are its seed.
            SigningAlgorithm::EdDSA => &pkcs8[pkcs8.len() - 32..],
            // SEC 1's private scalar stands before the optional public point.
            SigningAlgorithm::ES256 => &pkcs8[36..68],
            _ => &pkcs8[pkcs8.len() - 128..],
        };
        assert!(!shown.contains(&URL_SAFE_NO_PAD.encode(seed)));
    }
}

#[test]
fn a_kid_is_the_rfc_7638_thumbprint_of_its_key() {
    let canonical = |algorithm: SigningAlgorithm| {
        let key = entry(algorithm);
        match algorithm {
            SigningAlgorithm::RS256 => {
                format!(r#"{{"e":{},"kty":"RSA","n":{}}}"#, key["e"], key["n"])
            }
            SigningAlgorithm::ES256 => {
                format!(
                    r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#,
                    key["x"], key["y"]
                )
            }
            _ => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":{}}}"#, key["x"]),
        }
    };
    for key in STORED.iter() {
        let hash = digest(&SHA256, canonical(key.algorithm).as_bytes());
        assert_eq!(key.id.as_str(), URL_SAFE_NO_PAD.encode(hash));
        assert_eq!(entry(key.algorithm)["kid"], key.id.as_str());
    }
}

#[test]
fn previous_keys_are_published_too() {
    let previous = StoredKey {
        key_use: KeyUse::Previous,
        ..stored(SigningAlgorithm::EdDSA).clone()
    };
    let keys = KeySet::from_stored(std::slice::from_ref(&previous)).unwrap();
    assert!(keys.jwks().contains(previous.id.as_str()));
    assert!(!keys.has(SigningAlgorithm::EdDSA));
}

#[test]
fn the_key_that_signs_comes_first_then_the_next_then_those_of_before() {
    let algorithm = SigningAlgorithm::ES256;
    let made = |seconds| generate(algorithm, now().plus_seconds(seconds)).unwrap();
    let (current, next, mut previous, mut older) = (made(1), made(3), made(2), made(0));
    previous.retire(now());
    older.retire(now());

    let stored = [
        older.clone(),
        next.as_next(),
        current.clone(),
        previous.clone(),
    ];
    let keys = KeySet::from_stored(&stored).unwrap();

    let jwks: Value = serde_json::from_str(keys.jwks()).unwrap();
    let kids = jwks["keys"].as_array().unwrap().iter();
    let kids: Vec<_> = kids.map(|key| key["kid"].as_str().unwrap()).collect();
    let expected = [&current, &next, &previous, &older];
    assert_eq!(kids, expected.map(|key| key.id.as_str()));
    assert_eq!(keys.current_id(algorithm), Some(&current.id));
    assert_eq!(keys.without_next().count(), 0);
}

#[test]
fn a_revoked_key_is_in_no_set() {
    let mut revoked = stored(SigningAlgorithm::EdDSA).clone();
    revoked.revoke(now());
    let keys = KeySet::from_stored(&[revoked]).unwrap();
    assert_eq!(keys.jwks(), r#"{"keys":[]}"#);
    assert!(!keys.has(SigningAlgorithm::EdDSA));
}

#[test]
fn a_certificate_holds_the_key_and_has_its_fingerprint() {
    for key in STORED.iter() {
        let certificate = Certificate::of(key).unwrap();

        let base64: String = certificate
            .pem
            .lines()
            .filter(|line| !line.starts_with("-----"))
            .inspect(|line| assert!(line.len() <= 64))
            .collect();
        let der = STANDARD.decode(base64).unwrap();
        let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, &der);
        let hash: String = hash
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect();
        assert_eq!(certificate.thumbprint, hash);
        assert_eq!(certificate.fingerprint.replace(':', ""), hash);
        assert_eq!(certificate.fingerprint.len(), 59);
        let parameter = match key.algorithm {
            SigningAlgorithm::RS256 => "n",
            _ => "x",
        };
        let public = entry(key.algorithm)[parameter].as_str().unwrap().to_owned();
        let public = URL_SAFE_NO_PAD.decode(public).unwrap();
        assert!(der.windows(public.len()).any(|part| part == public));
    }
    let mut early = STORED[0].clone();
    early.certificate = None;
    assert_eq!(Certificate::of(&early), None);
}

#[test]
fn a_tenant_without_keys_has_an_empty_set() {
    assert_eq!(KeySet::from_stored(&[]).unwrap().jwks(), r#"{"keys":[]}"#);
}
