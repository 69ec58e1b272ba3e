//! A parsed private key.

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    error::Unspecified,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
        RSA_PKCS1_SHA256, RsaKeyPair,
    },
};
use claimsmith_model::SigningAlgorithm;
use jsonwebtoken::{
    Algorithm, DecodingKey,
    crypto::JwtSigner,
    signature::{Error, Signer},
};

use crate::algorithm::jwt_algorithm;

/// A private key, parsed once. The library's own signers parse it anew for every
/// token, which for RSA costs as much as the signature.
pub(crate) enum PrivateKey {
    /// RSA of 2048 bits or more, for RS256.
    Rsa(RsaKeyPair),
    /// P-256, for ES256.
    P256(EcdsaKeyPair),
    /// Ed25519, for EdDSA.
    Ed25519(Ed25519KeyPair),
}

impl PrivateKey {
    /// A new key; none for HS256. RSA has 2048 bits, as RFC 7518 section 3.3 wants
    /// at least.
    pub(crate) fn generate(algorithm: SigningAlgorithm) -> Option<Result<Self, Unspecified>> {
        match algorithm {
            SigningAlgorithm::RS256 => Some(RsaKeyPair::generate(KeySize::Rsa2048).map(Self::Rsa)),
            SigningAlgorithm::ES256 => {
                Some(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map(Self::P256))
            }
            SigningAlgorithm::EdDSA => Some(Ed25519KeyPair::generate().map(Self::Ed25519)),
            SigningAlgorithm::HS256 => None,
        }
    }

    /// The key in that PKCS#8 document; none when it isn't one for `algorithm`.
    pub(crate) fn from_pkcs8(algorithm: SigningAlgorithm, pkcs8: &[u8]) -> Option<Self> {
        match algorithm {
            SigningAlgorithm::RS256 => RsaKeyPair::from_pkcs8(pkcs8).ok().map(Self::Rsa),
            SigningAlgorithm::ES256 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)
                    .ok()
                    .map(Self::P256)
            }
            SigningAlgorithm::EdDSA => Ed25519KeyPair::from_pkcs8(pkcs8).ok().map(Self::Ed25519),
            SigningAlgorithm::HS256 => None,
        }
    }

    /// The key as a PKCS#8 document.
    pub(crate) fn to_pkcs8(&self) -> Result<Vec<u8>, Unspecified> {
        match self {
            Self::Rsa(pair) => {
                let document: Pkcs8V1Der<'_> = pair.as_der()?;
                Ok(document.as_ref().to_vec())
            }
            Self::P256(pair) => Ok(pair.to_pkcs8v1()?.as_ref().to_vec()),
            Self::Ed25519(pair) => Ok(pair.to_pkcs8v1()?.as_ref().to_vec()),
        }
    }

    /// The public half, which verifies.
    pub(crate) fn public_half(&self) -> DecodingKey {
        match self {
            Self::Rsa(pair) => {
                let public = pair.public_key();
                DecodingKey::from_rsa_raw_components(
                    public.modulus().big_endian_without_leading_zero(),
                    public.exponent().big_endian_without_leading_zero(),
                )
            }
            Self::P256(pair) => DecodingKey::from_ec_der(pair.public_key().as_ref()),
            Self::Ed25519(pair) => DecodingKey::from_ed_der(pair.public_key().as_ref()),
        }
    }

    /// What it signs with.
    pub(crate) const fn algorithm(&self) -> SigningAlgorithm {
        match self {
            Self::Rsa(_) => SigningAlgorithm::RS256,
            Self::P256(_) => SigningAlgorithm::ES256,
            Self::Ed25519(_) => SigningAlgorithm::EdDSA,
        }
    }
}

impl Signer<Vec<u8>> for PrivateKey {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(
                    &RSA_PKCS1_SHA256,
                    &SystemRandom::new(),
                    message,
                    &mut signature,
                )
                .map_err(Error::from_source)?;
                Ok(signature)
            }
            Self::P256(pair) => pair
                .sign(&SystemRandom::new(), message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(Error::from_source),
            Self::Ed25519(pair) => pair
                .try_sign(message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(Error::from_source),
        }
    }
}

impl JwtSigner for PrivateKey {
    fn algorithm(&self) -> Algorithm {
        jwt_algorithm(self.algorithm())
    }
}
