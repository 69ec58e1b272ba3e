//! Actions at `credentials-exchange`: every client credentials exchange
//! (RFC 6749 section 4.4).

use serde::de::DeserializeOwned;

pub use crate::api::DenialCode;
use crate::api::{Cache, ExchangeAccess, ExchangeAccessToken, ExchangeTransaction};
use crate::event;
use crate::host::Host;

/// The exchange under way, with all that is known about it.
#[derive(Debug)]
pub struct Event {
    pub(crate) host: Host,
}

impl Event {
    /// The tenant whose Action this is.
    #[must_use]
    pub fn tenant(&self) -> event::Tenant<'_> {
        event::Tenant(&self.host)
    }

    /// The OAuth client (application) that asked for the token.
    #[must_use]
    pub fn client(&self) -> event::Client<'_> {
        event::Client(&self.host)
    }

    /// The HTTP request that led to this execution.
    #[must_use]
    pub fn request(&self) -> event::Request<'_> {
        event::Request(&self.host)
    }

    /// The organization that the request names, if it names one.
    #[must_use]
    pub fn organization(&self) -> Option<event::Organization<'_>> {
        event::Organization::of_event(&self.host)
    }

    /// The API that the access token is for.
    #[must_use]
    pub fn resource_server(&self) -> event::ResourceServer {
        event::ResourceServer::of_event(&self.host).unwrap_or_default()
    }

    /// The exchange under way.
    #[must_use]
    pub fn transaction(&self) -> event::Transaction<'_> {
        event::Transaction(&self.host)
    }

    /// The access token as it stands, with what Actions have put into it so far.
    #[must_use]
    pub fn access_token(&self) -> event::AccessToken<'_> {
        event::AccessToken(&self.host)
    }

    /// The secrets that were stored with this Action.
    #[must_use]
    pub fn secrets(&self) -> event::Secrets<'_> {
        event::Secrets(&self.host)
    }

    /// The part of the event at a JSON pointer (RFC 6901) such as
    /// `/client/metadata/department`; the whole event for the empty pointer. `None` when
    /// nothing is there, or (logged) when it is not a `T`.
    #[must_use]
    pub fn get<T: DeserializeOwned>(&self, pointer: &str) -> Option<T> {
        event::get(&self.host, pointer)
    }
}

/// What the Action may ask of the host.
#[derive(Debug)]
pub struct Api {
    pub(crate) host: Host,
}

impl Api {
    /// Refusing the exchange.
    pub fn access(&mut self) -> ExchangeAccess<'_> {
        ExchangeAccess(&self.host)
    }

    /// The access token about to be signed.
    pub fn access_token(&mut self) -> ExchangeAccessToken<'_> {
        ExchangeAccessToken(&self.host)
    }

    /// Changing the exchange under way.
    pub fn transaction(&mut self) -> ExchangeTransaction<'_> {
        ExchangeTransaction(&self.host)
    }

    /// A small store that the Actions of this trigger share across executions.
    pub fn cache(&mut self) -> Cache<'_> {
        Cache(&self.host)
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl Event {
    /// An event for a native test, from JSON in the shape of the reference
    /// product's `event` object. What it lacks reads as absent; its `secrets` are
    /// the Action's.
    ///
    /// # Errors
    /// The text is not a JSON object, or its `secrets` are not texts.
    pub fn from_json(json: &str) -> crate::Result<Self> {
        Ok(Self {
            host: Host::new(crate::testing::State::from_json(json)?),
        })
    }

    /// An event for a native test, made field by field.
    #[must_use]
    pub fn builder() -> crate::testing::EventBuilder<Self> {
        crate::testing::EventBuilder::new(|host| Self { host })
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl Api {
    /// An api for a native test, which records what the Action does, and shows it
    /// to the event where the host would.
    #[must_use]
    pub fn recording(event: &Event) -> Self {
        event.host.receive_logs();
        Self {
            host: event.host.clone(),
        }
    }

    /// What the Action has done so far.
    #[must_use]
    pub fn recorded(&self) -> crate::testing::Recorded {
        self.host.state().recorded.clone()
    }

    /// The event as the next Action of the trigger gets it: with the metadata,
    /// claims, scopes and cache of this one.
    #[must_use]
    pub fn event_of_next_action(&self) -> Event {
        let next = self.host.state().of_next_action();
        Event {
            host: Host::new(next),
        }
    }
}
