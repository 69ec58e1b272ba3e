//! The public keys of clients, and the assertions that they sign with them (RFC 7523).

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA256, VerificationAlgorithm,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use claimsmith_model::{
    AssertionAlgorithm, ClientCredential, ClientPublicKey, JsonObject, Timestamp,
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::Jwk};
use rustls_pki_types::{SubjectPublicKeyInfoDer, pem::PemObject};
use serde_json::{Value, json};

use crate::{AssertionError, ClientKeyError};

/// The longest `jti` in bytes; a UUID has 36.
const JTI_BYTES_MAX: usize = 256;
/// How long an assertion may live from now on, in seconds: long enough for clocks that
/// differ, short enough that remembering its `jti` costs little.
const LIFETIME_S_MAX: i64 = 600;
/// How many seconds the clocks of client and server may differ.
const LEEWAY_S: i64 = 30;
/// The least and the most bytes of an RSA modulus: 2048 to 8192 bits.
const RSA_MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=1_024;

/// What an assertion must say.
#[derive(Debug, Clone, Copy)]
pub struct ExpectedAssertion<'a> {
    /// The `iss` and the `sub`: the client.
    pub client_id: &'a str,
    /// What the `aud` may be.
    pub audiences: &'a [&'a str],
    /// The present time.
    pub now: Timestamp,
}

/// An assertion that was found right. It must not be taken a second time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedAssertion {
    /// The `jti`.
    pub jti: String,
    /// Until when the same one could be given again.
    pub ends_at: Timestamp,
}

/// Who an assertion says that it is from, before anything of it was verified: to find
/// the keys that it must be verified with.
#[must_use]
pub fn unverified_subject(assertion: &str) -> Option<String> {
    let claims = assertion.split('.').nth(1)?;
    let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
    let claims: JsonObject = serde_json::from_slice(&claims).ok()?;
    claims.get("sub")?.as_str().map(str::to_owned)
}

/// Checks that a client's key can be used with its algorithm, and is no private key.
///
/// # Errors
/// What is wrong with it.
pub fn check_client_key(
    key: &ClientPublicKey,
    algorithm: AssertionAlgorithm,
) -> Result<(), ClientKeyError> {
    let is_key = |bytes: &[u8]| {
        let parsed = ParsedPublicKey::new(verification(algorithm), bytes);
        parsed.map(|_| ()).map_err(|_| ClientKeyError::WrongKind)
    };
    match key {
        ClientPublicKey::Pem(pem) => is_key(&der(pem)?),
        ClientPublicKey::Jwk(jwk) => {
            if ["d", "p", "q", "k"]
                .iter()
                .any(|name| jwk.contains_key(*name))
            {
                return Err(ClientKeyError::Private);
            }
            let part = |name: &str| {
                let part = jwk.get(name).and_then(Value::as_str);
                part.and_then(|part| URL_SAFE_NO_PAD.decode(part).ok())
                    .ok_or(ClientKeyError::Unreadable)
            };
            let is = |name: &str, value: &str| {
                let is_so = jwk.get(name).is_some_and(|given| given == value);
                is_so.then_some(()).ok_or(ClientKeyError::WrongKind)
            };
            match algorithm {
                AssertionAlgorithm::RS256 | AssertionAlgorithm::PS256 => {
                    is("kty", "RSA")?;
                    part("e")?;
                    let fits = RSA_MODULUS_BYTES.contains(&part("n")?.len());
                    fits.then_some(()).ok_or(ClientKeyError::WrongKind)
                }
                AssertionAlgorithm::ES256 => {
                    is("kty", "EC")?;
                    is("crv", "P-256")?;
                    // The uncompressed form of a point, SEC 1 section 2.3.3.
                    is_key(&[vec![4], part("x")?, part("y")?].concat())
                }
                AssertionAlgorithm::EdDSA => {
                    is("kty", "OKP")?;
                    is("crv", "Ed25519")?;
                    is_key(&part("x")?)
                }
            }
        }
    }
}

/// Verifies an assertion with one of a client's keys (RFC 7523 section 3). Its header
/// decides nothing: the key has its algorithm, and where the header names a key it is
/// looked for among these.
///
/// # Errors
/// Why not. That its claims are wrong is said only once the signature was found right.
pub fn verify_assertion(
    keys: &[ClientCredential],
    assertion: &str,
    expected: &ExpectedAssertion<'_>,
) -> Result<VerifiedAssertion, AssertionError> {
    let header = decode_header(assertion).map_err(|_| AssertionError::NotSigned)?;
    // An extension that the signer calls critical and we don't know (RFC 7515
    // section 4.1.11).
    if header.crit.is_some() {
        return Err(AssertionError::NotSigned);
    }
    let fitting = keys.iter().filter(|key| {
        let is_named = match (&header.kid, &key.key_id) {
            (Some(named), Some(key_id)) => named == key_id,
            // A key without a name is tried whatever the header calls it.
            _ => true,
        };
        is_named && header.alg == jwt_algorithm(key.algorithm)
    });
    let mut claims = None;
    for key in fitting {
        let mut validation = Validation::new(jwt_algorithm(key.algorithm));
        // All of them are checked below, by the clock that is passed in.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let Some(public) = decoding_key(key) else {
            continue;
        };
        if let Ok(token) = decode::<JsonObject>(assertion, &public, &validation) {
            claims = Some(token.claims);
            break;
        }
    }
    check(&claims.ok_or(AssertionError::NotSigned)?, expected)
}

