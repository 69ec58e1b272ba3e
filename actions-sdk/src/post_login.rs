//! Actions at `post-login`: every login that has an end user (password,
//! authorization code, implicit, and each exchange of a refresh token).

use serde::de::DeserializeOwned;

use crate::api::{Cache, IdToken, LoginAccess, LoginAccessToken, LoginTransaction, User};
use crate::event;
use crate::host::Host;

/// The login under way, with all that is known about it.
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

    /// The user who logs in.
    #[must_use]
    pub fn user(&self) -> event::User<'_> {
        event::User(&self.host)
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

    /// The API that the access token is for. `None` at a login that asked for no
    /// audience: the access token is then opaque and carries no claims.
    #[must_use]
    pub fn resource_server(&self) -> Option<event::ResourceServer> {
        event::ResourceServer::of_event(&self.host)
    }

    /// What the user may do.
    #[must_use]
    pub fn authorization(&self) -> event::Authorization<'_> {
        event::Authorization(&self.host)
    }

    /// How the user proved who they are.
    #[must_use]
    pub fn authentication(&self) -> event::Authentication<'_> {
        event::Authentication(&self.host)
    }

    /// The connection (source of users) through which the user logs in.
    #[must_use]
    pub fn connection(&self) -> event::Connection<'_> {
        event::Connection(&self.host)
    }

    /// The login under way.
    #[must_use]
    pub fn transaction(&self) -> event::Transaction<'_> {
        event::Transaction(&self.host)
    }

    /// The refresh token that is being exchanged, if one is.
    #[must_use]
    pub fn refresh_token(&self) -> Option<event::RefreshToken<'_>> {
        event::RefreshToken::of_event(&self.host)
    }

    /// Figures about the user.
    #[must_use]
    pub fn stats(&self) -> event::Stats<'_> {
        event::Stats(&self.host)
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
    /// `/user/app_metadata/role`; the whole event for the empty pointer. `None` when
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
    /// Refusing the login.
    pub fn access(&mut self) -> LoginAccess<'_> {
        LoginAccess(&self.host)
    }

    /// The access token about to be signed.
    pub fn access_token(&mut self) -> LoginAccessToken<'_> {
        LoginAccessToken(&self.host)
    }

    /// The ID token about to be signed.
    pub fn id_token(&mut self) -> IdToken<'_> {
        IdToken(&self.host)
    }

    /// The user's stored metadata.
    pub fn user(&mut self) -> User<'_> {
        User(&self.host)
    }

    /// Changing the login under way.
    pub fn transaction(&mut self) -> LoginTransaction<'_> {
        LoginTransaction(&self.host)
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
