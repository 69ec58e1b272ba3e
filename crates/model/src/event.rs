//! What an Action reads: the reference product's `event` object.
//!
//! The field names are those that Actions in the field use. Every part has a
//! default, so that an author's event file needs only what their Action reads.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Identity, Timestamp};

/// A JSON object.
pub type JsonObject = serde_json::Map<String, Value>;

/// The event that a trigger hands to its Actions.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Event {
    /// The tenant.
    pub tenant: EventTenant,
    /// The client that asked.
    pub client: EventClient,
    /// The HTTP request.
    pub request: EventRequest,
    /// The user; none at `credentials-exchange`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<EventUser>,
    /// The connection; none at `credentials-exchange`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection: Option<EventConnection>,
    /// The organization that the request names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<EventOrganization>,
    /// The API that the access token is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_server: Option<EventResourceServer>,
    /// What the user may do; none at `credentials-exchange`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization: Option<EventAuthorization>,
    /// How the user proved who they are; none at `credentials-exchange`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication: Option<EventAuthentication>,
    /// The login or exchange under way.
    pub transaction: EventTransaction,
    /// The refresh token that is being exchanged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<EventRefreshToken>,
    /// Figures about the user; none at `credentials-exchange`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stats: Option<EventStats>,
    /// Whatever else an author's event file holds, and at a login in a browser the
    /// `session`; readable by JSON pointer only.
    #[serde(flatten)]
    pub other: JsonObject,
}

/// The tenant.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EventTenant {
    /// Its name.
    pub id: String,
}

/// The client that asked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EventClient {
    /// The `client_id`.
    pub client_id: String,
    /// The name for people.
    pub name: String,
    /// Open metadata.
    pub metadata: BTreeMap<String, String>,
}

/// The HTTP request.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EventRequest {
    /// The caller's address.
    pub ip: String,
    /// The method, upper case.
    pub method: String,
    /// The host, without port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// The `User-Agent` header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// The `Accept-Language` header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// The body's members, without those that hold secrets.
    pub body: JsonObject,
    /// The query's parameters, without those that hold secrets.
    pub query: JsonObject,
    /// The caller's location; empty when not known.
    pub geoip: JsonObject,
}

/// The user.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EventUser {
    /// The identifier.
    pub user_id: String,
    /// The email address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Whether the address is known to be the user's.
    pub email_verified: bool,
    /// The user name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The phone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    /// Whether the number is known to be the user's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_verified: Option<bool>,
    /// The full name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The casual name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nickname: Option<String>,
    /// The given name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    /// The family name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
    /// The URL of a picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    /// When the user was created.
    pub created_at: Timestamp,
    /// When the user last changed.
    pub updated_at: Timestamp,
    /// When the password was last reset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_password_reset: Option<Timestamp>,
    /// What admins and Actions know of the user; always an object.
    pub app_metadata: JsonObject,
    /// What the user chose; always an object.
    pub user_metadata: JsonObject,
    /// The linked identities.
    pub identities: Vec<Identity>,
    /// Further root attributes as the upstream identity provider gave them.
    #[serde(flatten)]
    pub attributes: JsonObject,
}

/// The connection.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EventConnection {
    /// The identifier.
    pub id: String,
    /// The unique name.
    pub name: String,
    /// The kind.
    pub strategy: String,
    /// Open metadata.
    pub metadata: BTreeMap<String, String>,
}

/// The organization.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EventOrganization {
    /// The identifier.
    pub id: String,
    /// The unique name.
    pub name: String,
    /// The name for people.
    pub display_name: String,
    /// Open metadata.
    pub metadata: BTreeMap<String, String>,
}

/// The API.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EventResourceServer {
    /// Its identifier (audience).
    pub identifier: String,
}

/// What the user may do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EventAuthorization {
    /// The names of the user's roles, in alphabetical order.
    pub roles: Vec<String>,
    /// The user's permissions on this request's API, in alphabetical order.
    pub permissions: Vec<String>,
}

/// How the user proved who they are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EventAuthentication {
    /// The methods used, in order.
    pub methods: Vec<AuthenticationMethod>,
}

/// One method that the user proved themselves by.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AuthenticationMethod {
    /// `pwd` for a password.
    pub name: String,
    /// When.
    pub timestamp: Timestamp,
}

/// The login or exchange under way.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EventTransaction {
    /// How it is done; none at `credentials-exchange`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// The scopes that the request asked for.
    pub requested_scopes: Vec<String>,
    /// The scopes that the access token will have as things stand.
    pub target_scopes: Vec<String>,
    /// What Actions noted for later Actions.
    pub metadata: JsonObject,
    /// The caller's identifier for this transaction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// Where the browser is sent to afterwards; this and the following at logins in a
    /// browser only, and readable by JSON pointer only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_uri: Option<String>,
    /// What the client asked for, such as `code`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub response_type: Vec<String>,
    /// How it gets there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_mode: Option<String>,
    /// The client's `state`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// What the user was to be asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prompt: Vec<String>,
    /// Who the client thought would log in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_hint: Option<String>,
    /// How the client wanted the user to prove who they are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub acr_values: Vec<String>,
    /// The language of the pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// The languages that the client asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ui_locales: Vec<String>,
}

/// The refresh token that is being exchanged.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EventRefreshToken {
    /// Its identifier.
    pub id: String,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it ends whatever happens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it ends unless used before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_expires_at: Option<Timestamp>,
    /// When it was last exchanged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_exchanged_at: Option<Timestamp>,
    /// Whether each exchange replaces it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotating: Option<bool>,
}

/// Figures about the user.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EventStats {
    /// How many times the user has logged in, this login included.
    pub logins_count: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_file_needs_only_what_the_action_reads() {
        let event: Event =
            serde_json::from_str(r#"{"user":{"app_metadata":{"role":"editor"},"favorite_color":"green"},"session":{"id":"s1"}}"#)
                .unwrap();

        let user = event.user.unwrap();
        assert_eq!(user.app_metadata["role"], "editor");
        assert_eq!(user.attributes["favorite_color"], "green");
        assert!(user.user_metadata.is_empty());
        assert_eq!(event.other["session"]["id"], "s1");
    }

    #[test]
    fn the_json_form_has_the_names_that_actions_use() {
        let event = Event {
            user: Some(EventUser {
                user_id: "auth0|1".into(),
                ..EventUser::default()
            }),
            ..Event::default()
        };

        let json = serde_json::to_value(&event).unwrap();
        assert_eq!(json.pointer("/user/user_id").unwrap(), "auth0|1");
        assert_eq!(
            json.pointer("/user/app_metadata").unwrap(),
            &serde_json::json!({})
        );
        assert!(json.get("organization").is_none());
    }
}
