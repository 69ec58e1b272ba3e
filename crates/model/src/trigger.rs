//! The moments at which Actions run.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A moment at which a tenant's Actions run.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, JsonSchema, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// Every grant that has an end user, after authentication and before tokens.
    PostLogin,
    /// The client credentials grant (RFC 6749 section 4.4).
    CredentialsExchange,
}

/// A text that names no trigger of this server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such trigger; there are post-login and credentials-exchange")]
pub struct UnknownTrigger;

impl Trigger {
    /// All triggers, in the order in which the Management API lists them.
    pub const ALL: [Self; 2] = [Self::PostLogin, Self::CredentialsExchange];

    /// The identifier as the Management API writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PostLogin => "post-login",
            Self::CredentialsExchange => "credentials-exchange",
        }
    }

    /// The trigger's current version in the reference product's numbering, which
    /// its tools expect.
    #[must_use]
    pub const fn version(self) -> &'static str {
        match self {
            Self::PostLogin => "v3",
            Self::CredentialsExchange => "v2",
        }
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Trigger {
    type Err = UnknownTrigger;

    fn from_str(text: &str) -> Result<Self, UnknownTrigger> {
        Self::ALL
            .into_iter()
            .find(|trigger| trigger.as_str() == text)
            .ok_or(UnknownTrigger)
    }
}
