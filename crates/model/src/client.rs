//! OAuth clients and their grants.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    ClientGrantId, ClientId, JsonObject, OrganizationId, Secret, SigningAlgorithm, Timestamp,
};

/// An OAuth client (RFC 6749 section 2), an "application" in the Management API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// The `client_id`.
    pub client_id: ClientId,
    /// The name for people.
    pub name: String,
    /// A line for people about what it is.
    #[serde(default)]
    pub description: Option<String>,
    /// The `client_secret`; made by the server, 256 bits of chance.
    pub client_secret: Secret,
    /// `native`, `spa`, `regular_web` or `non_interactive`.
    #[serde(default)]
    pub app_type: Option<String>,
    /// How the client proves who it is at the token endpoint.
    pub token_endpoint_auth_method: TokenEndpointAuthMethod,
    /// What it signs assertions with, for `private_key_jwt`.
    #[serde(default)]
    pub credentials: Vec<ClientCredential>,
    /// The grants that it may use.
    pub grant_types: Vec<GrantType>,
    /// Open metadata, at most 10 entries of 255 characters; read by Actions.
    #[serde(default)]
    pub client_metadata: BTreeMap<String, String>,
    /// Redirect URIs that it may use.
    #[serde(default)]
    pub callbacks: Vec<String>,
    /// Where a browser may be sent after a logout.
    #[serde(default)]
    pub allowed_logout_urls: Vec<String>,
    /// Origins whose pages may call the token endpoints, and get answers by web message.
    #[serde(default)]
    pub web_origins: Vec<String>,
    /// Further origins whose pages may call the token endpoints.
    #[serde(default)]
    pub allowed_origins: Vec<String>,
    /// Whether it belongs to the tenant itself.
    pub is_first_party: bool,
    /// How its ID tokens are signed; the tenant's setting when absent.
    #[serde(default)]
    pub id_token_signing_algorithm: Option<SigningAlgorithm>,
    /// How long its ID tokens live, in seconds.
    pub id_token_lifetime_s: u32,
    /// Whether its users log in to an organization.
    #[serde(default)]
    pub organization_usage: OrganizationUsage,
    /// How long its refresh tokens live, and whether they are replaced.
    #[serde(default)]
    pub refresh_token: RefreshTokenSettings,
    /// Whether it was made with the tenant, to administer it.
    #[serde(default)]
    pub is_made_with_tenant: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// How long a client's refresh tokens live, and whether each exchange replaces them.
///
/// The defaults are those of RFC 9700 section 4.14: rotation, and an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshTokenSettings {
    /// Whether each exchange replaces the token, and a token that was replaced revokes
    /// all of its login when it comes back.
    pub rotating: bool,
    /// For how many seconds a replaced token may be exchanged again, because a client's
    /// requests overlap.
    pub leeway_s: u32,
    /// How many seconds after the login they end whatever happens; none for never.
    pub lifetime_s: Option<u32>,
    /// How many seconds after the last exchange they end; none for never.
    pub idle_lifetime_s: Option<u32>,
}

impl Default for RefreshTokenSettings {
    /// Rotating, thirty days, fifteen of them idle: what the reference product gives a
    /// client whose refresh tokens rotate and expire. Three seconds of leeway, for
    /// requests that overlap, where it gives none: two tabs must not log anybody out.
    fn default() -> Self {
        Self {
            rotating: true,
            leeway_s: 3,
            lifetime_s: Some(2_592_000),
            idle_lifetime_s: Some(1_296_000),
        }
    }
}

impl Client {
    /// Whether it proves who it is by its secret.
    #[must_use]
    pub fn has_secret(&self) -> bool {
        matches!(
            self.token_endpoint_auth_method,
            TokenEndpointAuthMethod::ClientSecretPost | TokenEndpointAuthMethod::ClientSecretBasic
        )
    }

    /// The origins whose pages may call the token endpoints for it; some may be there
    /// twice.
    pub fn origins(&self) -> impl Iterator<Item = &str> {
        let origins = self.web_origins.iter().chain(&self.allowed_origins);
        origins.map(String::as_str)
    }
}

