//! Scripts of a custom database: a connection whose users are in a store of the
//! tenant's own.
//!
//! A script is a function that the server runs, as WebAssembly in a fresh sandbox,
//! when it needs to know a user: [`database_login`](crate::database_login) at every
//! login, [`database_create`](crate::database_create) when an admin creates a user, and
//! [`database_get_user`](crate::database_get_user) to look one up. It reaches the store
//! over HTTP, with the crate's feature `http`, at the hosts that the connection's
//! `allowed_hosts` lists. A crate may have one script or all three.
//!
//! ```
//! # #[cfg(not(feature = "http"))]
//! # fn main() {}
//! # #[cfg(feature = "http")]
//! # fn main() -> Result<(), actions_sdk::custom_database::LoginError> {
//! use actions_sdk::custom_database::{Login, LoginError, Profile};
//! use actions_sdk::{http::Request, testing::http::Answer};
//! use serde_json::json;
//!
//! #[actions_sdk::database_login]
//! fn log_in(login: &Login) -> Result<Profile, LoginError> {
//!     let answer = Request::post("https://users.example.com/login")
//!         .json(&json!({"email": login.identifier(), "password": login.password()}))
//!         .send()?;
//!     match answer.status() {
//!         200 => Ok(answer.json()?),
//!         401 => Err(LoginError::WrongCredentials),
//!         404 => Err(LoginError::UnknownUser),
//!         status => Err(format!("the user service answered {status}").into()),
//!     }
//! }
//!
//! let login = Login::builder("ada@example.com", "correct horse")
//!     .allowed_host("users.example.com")
//!     .answer(Answer::json(&json!({"user_id": "7"})).to("POST", "https://users.example.com/login"))
//!     .build();
//! assert_eq!(log_in(&login)?.user_id(), Some("7"));
//! # Ok(())
//! # }
//! ```
//!
//! What a script says of a failure goes to the execution's record. Neither the text nor
//! whether the user is unknown or the password wrong ever reaches the client.

mod create;
mod get_user;
mod login;
mod profile;

pub use create::{CreateError, NewUser};
pub use get_user::Lookup;
pub use login::{Login, LoginError};
pub use profile::Profile;
