//! The hash that ties an access token to its ID token.

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use claimsmith_model::SigningAlgorithm;

/// The `at_hash` of an access token (OpenID Connect Core section 3.1.3.6): the left
/// half of its hash in base64url. The hash is that of the algorithm which signs
/// the *ID token*: SHA-512 for EdDSA (Ed25519 hashes with it, RFC 8032
/// section 5.1), else SHA-256.
#[must_use]
pub fn token_hash(id_token_algorithm: SigningAlgorithm, access_token: &str) -> String {
    let hash = match id_token_algorithm {
        SigningAlgorithm::EdDSA => &SHA512,
        SigningAlgorithm::RS256 | SigningAlgorithm::ES256 | SigningAlgorithm::HS256 => &SHA256,
    };
    let digest = digest(hash, access_token.as_bytes());
    let (left_half, _) = digest.as_ref().split_at(digest.as_ref().len() / 2);
    URL_SAFE_NO_PAD.encode(left_half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_openid_connect_core_appendix_a_4_holds() {
        let hash = token_hash(
            SigningAlgorithm::RS256,
            "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y",
        );
        assert_eq!(hash, "77QmUPtjPfzWtF2AnpK9RQ");
    }

    #[test]
    fn ed25519_hashes_with_sha_512() {
        let hash = token_hash(SigningAlgorithm::EdDSA, "abc");
        // The first 32 bytes of SHA-512("abc"), FIPS 180-4's example.
        let expected = [
            0xdd, 0xaf, 0x35, 0xa1, 0x93, 0x61, 0x7a, 0xba, 0xcc, 0x41, 0x73, 0x49, 0xae, 0x20,
            0x41, 0x31, 0x12, 0xe6, 0xfa, 0x4e, 0x89, 0xa9, 0x7e, 0xa2, 0x0a, 0x9e, 0xee, 0xe6,
            0x4b, 0x55, 0xd3, 0x9a,
        ];
        assert_eq!(URL_SAFE_NO_PAD.decode(hash).unwrap(), expected);
    }
}
