//! The parts of the event. Which of them an Action has depends on its trigger:
//! see [`post_login::Event`](crate::post_login::Event) and
//! [`credentials_exchange::Event`](crate::credentials_exchange::Event).
//!
//! Nothing is copied until it is asked for: each method is one call to the host.

mod access_token;
mod authentication;
mod authorization;
mod client;
mod connection;
mod organization;
mod refresh_token;
mod request;
mod resource_server;
mod secrets;
mod stats;
mod tenant;
mod transaction;
mod user;

pub use access_token::AccessToken;
pub use authentication::{Authentication, AuthenticationMethod};
pub use authorization::Authorization;
pub use client::Client;
pub use connection::Connection;
pub use organization::Organization;
pub use refresh_token::RefreshToken;
pub use request::Request;
pub use resource_server::ResourceServer;
pub use secrets::Secrets;
pub use stats::Stats;
pub use tenant::Tenant;
pub use transaction::Transaction;
pub use user::{Identity, User};

use serde::de::DeserializeOwned;

use crate::host::{Host, call};

/// The part of the event at a JSON pointer, as the author's type.
pub(crate) fn get<T: DeserializeOwned>(host: &Host, pointer: &str) -> Option<T> {
    crate::json::decode("event", pointer, call!(host, event::get_json(pointer)))
}
