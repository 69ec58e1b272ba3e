//! The hash under which tokens are stored.

use aws_lc_rs::digest;

/// The SHA-256 under which a token, a code or a cookie is stored. They have 256 bits of
/// chance, so nothing slower is needed.
pub(crate) fn sha256(text: &str) -> [u8; 32] {
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    let mut hash = [0; 32];
    for (to, from) in hash.iter_mut().zip(digest.as_ref()) {
        *to = *from;
    }
    hash
}
