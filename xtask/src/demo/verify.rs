//! Verifying tokens as a resource server would: from the key set alone, with other
//! code than the server's.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, bail};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use serde_json::Value;

use super::api;

/// How far two clocks may be apart.
const LEEWAY: Duration = Duration::from_secs(5);

/// A token whose signature, issuer, audience and times were found right.
pub(crate) struct Verified {
    /// The JOSE header (RFC 7515 section 4).
    pub(crate) header: Value,
    /// The claims (RFC 7519 section 4).
    pub(crate) claims: Value,
    /// When it was verified, in seconds since 1970.
    pub(crate) at: u64,
}

/// Verifies a signed JWT against a JWK set (RFC 7517), the issuer and the audience it
/// must be for. Also makes sure that the signature covers the claims: a copy of the
/// token with another payload must not pass.
///
/// # Errors
/// Says which check failed.
pub(crate) fn verify(token: &str, keys: &Value, issuer: &str, audience: &str) -> Result<Verified> {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = parts.as_slice() else {
        bail!("a token is not of the form header.payload.signature: {token}");
    };
    let header_json = json_of(header).context("the token's header")?;
    let claims = json_of(payload).context("the token's payload")?;
    let signature = decode(signature).context("the token's signature")?;
    let algorithm = api::text(&header_json, "/alg")?;
    let key = key_of(keys, api::text(&header_json, "/kid")?)?;

    check_signature(algorithm, key, &format!("{header}.{payload}"), &signature)?;
    if check_signature(algorithm, key, &format!("{header}.{payload}x"), &signature).is_ok() {
        bail!("the signature holds for other claims, too");
    }
    if api::text(&claims, "/iss")? != issuer {
        bail!("the token's issuer is not {issuer}: {claims}");
    }
    if !is_for(&claims, audience) {
        bail!("the token is not for {audience}: {claims}");
    }
    let at = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .context("the clock is before 1970")?;
    check_times(&claims, at)?;
    Ok(Verified {
        header: header_json,
        claims,
        at: at.as_secs(),
    })
}

/// Checks a JWS signature (RFC 7518 section 3, RFC 8037) over the signing input.
fn check_signature(algorithm: &str, key: &Value, input: &str, signature: &[u8]) -> Result<()> {
    let part = |name: &str| decode(api::text(key, &format!("/{name}"))?);
    let input = input.as_bytes();
    let outcome = match algorithm {
        "RS256" => RsaPublicKeyComponents {
            n: part("n")?,
            e: part("e")?,
        }
        .verify(&signature::RSA_PKCS1_2048_8192_SHA256, input, signature),
        "ES256" => {
            // The uncompressed form of a point, SEC 1 section 2.3.3.
            let point = [vec![4], part("x")?, part("y")?].concat();
            UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point)
                .verify(input, signature)
        }
        "EdDSA" => UnparsedPublicKey::new(&signature::ED25519, part("x")?).verify(input, signature),
        other => bail!("the token is signed with {other}, which can't be checked here"),
    };
    outcome.map_err(|_| anyhow!("the {algorithm} signature does not fit the key {key}"))
}

fn key_of<'k>(keys: &'k Value, kid: &str) -> Result<&'k Value> {
    let list = keys.pointer("/keys").and_then(Value::as_array);
    list.and_then(|list| {
        list.iter()
            .find(|key| key.pointer("/kid") == Some(&kid.into()))
    })
    .with_context(|| format!("the key set has no key {kid}: {keys}"))
}

fn is_for(claims: &Value, audience: &str) -> bool {
    match claims.pointer("/aud") {
        Some(Value::String(one)) => one == audience,
        Some(Value::Array(several)) => several.iter().any(|one| one == audience),
        _ => false,
    }
}

fn check_times(claims: &Value, now: Duration) -> Result<()> {
    let seconds = |name: &str| {
        let time = claims.pointer(&format!("/{name}")).and_then(Value::as_u64);
        time.map(Duration::from_secs)
            .with_context(|| format!("the token has no {name}: {claims}"))
    };
    if seconds("iat")? > now + LEEWAY {
        bail!("the token was issued in the future: {claims}");
    }
    if seconds("exp")? + LEEWAY < now {
        bail!("the token has expired: {claims}");
    }
    Ok(())
}

fn json_of(part: &str) -> Result<Value> {
    serde_json::from_slice(&decode(part)?).context("it is no JSON")
}

fn decode(base64url: &str) -> Result<Vec<u8>> {
    URL_SAFE_NO_PAD
        .decode(base64url)
        .context("it is no base64url without padding")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The example of RFC 7515 appendix A.3.
    const ES256: (&str, &str) = (
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    );

    fn key() -> Value {
        json!({
            "kty": "EC", "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        })
    }

    #[test]
    fn the_example_of_rfc_7515_is_verified() {
        let (input, signature) = (ES256.0, decode(ES256.1).unwrap());

        check_signature("ES256", &key(), input, &signature).unwrap();
    }

    #[test]
    fn a_changed_payload_and_another_algorithm_are_not() {
        let (input, signature) = (ES256.0, decode(ES256.1).unwrap());

        assert!(check_signature("ES256", &key(), &format!("{input}x"), &signature).is_err());
        assert!(check_signature("none", &key(), input, &signature).is_err());
    }

    #[test]
    fn an_audience_is_one_of_several_or_the_only_one() {
        assert!(is_for(&json!({"aud": "a"}), "a"));
        assert!(is_for(&json!({"aud": ["b", "a"]}), "a"));
        assert!(!is_for(&json!({"aud": "ab"}), "a"));
        assert!(!is_for(&json!({}), "a"));
    }

    #[test]
    fn an_expired_token_and_one_of_the_future_are_refused() {
        let now = Duration::from_secs(1_000);

        assert!(check_times(&json!({"iat": 900, "exp": 1_100}), now).is_ok());
        assert!(check_times(&json!({"iat": 900, "exp": 990}), now).is_err());
        assert!(check_times(&json!({"iat": 1_010, "exp": 1_100}), now).is_err());
    }
}
