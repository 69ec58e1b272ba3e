//! A public key as others see it.

use claimsmith_model::SigningAlgorithm;
use jsonwebtoken::{
    DecodingKey,
    jwk::{Jwk, PublicKeyUse, ThumbprintHash},
};

use crate::{KeyError, algorithm::jwt_algorithm};

/// The JWK (RFC 7517 section 4) of a public key: `kty` and the key's parameters
/// with `use`, `alg` and `kid`.
pub(crate) fn jwk(
    key: &DecodingKey,
    algorithm: SigningAlgorithm,
    kid: &str,
) -> Result<Jwk, KeyError> {
    let mut jwk = Jwk::from_decoding_key(key, Some(jwt_algorithm(algorithm)))
        .map_err(|_| KeyError::Encoding)?;
    jwk.common.public_key_use = Some(PublicKeyUse::Signature);
    jwk.common.key_id = Some(kid.to_owned());
    Ok(jwk)
}

/// The SHA-256 thumbprint (RFC 7638) of a public key in base64url.
pub(crate) fn thumbprint(key: &DecodingKey) -> Result<String, KeyError> {
    Jwk::from_decoding_key(key, None)
        .and_then(|jwk| jwk.thumbprint(ThumbprintHash::SHA256))
        .map_err(|_| KeyError::Encoding)
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

    use super::*;

    #[test]
    fn the_thumbprint_of_the_key_in_rfc_8037_is_the_one_it_gives() {
        let x = URL_SAFE_NO_PAD
            .decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
            .unwrap();
        assert_eq!(
            thumbprint(&DecodingKey::from_ed_der(&x)).unwrap(),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
        );
    }

    #[test]
    fn the_thumbprint_of_the_key_in_rfc_7638_is_the_one_it_gives() {
        let key = DecodingKey::from_rsa_components(
            "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc\
             _BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQ\
             R0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFT\
             WhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
            "AQAB",
        )
        .unwrap();
        assert_eq!(
            thumbprint(&key).unwrap(),
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
        );
    }
}