fn check(
    claims: &JsonObject,
    expected: &ExpectedAssertion<'_>,
) -> Result<VerifiedAssertion, AssertionError> {
    let text = |claim: &str| claims.get(claim).and_then(Value::as_str);
    let is_client = |claim| text(claim) == Some(expected.client_id);
    if !is_client("iss") || !is_client("sub") {
        return Err(AssertionError::Claim(
            "iss and sub must both be the client_id",
        ));
    }
    let is_for_us = |audience: &Value| expected.audiences.iter().any(|ours| audience == ours);
    let is_for_us = match claims.get("aud") {
        Some(Value::Array(audiences)) => audiences.iter().any(is_for_us),
        Some(audience) => is_for_us(audience),
        None => false,
    };
    if !is_for_us {
        return Err(AssertionError::Claim(
            "aud must be the issuer or the token endpoint",
        ));
    }
    let now_s = expected.now.as_seconds();
    let time = |claim: &str| claims.get(claim).map(Value::as_i64);
    let Some(Some(exp)) = time("exp") else {
        return Err(AssertionError::Claim("exp must be there, in whole seconds"));
    };
    if exp.saturating_add(LEEWAY_S) <= now_s {
        return Err(AssertionError::Claim("it has expired: exp is past"));
    }
    if now_s + LIFETIME_S_MAX < exp {
        return Err(AssertionError::Claim(
            "exp must be no more than ten minutes away",
        ));
    }
    for claim in ["nbf", "iat"] {
        match time(claim) {
            None => {}
            Some(Some(time)) if time <= now_s + LEEWAY_S => {}
            Some(_) => {
                return Err(AssertionError::Claim(
                    "nbf and iat must be past, in whole seconds",
                ));
            }
        }
    }
    let jti = text("jti").filter(|jti| (1..=JTI_BYTES_MAX).contains(&jti.len()));
    let jti = jti.ok_or(AssertionError::Claim(
        "jti must be there, with 256 bytes at most",
    ))?;
    Ok(VerifiedAssertion {
        jti: jti.to_owned(),
        ends_at: Timestamp::from_millis(exp.saturating_add(LEEWAY_S).saturating_mul(1_000)),
    })
}

fn decoding_key(key: &ClientCredential) -> Option<DecodingKey> {
    match &key.public_key {
        ClientPublicKey::Pem(pem) => {
            let der = der(pem).ok()?;
            // The library hands the bytes on, and what verifies reads this form of all.
            Some(match key.algorithm {
                AssertionAlgorithm::RS256 | AssertionAlgorithm::PS256 => {
                    DecodingKey::from_rsa_der(&der)
                }
                AssertionAlgorithm::ES256 => DecodingKey::from_ec_der(&der),
                AssertionAlgorithm::EdDSA => DecodingKey::from_ed_der(&der),
            })
        }
        ClientPublicKey::Jwk(jwk) => {
            let jwk: Jwk = serde_json::from_value(json!(jwk)).ok()?;
            DecodingKey::from_jwk(&jwk).ok()
        }
    }
}

/// The SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7) in a PEM text.
fn der(pem: &str) -> Result<SubjectPublicKeyInfoDer<'static>, ClientKeyError> {
    if pem.contains("PRIVATE KEY") {
        return Err(ClientKeyError::Private);
    }
    SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes()).map_err(|_| ClientKeyError::Unreadable)
}

fn verification(algorithm: AssertionAlgorithm) -> &'static dyn VerificationAlgorithm {
    match algorithm {
        AssertionAlgorithm::RS256 => &RSA_PKCS1_2048_8192_SHA256,
        AssertionAlgorithm::PS256 => &RSA_PSS_2048_8192_SHA256,
        AssertionAlgorithm::ES256 => &ECDSA_P256_SHA256_FIXED,
        AssertionAlgorithm::EdDSA => &ED25519,
    }
}

const fn jwt_algorithm(algorithm: AssertionAlgorithm) -> Algorithm {
    match algorithm {
        AssertionAlgorithm::RS256 => Algorithm::RS256,
        AssertionAlgorithm::PS256 => Algorithm::PS256,
        AssertionAlgorithm::ES256 => Algorithm::ES256,
        AssertionAlgorithm::EdDSA => Algorithm::EdDSA,
    }
}
