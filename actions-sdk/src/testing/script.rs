//! A script of a custom database, called in a native test.

use std::collections::BTreeMap;

use serde_json::Map;

use super::Host;
use super::host::State;
#[cfg(feature = "http")]
use super::http::{Prepared, PreparedAnswer};

/// Makes what a script of a custom database takes, for a test.
///
/// ```
/// use actions_sdk::custom_database::Lookup;
///
/// let lookup = Lookup::builder("ada@example.com").secret("API_KEY", "k3y").build();
/// assert_eq!(lookup.secrets().get("API_KEY").as_deref(), Some("k3y"));
/// ```
pub struct ScriptBuilder<S> {
    secrets: BTreeMap<String, String>,
    #[cfg(feature = "http")]
    http: Prepared,
    finish: Box<dyn FnOnce(Host) -> S>,
}

/// Shows nothing: passwords and secrets are in here.
impl<S> std::fmt::Debug for ScriptBuilder<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ScriptBuilder")
    }
}

impl<S> ScriptBuilder<S> {
    /// `finish` makes what the script takes of its host.
    pub(crate) fn new(finish: impl FnOnce(Host) -> S + 'static) -> Self {
        Self {
            secrets: BTreeMap::new(),
            #[cfg(feature = "http")]
            http: Prepared::default(),
            finish: Box::new(finish),
        }
    }

    /// Puts a secret into the connection's `configuration`.
    #[must_use]
    pub fn secret(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.secrets.insert(name.into(), value.into());
        self
    }

    /// Lets the script call a host over HTTP, written as in the connection's
    /// `allowed_hosts`.
    #[cfg(feature = "http")]
    #[must_use]
    pub fn allowed_host(mut self, entry: impl Into<String>) -> Self {
        self.http.allowed_hosts.push(entry.into());
        self
    }

    /// Prepares the answer to an HTTP call of the script's.
    #[cfg(feature = "http")]
    #[must_use]
    pub fn answer(mut self, answer: PreparedAnswer) -> Self {
        self.http.answers.push_back(answer);
        self
    }

    /// What the script takes.
    #[must_use]
    pub fn build(self) -> S {
        let mut state = State::new(Map::new());
        state.secrets = self.secrets;
        #[cfg(feature = "http")]
        {
            state.http = self.http;
        }
        (self.finish)(Host::new(state))
    }
}
