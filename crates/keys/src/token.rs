//! Putting a JWT together.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use claimsmith_claims::SealedClaims;
use claimsmith_model::SigningAlgorithm;
use jsonwebtoken::{Header, crypto::JwtSigner};

use crate::{KeyError, algorithm::jwt_algorithm};

/// The `typ` of a token's header (RFC 7519 section 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenType {
    /// `JWT`: an ID token, or an access token of the reference product's shape.
    Jwt,
    /// `at+jwt`: an access token of RFC 9068 (its section 2.1).
    AccessTokenJwt,
}

impl TokenType {
    /// The `typ` value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jwt => "JWT",
            Self::AccessTokenJwt => "at+jwt",
        }
    }
}

/// A header in base64url. It is the same for every token of one key and type.
pub(crate) fn encoded_header(
    algorithm: SigningAlgorithm,
    typ: TokenType,
    kid: Option<&str>,
) -> Result<String, KeyError> {
    let header = Header {
        typ: Some(typ.as_str().to_owned()),
        kid: kid.map(str::to_owned),
        ..Header::new(jwt_algorithm(algorithm))
    };
    let json = serde_json::to_vec(&header).map_err(|_| KeyError::Encoding)?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}

/// The token (RFC 7515 section 3.1): header, claims and the signature over both.
pub(crate) fn compose(
    encoded_header: &str,
    claims: &SealedClaims,
    signer: &dyn JwtSigner,
    algorithm: SigningAlgorithm,
) -> Result<String, KeyError> {
    /// Room for the base64url of an RSA signature and the two dots.
    const SIGNATURE_BYTES: usize = 344;
    let payload = serde_json::to_vec(claims).map_err(|_| KeyError::Encoding)?;
    let mut token = String::with_capacity(
        encoded_header.len() + payload.len().div_ceil(3) * 4 + SIGNATURE_BYTES,
    );
    token.push_str(encoded_header);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(payload, &mut token);
    let signature = signer
        .try_sign(token.as_bytes())
        .map_err(|_| KeyError::Signing(algorithm))?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Ok(token)
}
