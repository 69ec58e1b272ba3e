//! Identifiers: short texts of visible ASCII, one type for each noun.

use std::{borrow::Cow, fmt, str::FromStr, sync::Arc};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The longest identifier in bytes. Ours have at most 32 characters; callers may
/// choose a `user_id` of their own, and 128 leaves room for one.
const ID_BYTES_MAX: usize = 128;

/// A text that can't be an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an identifier has 1 to {ID_BYTES_MAX} visible ASCII characters")]
pub struct InvalidId;

fn checked(text: &str) -> Result<Arc<str>, InvalidId> {
    let fits = (1..=ID_BYTES_MAX).contains(&text.len());
    if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(Arc::from(text))
    } else {
        Err(InvalidId)
    }
}

/// The same as a JSON Schema.
fn schema() -> Schema {
    json_schema!({
        "type": "string",
        "minLength": 1,
        "maxLength": ID_BYTES_MAX,
        "pattern": "^[!-~]+$",
    })
}

macro_rules! identifiers {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        ///
        /// 1 to 128 visible ASCII characters; cheap to clone.
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                checked(text).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                checked(&text).map(Self)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.as_ref().to_owned()
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                schema()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    )*};
}

identifiers! {
    /// A tenant's name, such as `dev`.
    TenantId;
    /// An OAuth `client_id` (RFC 6749 section 2.2).
    ClientId;
    /// A client grant, `cgr_…`.
    ClientGrantId;
    /// A resource server (API).
    ResourceServerId;
    /// A connection, `con_…`.
    ConnectionId;
    /// A user, such as `auth0|5f7c8ec7c33c6c004bbafe82`.
    UserId;
    /// A role, `rol_…`.
    RoleId;
    /// An organization, `org_…`.
    OrganizationId;
    /// An Action.
    ActionId;
    /// One immutable version of an Action.
    VersionId;
    /// The binding of an Action to a trigger.
    BindingId;
    /// One run of a trigger.
    ExecutionId;
    /// A signing key, the `kid` of RFC 7517 section 4.5.
    KeyId;
    /// A user's session in one browser, the `sid` of OpenID Connect.
    SessionId;
    /// What the refresh tokens of one login stand for, `rt_…`.
    RefreshGrantId;
    /// What a user allowed a client, 24 hexadecimal digits.
    ConsentId;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_bounded_and_visible() {
        assert!("a".repeat(128).parse::<ActionId>().is_ok());
        assert_eq!("a".repeat(129).parse::<ActionId>(), Err(InvalidId));
        assert_eq!("a b".parse::<ActionId>(), Err(InvalidId));
        assert_eq!("a\0b".parse::<ActionId>(), Err(InvalidId));
        assert_eq!("é".parse::<ActionId>(), Err(InvalidId));
    }

    #[test]
    fn a_stored_identifier_is_checked_when_it_is_read() {
        assert!(serde_json::from_str::<UserId>("\"auth0|1\"").is_ok());
        assert!(serde_json::from_str::<UserId>("\"\"").is_err());
    }
}
