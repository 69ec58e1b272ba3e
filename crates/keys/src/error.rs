//! What can go wrong with keys and tokens. No text holds key material or a token.

use claimsmith_model::{KeyId, SigningAlgorithm};

/// Why a key can't be made, read or used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// HS256 is symmetric: its secret belongs to a resource server.
    #[error("HS256 has no key pair; it signs with the resource server's own secret")]
    NoKeyPairForHs256,
    /// The operating system or the library gave no key.
    #[error("making a key for {} failed", .0.as_str())]
    Generation(SigningAlgorithm),
    /// A stored key isn't PKCS#8 of its algorithm.
    #[error("the stored key {id} is not a private key for {}", algorithm.as_str())]
    Unreadable {
        /// The key.
        id: KeyId,
        /// What it should be for.
        algorithm: SigningAlgorithm,
    },
    /// Two stored keys have the same `kid`.
    #[error("the key {0} is stored twice")]
    Repeated(KeyId),
    /// No stored key signs with that algorithm.
    #[error("there is no current key for {}", .0.as_str())]
    NoCurrentKey(SigningAlgorithm),
    /// RFC 7518 section 3.2 wants at least 256 bits.
    #[error(
        "the secret for HS256 is too short: it must have at least {} bytes",
        crate::HS256_SECRET_BYTES_MIN
    )]
    SecretTooShort,
    /// The public key or the token couldn't be written as JSON.
    #[error("a key or a token could not be encoded")]
    Encoding,
    /// The signature itself failed.
    #[error("signing with {} failed", .0.as_str())]
    Signing(SigningAlgorithm),
}

/// Why a client's public key can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClientKeyError {
    /// Neither PEM of a SubjectPublicKeyInfo nor a JWK with its members.
    #[error(
        "it can't be read: give a PEM text that begins with -----BEGIN PUBLIC KEY-----, or a JWK"
    )]
    Unreadable,
    /// A key of another kind than its algorithm needs.
    #[error(
        "it is not a key for its alg: RS256 and PS256 need RSA with 2048 to 8192 bits, ES256 the \
         curve P-256, EdDSA the curve Ed25519"
    )]
    WrongKind,
    /// A key that nobody but the client should have.
    #[error("it is a private key: keep it, make another one, and give its public key")]
    Private,
}

/// Why a client's assertion isn't accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// It isn't a JWT that a key of the client signed.
    #[error("the assertion is not signed by a key of the client")]
    NotSigned,
    /// The client signed it, but it says something wrong.
    #[error("{0}")]
    Claim(&'static str),
}

/// Why a token isn't accepted. The text says what is wrong, not what would be
/// right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// Longer than any token of this server.
    #[error("the token has more than {} bytes", crate::TOKEN_BYTES_MAX)]
    TooLong,
    /// Not three parts of base64url with JSON in the first two, an algorithm that
    /// no key of this server has, or header parameters that must be understood.
    #[error("the token is not a signed JWT")]
    Malformed,
    /// It names no key, or none of this tenant.
    #[error("the token is not signed by a key of this tenant")]
    UnknownKey,
    /// It names a key that has another algorithm.
    #[error("the token's algorithm is not that of its key")]
    WrongAlgorithm,
    /// It says that it is something else than an access or ID token.
    #[error("the token is of another type")]
    WrongType,
    /// The signature doesn't fit.
    #[error("the token's signature is wrong")]
    BadSignature,
    /// `exp` is past (RFC 7519 section 4.1.4).
    #[error("the token has expired")]
    Expired,
    /// `nbf` is yet to come (RFC 7519 section 4.1.5).
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Another `iss` (RFC 7519 section 4.1.1).
    #[error("the token is from another issuer")]
    WrongIssuer,
    /// Another `aud` (RFC 7519 section 4.1.3).
    #[error("the token is for another audience")]
    WrongAudience,
    /// `iss`, `aud` or `exp` is missing, or one of the dates is no date.
    #[error("the token's {0} claim is missing or malformed")]
    BadClaim(&'static str),
}
