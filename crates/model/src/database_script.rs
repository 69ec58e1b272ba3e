//! The scripts of a custom database, and what a module can be run for.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Trigger;

/// A script of a connection whose users are in a store of the tenant's own.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, JsonSchema, Serialize, Deserialize,
)]
pub enum DatabaseScript {
    /// Checks a password and tells who the user is.
    #[serde(rename = "database-login")]
    Login,
    /// Tells who a user is.
    #[serde(rename = "database-get-user")]
    GetUser,
    /// Makes a user.
    #[serde(rename = "database-create")]
    Create,
}

/// A text that names no script.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such script; there are login, get_user and create")]
pub struct UnknownScript;

impl DatabaseScript {
    /// All scripts.
    pub const ALL: [Self; 3] = [Self::Login, Self::GetUser, Self::Create];

    /// The name in the Management API, which is the reference product's.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::GetUser => "get_user",
            Self::Create => "create",
        }
    }

    /// The name in records and metrics, beside the triggers'.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "database-login",
            Self::GetUser => "database-get-user",
            Self::Create => "database-create",
        }
    }
}

impl fmt::Display for DatabaseScript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// From the name in the Management API.
impl FromStr for DatabaseScript {
    type Err = UnknownScript;

    fn from_str(text: &str) -> Result<Self, UnknownScript> {
        Self::ALL
            .into_iter()
            .find(|script| script.name() == text)
            .ok_or(UnknownScript)
    }
}

/// What a module can be run for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, JsonSchema, Serialize, Deserialize,
)]
#[serde(untagged)]
pub enum Handler {
    /// A trigger, as one of its Actions.
    Trigger(Trigger),
    /// A custom database, as one of its scripts.
    Script(DatabaseScript),
}

impl Handler {
    /// Everything that a module can be run for.
    pub const ALL: [Self; 5] = [
        Self::Trigger(Trigger::PostLogin),
        Self::Trigger(Trigger::CredentialsExchange),
        Self::Script(DatabaseScript::Login),
        Self::Script(DatabaseScript::GetUser),
        Self::Script(DatabaseScript::Create),
    ];

    /// The name in records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trigger(trigger) => trigger.as_str(),
            Self::Script(script) => script.as_str(),
        }
    }
}

impl fmt::Display for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<Trigger> for Handler {
    fn from(trigger: Trigger) -> Self {
        Self::Trigger(trigger)
    }
}

impl From<DatabaseScript> for Handler {
    fn from(script: DatabaseScript) -> Self {
        Self::Script(script)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_module_is_run_for_is_stored_under_the_name_that_it_has() {
        for handler in Handler::ALL {
            let stored = serde_json::to_string(&handler).unwrap();

            assert_eq!(stored, format!("\"{handler}\""));
            assert_eq!(serde_json::from_str::<Handler>(&stored).unwrap(), handler);
        }
    }

    #[test]
    fn a_script_has_the_name_of_the_management_api() {
        for script in DatabaseScript::ALL {
            assert_eq!(script.name().parse(), Ok(script));
        }
        assert_eq!("delete".parse::<DatabaseScript>(), Err(UnknownScript));
    }
}
