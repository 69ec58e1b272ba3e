//! Signing with a resource server's own secret.

use claimsmith_claims::SealedClaims;
use claimsmith_model::{Secret, SigningAlgorithm};
use jsonwebtoken::{Algorithm, EncodingKey, crypto::aws_lc};

use crate::{
    KeyError, TokenType,
    token::{compose, encoded_header},
};

/// The shortest secret in bytes: RFC 7518 section 3.2 wants a key of at least the
/// hash's size.
pub const HS256_SECRET_BYTES_MIN: usize = 32;

/// Signs an access token with HMAC and the secret that a resource server shares
/// with this server. The key is the secret's UTF-8 bytes; the token names no `kid`.
///
/// # Errors
/// When the secret has less than [`HS256_SECRET_BYTES_MIN`].
pub fn sign_hs256(
    secret: &Secret,
    typ: TokenType,
    claims: &SealedClaims,
) -> Result<String, KeyError> {
    let secret = secret.expose().as_bytes();
    if secret.len() < HS256_SECRET_BYTES_MIN {
        return Err(KeyError::SecretTooShort);
    }
    let new_signer = aws_lc::DEFAULT_PROVIDER.signer_factory;
    let signer = new_signer(&Algorithm::HS256, &EncodingKey::from_secret(secret))
        .map_err(|_| KeyError::Signing(SigningAlgorithm::HS256))?;
    let header = encoded_header(SigningAlgorithm::HS256, typ, None)?;
    compose(&header, claims, signer.as_ref(), SigningAlgorithm::HS256)
}
