use aws_lc_rs::digest::{SHA256, digest};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use claimsmith_keys::KeySet;
use claimsmith_model::{KeyUse, SigningAlgorithm, StoredKey};
use serde_json::{Value, json};

use crate::support::{KEYS, STORED, stored};

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
fn a_tenant_without_keys_has_an_empty_set() {
    assert_eq!(KeySet::from_stored(&[]).unwrap().jwks(), r#"{"keys":[]}"#);
}
