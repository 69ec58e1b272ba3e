//! The claim policy: which custom claims a token may carry, and why the others not.
//!
//! Pure functions: the result depends on nothing but the claims offered and the
//! tenant's settings. What a refused claim does to the token (`claims.on_refusal`)
//! and where reports go is decided elsewhere. `docs/claims.md` has the rules as
//! authors of Actions read them.
//!
//! A [`Policy`] is made once per tenant. For each token, a [`Ledger`] judges claims as
//! they are offered, and [`Ledger::seal`] judges the whole set again and gives
//! [`SealedClaims`], the only type from which a token can be signed.
//!
//! ```
//! use std::sync::Arc;
//!
//! use claimsmith_claims::{Policy, ReservedNamespaces, TokenContext};
//! use claimsmith_model::{ClaimSettings, JsonObject, TokenKind};
//! use serde_json::json;
//!
//! let policy = Arc::new(Policy::new(
//!     ClaimSettings::default(),
//!     &["login.example.com".to_owned()],
//!     &ReservedNamespaces::default(),
//! ));
//! let mut ledger = policy.ledger(TokenContext {
//!     kind: TokenKind::AccessToken,
//!     server_claims: Arc::new(["iss", "sub", "aud", "iat", "exp"]),
//!     own_api: false,
//!     scopes: Arc::new([]),
//! });
//!
//! ledger.offer_json("add-role", "https://example.com/role", r#""admin""#).unwrap();
//! let refusal = ledger.offer_json("add-role", "https://acme.auth0.com/role", "1").unwrap_err();
//! assert_eq!(refusal.message, "`https://acme.auth0.com/role` is in the reserved domain auth0.com");
//!
//! let mut server_claims = JsonObject::new();
//! server_claims.insert("sub".to_owned(), json!("auth0|1"));
//! let (claims, refused) = ledger.seal(server_claims);
//! assert!(refused.is_empty());
//! assert_eq!(
//!     serde_json::to_string(&claims).unwrap(),
//!     r#"{"sub":"auth0|1","https://example.com/role":"admin"}"#
//! );
//! ```

mod ledger;
mod limits;
mod namespace;
mod policy;
mod refusal;
mod reserved;
mod restricted;
mod sealed;
mod spelling;
mod value;

pub use ledger::Ledger;
pub use limits::{
    CLAIMS_BYTES_MAX, CLAIMS_MAX, NAME_BYTES_MAX, VALUE_DEPTH_MAX, VALUE_TEXT_BYTES_MAX,
};
pub use policy::{Policy, TokenContext};
pub use refusal::{RefusalCode, refused_claim};
pub use reserved::ReservedNamespaces;
pub use sealed::{AdmittedRef, SealedClaims};
pub use value::json_depth;
