//! Users, where they come from, and what they may do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{JsonObject, RoleId, Secret, Timestamp, UserId};

/// The most JSON text, in bytes, of a user's `app_metadata`, and of `user_metadata`.
/// Every login reads them whole; the reference product takes 32 kB in a login.
pub const METADATA_BYTES_MAX: usize = 64 << 10;

/// An end user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The identifier, unique in the tenant.
    pub user_id: UserId,
    /// The name of the connection that the user belongs to.
    pub connection: String,
    /// The email address, as given; compared without regard to case.
    #[serde(default)]
    pub email: Option<String>,
    /// Whether the address is known to be the user's.
    #[serde(default)]
    pub email_verified: bool,
    /// The user name, compared without regard to case.
    #[serde(default)]
    pub username: Option<String>,
    /// The phone number.
    #[serde(default)]
    pub phone_number: Option<String>,
    /// Whether the number is known to be the user's.
    #[serde(default)]
    pub phone_verified: Option<bool>,
    /// The full name.
    #[serde(default)]
    pub name: Option<String>,
    /// The casual name.
    #[serde(default)]
    pub nickname: Option<String>,
    /// The given name.
    #[serde(default)]
    pub given_name: Option<String>,
    /// The family name.
    #[serde(default)]
    pub family_name: Option<String>,
    /// The URL of a picture.
    #[serde(default)]
    pub picture: Option<String>,
    /// What admins and Actions know of the user; never shown to the user.
    #[serde(default)]
    pub app_metadata: JsonObject,
    /// What the user chose.
    #[serde(default)]
    pub user_metadata: JsonObject,
    /// Further root attributes as an upstream identity provider gives them.
    #[serde(default)]
    pub profile_attributes: JsonObject,
    /// The identities linked to this user, the first being its own.
    pub identities: Vec<Identity>,
    /// The argon2id hash of the password in PHC form; none when the user has none.
    #[serde(default)]
    pub password_hash: Option<Secret>,
    /// A blocked user can't log in.
    #[serde(default)]
    pub blocked: bool,
    /// How many times all of the user's logins were ended at once: by a new password, or
    /// by blocking the user. What a login stores names the number that it was proven
    /// under, so that one that was under way meanwhile stores nothing.
    #[serde(default)]
    pub logins_ended: u32,
    /// The roles given to the user outside organizations.
    #[serde(default)]
    pub roles: Vec<RoleId>,
    /// Permissions given to the user directly.
    #[serde(default)]
    pub permissions: Vec<Permission>,
    /// When the user was created.
    pub created_at: Timestamp,
    /// When the user last changed.
    pub updated_at: Timestamp,
    /// When the password was last reset.
    #[serde(default)]
    pub last_password_reset: Option<Timestamp>,
    /// When the user last logged in.
    #[serde(default)]
    pub last_login: Option<Timestamp>,
    /// From where.
    #[serde(default)]
    pub last_ip: Option<String>,
    /// How often the user has logged in.
    #[serde(default)]
    pub logins_count: u64,
}

/// One identity of a user at one provider.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Identity {
    /// The connection's name.
    #[serde(default)]
    pub connection: String,
    /// The provider, `auth0` for the tenant's own database.
    #[serde(default)]
    pub provider: String,
    /// The identifier at that provider.
    #[serde(default)]
    pub user_id: String,
    /// Whether the provider is a social one.
    #[serde(default, rename = "isSocial")]
    pub is_social: bool,
}

/// A named set of permissions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// The identifier, `rol_…`.
    pub id: RoleId,
    /// The unique name, as Actions see it.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// What it allows.
    #[serde(default)]
    pub permissions: Vec<Permission>,
    /// When it was created.
    pub created_at: Timestamp,
}

/// A scope of an API, given to a role or a user.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Permission {
    /// The API's identifier (audience).
    pub resource_server_identifier: String,
    /// The scope.
    pub permission_name: String,
}