/// How a client proves who it is at the token endpoint (RFC 7591 section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenEndpointAuthMethod {
    /// A public client: it has no secret it could keep.
    None,
    /// The secret in the request's body.
    ClientSecretPost,
    /// The secret in the `Authorization: Basic` header.
    ClientSecretBasic,
    /// An assertion that the client signs (OpenID Connect Core section 9).
    PrivateKeyJwt,
}

/// A public key with which a client's assertions are verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientCredential {
    /// The identifier, `cred_…`; the same for the same key.
    pub id: String,
    /// The name for people.
    #[serde(default)]
    pub name: Option<String>,
    /// The `kid` that assertions name it by, when it has one.
    #[serde(default)]
    pub key_id: Option<String>,
    /// The one algorithm that it is for.
    pub algorithm: AssertionAlgorithm,
    /// The key.
    pub public_key: ClientPublicKey,
    /// When it was registered.
    pub created_at: Timestamp,
}

/// A public key as the client's admin gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientPublicKey {
    /// A PEM text (RFC 7468 section 13).
    Pem(String),
    /// A JWK (RFC 7517 section 4).
    Jwk(JsonObject),
}

/// What a client signs assertions with: an `alg` of RFC 7518 section 3.1 or RFC 8037
/// section 3.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub enum AssertionAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// Ed25519.
    EdDSA,
}

/// A grant that a client may use, as written in its `grant_types`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, JsonSchema, Serialize, Deserialize)]
pub enum GrantType {
    /// RFC 6749 section 4.1.
    #[serde(rename = "authorization_code")]
    AuthorizationCode,
    /// RFC 6749 section 4.2.
    #[serde(rename = "implicit")]
    Implicit,
    /// RFC 6749 section 6.
    #[serde(rename = "refresh_token")]
    RefreshToken,
    /// RFC 6749 section 4.4.
    #[serde(rename = "client_credentials")]
    ClientCredentials,
    /// RFC 6749 section 4.3; opt-in, because RFC 9700 section 2.4 advises against it.
    #[serde(rename = "password")]
    Password,
    /// The reference product's password grant with a `realm`.
    #[serde(rename = "http://auth0.com/oauth/grant-type/password-realm")]
    PasswordRealm,
}

impl GrantType {
    /// Every grant with its name on the wire.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::AuthorizationCode, "authorization_code"),
        (Self::Implicit, "implicit"),
        (Self::RefreshToken, "refresh_token"),
        (Self::ClientCredentials, "client_credentials"),
        (Self::Password, "password"),
        (
            Self::PasswordRealm,
            "http://auth0.com/oauth/grant-type/password-realm",
        ),
    ];

    /// The grant of that name on the wire.
    #[must_use]
    pub fn from_wire(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|(_, wire)| *wire == name)
            .map(|(grant, _)| grant)
    }

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::Implicit => "implicit",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
            Self::Password => "password",
            Self::PasswordRealm => "http://auth0.com/oauth/grant-type/password-realm",
        }
    }
}

/// Whether a client's users log in to an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OrganizationUsage {
    /// They can't.
    Deny,
    /// They may.
    #[default]
    Allow,
    /// They must.
    Require,
}

/// Lets a client get tokens for an API by the client credentials grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientGrant {
    /// The identifier, `cgr_…`.
    pub id: ClientGrantId,
    /// Who may.
    pub client_id: ClientId,
    /// For which API: the resource server's identifier.
    pub audience: String,
    /// Which scopes of it.
    pub scope: Vec<String>,
    /// Whether its tokens are for an organization.
    #[serde(default = "no_organization")]
    pub organization_usage: OrganizationUsage,
    /// Whether any organization will do, or only [`organizations`](Self::organizations).
    #[serde(default)]
    pub allow_any_organization: bool,
    /// The organizations that it was given to.
    #[serde(default)]
    pub organizations: Vec<OrganizationId>,
    /// When it was created.
    pub created_at: Timestamp,
}

/// What grants have that were stored before there was the property.
const fn no_organization() -> OrganizationUsage {
    OrganizationUsage::Deny
}
