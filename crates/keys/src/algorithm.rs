//! The algorithms in the JWT library's terms.

use claimsmith_model::SigningAlgorithm;
use jsonwebtoken::Algorithm;

/// The library's name for `algorithm`.
pub(crate) const fn jwt_algorithm(algorithm: SigningAlgorithm) -> Algorithm {
    match algorithm {
        SigningAlgorithm::RS256 => Algorithm::RS256,
        SigningAlgorithm::ES256 => Algorithm::ES256,
        SigningAlgorithm::EdDSA => Algorithm::EdDSA,
        SigningAlgorithm::HS256 => Algorithm::HS256,
    }
}
