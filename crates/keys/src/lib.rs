//! Signing keys, JWKS, and signing and verifying JWTs.
//!
//! A tenant's keys are parsed once, into a [`KeySet`], and every token is signed
//! with the parsed key. A token is signed from [`SealedClaims`] and nothing else,
//! which only the claim policy can make. Deliberately not here: where keys are
//! stored and sealed, when they rotate, and what a token holds.
//!
//! ```
//! use std::sync::Arc;
//!
//! use claimsmith_claims::{Policy, ReservedNamespaces, TokenContext};
//! use claimsmith_keys::{Expected, KeySet, TokenType, generate};
//! use claimsmith_model::{ClaimSettings, SigningAlgorithm, Timestamp, TokenKind};
//! use serde_json::json;
//!
//! let now = Timestamp::from_millis(1_790_000_000_000);
//! let keys = KeySet::from_stored(&[generate(SigningAlgorithm::ES256, now)?])?;
//!
//! let policy = Policy::new(ClaimSettings::default(), &[], &ReservedNamespaces::default());
//! let mut ledger = Arc::new(policy).ledger(TokenContext {
//!     kind: TokenKind::AccessToken,
//!     server_claims: Arc::new(["iss", "sub", "aud", "exp"]),
//!     own_api: false,
//!     scopes: Arc::new([]),
//! });
//! ledger.offer("add-role", "https://example.com/role", &json!("admin")).unwrap();
//! let (claims, _refused) = ledger.seal(
//!     json!({
//!         "iss": "https://login.example.com/",
//!         "sub": "auth0|1",
//!         "aud": "https://api.example.com/",
//!         "exp": now.as_seconds() + 60,
//!     })
//!     .as_object()
//!     .cloned()
//!     .unwrap_or_default(),
//! );
//!
//! let token = keys.sign(SigningAlgorithm::ES256, TokenType::AccessTokenJwt, &claims)?;
//! let verified = keys.verify(
//!     &token,
//!     &Expected {
//!         issuer: "https://login.example.com/",
//!         audience: "https://api.example.com/",
//!         now,
//!         leeway_s: 0,
//!     },
//! )?;
//! assert_eq!(verified.subject(), Some("auth0|1"));
//! assert_eq!(verified.as_object()["https://example.com/role"], "admin");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`SealedClaims`]: claimsmith_claims::SealedClaims

mod algorithm;
mod certificate;
mod client_key;
mod error;
mod generate;
mod hs256;
mod key_set;
mod private_key;
mod public_key;
mod token;
mod token_hash;
mod verify;

pub use certificate::Certificate;
pub use client_key::{
    ExpectedAssertion, VerifiedAssertion, check_client_key, unverified_subject, verify_assertion,
};
pub use error::{AssertionError, ClientKeyError, KeyError, VerifyError};
pub use generate::generate;
pub use hs256::{HS256_SECRET_BYTES_MIN, sign_hs256};
pub use key_set::KeySet;
pub use token::TokenType;
pub use token_hash::token_hash;
pub use verify::{Expected, TOKEN_BYTES_MAX, VerifiedClaims};
