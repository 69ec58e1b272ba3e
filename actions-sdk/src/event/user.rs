use serde::{Deserialize, de::DeserializeOwned};

use crate::host::{Host, call, read};

/// The user who logs in.
#[derive(Debug, Clone, Copy)]
pub struct User<'e>(pub(crate) &'e Host);

impl User<'_> {
    /// The identifier, unique in the tenant, such as
    /// `auth0|5f7c8ec7c33c6c004bbafe82`.
    #[must_use]
    pub fn user_id(&self) -> String {
        read!(self.0, event_user::user_id, "/user/user_id")
    }

    /// The email address.
    #[must_use]
    pub fn email(&self) -> Option<String> {
        read!(self.0, event_user::email, "/user/email")
    }

    /// Whether the email address is known to be the user's.
    #[must_use]
    pub fn email_verified(&self) -> bool {
        read!(self.0, event_user::email_verified, "/user/email_verified")
    }

    /// The user name, for connections that have one.
    #[must_use]
    pub fn username(&self) -> Option<String> {
        read!(self.0, event_user::username, "/user/username")
    }

    /// The phone number, as given by the connection.
    #[must_use]
    pub fn phone_number(&self) -> Option<String> {
        read!(self.0, event_user::phone_number, "/user/phone_number")
    }

    /// Whether the phone number is known to be the user's; `None` when not known.
    #[must_use]
    pub fn phone_verified(&self) -> Option<bool> {
        read!(self.0, event_user::phone_verified, "/user/phone_verified")
    }

    /// The full name.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        read!(self.0, event_user::name, "/user/name")
    }

    /// The casual name.
    #[must_use]
    pub fn nickname(&self) -> Option<String> {
        read!(self.0, event_user::nickname, "/user/nickname")
    }

    /// The given name (first name).
    #[must_use]
    pub fn given_name(&self) -> Option<String> {
        read!(self.0, event_user::given_name, "/user/given_name")
    }

    /// The family name (last name).
    #[must_use]
    pub fn family_name(&self) -> Option<String> {
        read!(self.0, event_user::family_name, "/user/family_name")
    }

    /// The URL of a picture of the user.
    #[must_use]
    pub fn picture(&self) -> Option<String> {
        read!(self.0, event_user::picture, "/user/picture")
    }

    /// When the user was created, RFC 3339 in UTC.
    #[must_use]
    pub fn created_at(&self) -> String {
        read!(self.0, event_user::created_at, "/user/created_at")
    }

    /// When the user last changed, RFC 3339 in UTC.
    #[must_use]
    pub fn updated_at(&self) -> String {
        read!(self.0, event_user::updated_at, "/user/updated_at")
    }

    /// When the password was last reset, RFC 3339 in UTC.
    #[must_use]
    pub fn last_password_reset(&self) -> Option<String> {
        read!(
            self.0,
            event_user::last_password_reset,
            "/user/last_password_reset"
        )
    }

    /// One entry of `app_metadata`, with what earlier Actions of this trigger set;
    /// `None` when there is none, or (logged) when it is not a `T`.
    #[must_use]
    pub fn app_metadata<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let json = read!(self.0, json event_user::app_metadata_json(key), "/user/app_metadata");
        crate::json::decode("event.user.app_metadata", key, json)
    }

    /// The keys of `app_metadata`, in alphabetical order.
    #[must_use]
    pub fn app_metadata_keys(&self) -> Vec<String> {
        read!(self.0, keys event_user::app_metadata_keys, "/user/app_metadata")
    }

    /// One entry of `user_metadata`, with what earlier Actions of this trigger
    /// set; `None` when there is none, or (logged) when it is not a `T`.
    #[must_use]
    pub fn user_metadata<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let json = read!(self.0, json event_user::user_metadata_json(key), "/user/user_metadata");
        crate::json::decode("event.user.user_metadata", key, json)
    }

    /// The keys of `user_metadata`, in alphabetical order.
    #[must_use]
    pub fn user_metadata_keys(&self) -> Vec<String> {
        read!(self.0, keys event_user::user_metadata_keys, "/user/user_metadata")
    }

    /// One root attribute of the profile as the upstream identity provider gave
    /// it (`favorite_color`); `None` when there is none, or (logged) when it is
    /// not a `T`. Attributes with a method of their own are not repeated here.
    #[must_use]
    pub fn attribute<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let json = call!(self.0, event_user::attribute_json(name));
        crate::json::decode("event.user", name, json)
    }

    /// The names of the further root attributes, in alphabetical order.
    #[must_use]
    pub fn attribute_names(&self) -> Vec<String> {
        call!(self.0, event_user::attribute_names())
    }

    /// The linked identities.
    #[must_use]
    pub fn identities(&self) -> Vec<Identity> {
        let json = call!(self.0, event_user::identities_json());
        crate::json::decode("event", "/user/identities", Some(json)).unwrap_or_default()
    }
}

/// One of the identities that are linked to a user.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Identity {
    /// The name of the connection.
    pub connection: Option<String>,
    /// The kind of provider, such as `auth0`.
    pub provider: Option<String>,
    /// The user's identifier at that provider.
    pub user_id: Option<String>,
    /// Whether the provider is a social one.
    #[serde(rename = "isSocial")]
    pub is_social: Option<bool>,
}
