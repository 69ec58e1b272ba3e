//! What the keys promise, from outside: tokens that any JWT library verifies, a
//! JWKS without secrets, and no forged token accepted.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the helpers of tests may panic as tests may"
)]

mod forgeries;
mod jwks;
mod signing;
mod support;
mod verifying;
