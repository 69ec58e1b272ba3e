//! An event made in Rust.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Host;
use super::host::State;
#[cfg(feature = "http")]
use super::http::{Prepared, PreparedAnswer};
use crate::{Refusal, post_login};

/// Makes an event for a test. It begins empty: what isn't set reads as absent,
/// or as an empty text or list.
///
/// ```
/// use actions_sdk::post_login::Event;
///
/// let event = Event::builder()
///     .app_metadata("role", "editor")
///     .organization("acme")
///     .set("/request/ip", "203.0.113.7")
///     .build();
/// assert_eq!(event.organization().map(|it| it.name()).as_deref(), Some("acme"));
/// ```
pub struct EventBuilder<E> {
    event: Map<String, Value>,
    secrets: BTreeMap<String, String>,
    refused_claims: BTreeMap<String, Refusal>,
    #[cfg(feature = "http")]
    http: Prepared,
    finish: fn(Host) -> E,
}

/// Shows nothing: the secrets are in here.
impl<E> std::fmt::Debug for EventBuilder<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EventBuilder")
    }
}

impl<E> EventBuilder<E> {
    /// `finish` makes the trigger's event of its host.
    pub(crate) fn new(finish: fn(Host) -> E) -> Self {
        Self {
            event: Map::new(),
            secrets: BTreeMap::new(),
            refused_claims: BTreeMap::new(),
            #[cfg(feature = "http")]
            http: Prepared::default(),
            finish,
        }
    }

    /// Sets the field at a path such as `/request/ip`, and makes the objects on
    /// the way. The names are those of the event's JSON form.
    #[must_use]
    pub fn set(mut self, pointer: &str, value: impl Into<Value>) -> Self {
        let mut names = pointer
            .split('/')
            .filter(|name| !name.is_empty())
            .map(unescape);
        if let Some(first) = names.next() {
            let mut place = self.event.entry(first).or_insert(Value::Null);
            for name in names {
                place = super::host::as_object(place)
                    .entry(name)
                    .or_insert(Value::Null);
            }
            *place = value.into();
        }
        self
    }

    /// Sets one entry of the client's metadata.
    #[must_use]
    pub fn client_metadata(self, key: &str, value: &str) -> Self {
        self.entry("/client/metadata/", key, value)
    }

    /// Lets the request name the organization of that name.
    #[must_use]
    pub fn organization(self, name: &str) -> Self {
        self.set("/organization/id", format!("org_{name}"))
            .set("/organization/name", name)
            .set("/organization/display_name", name)
    }

    /// Stores a secret with the Action.
    #[must_use]
    pub fn secret(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.secrets.insert(name.into(), value.into());
        self
    }

    /// Lets the host refuse every claim of that name.
    #[must_use]
    pub fn refuse_claim(mut self, name: impl Into<String>, refusal: Refusal) -> Self {
        self.refused_claims.insert(name.into(), refusal);
        self
    }

    /// Lets the Action call a host over HTTP, written as in its `allowed_hosts`.
    #[cfg(feature = "http")]
    #[must_use]
    pub fn allowed_host(mut self, entry: impl Into<String>) -> Self {
        self.http.allowed_hosts.push(entry.into());
        self
    }

    /// Prepares the answer to an HTTP call of the Action's.
    #[cfg(feature = "http")]
    #[must_use]
    pub fn answer(mut self, answer: PreparedAnswer) -> Self {
        self.http.answers.push_back(answer);
        self
    }

    /// Sets when the request came, in milliseconds since 1970-01-01T00:00:00Z: the
    /// present time for the Action and its cache. 2026-01-01T00:00:00Z when not set.
    #[must_use]
    pub fn received_at_ms(self, received_at_ms: u64) -> Self {
        self.set("/request/received_at_ms", received_at_ms)
    }

    /// The event.
    #[must_use]
    pub fn build(self) -> E {
        let mut state = State::new(self.event);
        state.secrets = self.secrets;
        state.refused_claims = self.refused_claims;
        #[cfg(feature = "http")]
        {
            state.http = self.http;
        }
        (self.finish)(Host::new(state))
    }

    fn entry(self, prefix: &str, key: &str, value: impl Into<Value>) -> Self {
        let key = key.replace('~', "~0").replace('/', "~1");
        self.set(&[prefix, key.as_str()].concat(), value)
    }
}

impl EventBuilder<post_login::Event> {
    /// Sets one entry of the user's `app_metadata`.
    #[must_use]
    pub fn app_metadata(self, key: &str, value: impl Into<Value>) -> Self {
        self.entry("/user/app_metadata/", key, value)
    }

    /// Sets one entry of the user's `user_metadata`.
    #[must_use]
    pub fn user_metadata(self, key: &str, value: impl Into<Value>) -> Self {
        self.entry("/user/user_metadata/", key, value)
    }

    /// Sets one root attribute of the user, as an upstream identity provider
    /// gives it.
    #[must_use]
    pub fn attribute(self, name: &str, value: impl Into<Value>) -> Self {
        self.entry("/user/", name, value)
    }

    /// Sets the names of the user's roles.
    #[must_use]
    pub fn roles<R: Into<String>>(self, roles: impl IntoIterator<Item = R>) -> Self {
        let mut roles: Vec<String> = roles.into_iter().map(Into::into).collect();
        roles.sort();
        self.set("/authorization/roles", roles)
    }
}

/// One name of a JSON pointer (RFC 6901 section 4).
fn unescape(name: &str) -> String {
    name.replace("~1", "/").replace("~0", "~")
}
