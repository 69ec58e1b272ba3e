//! The APIs that tokens are for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ResourceServerId, Secret, SigningAlgorithm, Timestamp};

/// A resource server (RFC 6749 section 1.1), an "API" in the Management API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceServer {
    /// The internal identifier.
    pub id: ResourceServerId,
    /// The audience: what a request names and a token's `aud` holds. Never changes.
    pub identifier: String,
    /// The name for people.
    pub name: String,
    /// The scopes it knows.
    pub scopes: Vec<Scope>,
    /// How access tokens for it are signed.
    pub signing_algorithm: SigningAlgorithm,
    /// The shared secret, for HS256 only.
    #[serde(default)]
    pub signing_secret: Option<Secret>,
    /// How long access tokens for it live, in seconds.
    pub token_lifetime_s: u32,
    /// Whether refresh tokens may be had for it.
    pub allow_offline_access: bool,
    /// Whether a user gets only the scopes that their permissions hold (RBAC).
    pub enforce_policies: bool,
    /// The shape of its access tokens.
    pub token_dialect: TokenDialect,
    /// Whether it is this server's own API, which can't be changed or deleted.
    pub is_system: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// One scope of an API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// The scope token (RFC 6749 section 3.3).
    pub value: String,
    /// What it allows, for people.
    #[serde(default)]
    pub description: Option<String>,
}

/// The shape of an API's access tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenDialect {
    /// The reference product's shape.
    #[default]
    AccessToken,
    /// The same with a `permissions` claim.
    AccessTokenAuthz,
    /// RFC 9068.
    Rfc9068Profile,
    /// RFC 9068 with a `permissions` claim.
    Rfc9068ProfileAuthz,
}
