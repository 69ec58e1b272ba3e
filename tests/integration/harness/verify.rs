//! Verifying tokens as an API would, from the key set alone, with other code than
//! the server signs with.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    hmac,
    signature::{self, RsaPublicKeyComponents, UnparsedPublicKey},
};
use serde_json::Value;

/// A signed token, taken apart.
#[derive(Debug, Clone)]
pub(crate) struct Jwt {
    pub(crate) header: Value,
    pub(crate) claims: Value,
    signed: String,
    signature: Vec<u8>,
}

impl Jwt {
    /// Takes a token apart; `None` when it isn't a JWT (RFC 7519 section 3).
    pub(crate) fn parse(token: &str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        Some(Self {
            header: serde_json::from_slice(&decode(header)).ok()?,
            claims: serde_json::from_slice(&decode(claims)).ok()?,
            signed: signed.to_owned(),
            signature: decode(signature),
        })
    }

    pub(crate) fn algorithm(&self) -> &str {
        self.header["alg"].as_str().unwrap()
    }

    /// Whether a JWK set (RFC 7517) has the key that signed this token.
    pub(crate) fn is_signed_by(&self, jwks: &Value) -> bool {
        let mut keys = jwks["keys"].as_array().unwrap().iter();
        let Some(key) = keys.find(|key| key["kid"] == self.header["kid"]) else {
            return false;
        };
        assert_eq!(
            key["alg"], self.header["alg"],
            "the key is for another algorithm"
        );
        let part = |name: &str| decode(key[name].as_str().unwrap());
        let message = self.signed.as_bytes();
        match self.algorithm() {
            "RS256" => RsaPublicKeyComponents {
                n: part("n"),
                e: part("e"),
            }
            .verify(
                &signature::RSA_PKCS1_2048_8192_SHA256,
                message,
                &self.signature,
            )
            .is_ok(),
            "ES256" => {
                // The uncompressed form of a point, SEC 1 section 2.3.3.
                let point = [vec![4], part("x"), part("y")].concat();
                let key = UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point);
                key.verify(message, &self.signature).is_ok()
            }
            "EdDSA" => {
                let key = UnparsedPublicKey::new(&signature::ED25519, part("x"));
                key.verify(message, &self.signature).is_ok()
            }
            _ => false,
        }
    }

    /// Whether an API that shares this secret with the server would take the token.
    pub(crate) fn is_signed_with_secret(&self, secret: &str) -> bool {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        self.algorithm() == "HS256"
            && hmac::verify(&key, self.signed.as_bytes(), &self.signature).is_ok()
    }
}

fn decode(base64url: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(base64url).unwrap_or_default()
}

/// A token that somebody signs with a secret of their own choice.
pub(crate) fn forge_hs256(header: &Value, claims: &Value, secret: &str) -> String {
    let signed = forge_unsigned(header, claims);
    let signed = signed.trim_end_matches('.');
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signature = hmac::sign(&key, signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A token with an empty signature.
pub(crate) fn forge_unsigned(header: &Value, claims: &Value) -> String {
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    format!("{}.{}.", encode(header), encode(claims))
}
