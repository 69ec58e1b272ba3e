//! Tenants and their settings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{LimitSettings, SigningAlgorithm, TenantId, Timestamp};

/// A tenant: one issuer with its own clients, users, Actions and keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// The tenant's name, unique in the server.
    pub id: TenantId,
    /// The issuer: the public URL with a trailing slash (RFC 8414 section 2).
    pub issuer: String,
    /// The hosts (lower case, without port) whose requests are this tenant's.
    pub domains: Vec<String>,
    /// What the tenant's admins may change.
    pub settings: TenantSettings,
    /// What the operator grants it of the limits: caps on its Actions' executions, and
    /// values for itself as a whole.
    #[serde(default)]
    pub limits: LimitSettings,
    /// When the tenant was created.
    pub created_at: Timestamp,
}

/// What a tenant's admins may change.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TenantSettings {
    /// The tenant's name for people.
    #[serde(default)]
    pub friendly_name: Option<String>,
    /// Where its logo is, for the pages that users see.
    #[serde(default)]
    pub picture_url: Option<String>,
    /// Where a browser may be sent after a logout that names no client.
    #[serde(default)]
    pub allowed_logout_urls: Vec<String>,
    /// The audience of a token request that names none.
    #[serde(default)]
    pub default_audience: Option<String>,
    /// How the tenant's ID tokens are signed, unless their client says otherwise.
    #[serde(default)]
    pub signing_algorithm: SigningAlgorithm,
    /// How long users stay logged in.
    #[serde(default)]
    pub sessions: SessionSettings,
    /// The claim policy's settings.
    #[serde(default)]
    pub claims: ClaimSettings,
}

/// How long users stay logged in, in hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionSettings {
    /// After a login, whatever happens.
    pub lifetime_h: u32,
    /// After the session was last used.
    pub idle_lifetime_h: u32,
}

impl Default for SessionSettings {
    /// Seven days, three of them idle, as in the reference product.
    fn default() -> Self {
        Self {
            lifetime_h: 168,
            idle_lifetime_h: 72,
        }
    }
}

/// The claim policy's settings for one tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, JsonSchema, Serialize, Deserialize)]
pub struct ClaimSettings {
    /// Whether Actions may set claims without a namespace.
    #[serde(default)]
    pub private_names: PrivateNames,
    /// What a refused claim does to the token.
    #[serde(default)]
    pub on_refusal: OnRefusal,
}

/// Whether Actions may set claims whose names have no namespace (RFC 7519
/// section 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PrivateNames {
    /// They are refused: namespacing is always enforced.
    #[default]
    Refuse,
    /// They are admitted, as the reference product does since 2022.
    Allow,
}

/// What a refused claim does to the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnRefusal {
    /// The token is issued without the claim, and the refusal is reported.
    #[default]
    Drop,
    /// No token is issued.
    Fail,
}
