//! Calling other services over HTTP.
//!
//! ```
//! use actions_sdk::{http::Request, post_login::{Api, Event}, testing::http::Answer};
//! use serde_json::json;
//!
//! #[derive(serde::Deserialize)]
//! struct Rating {
//!     stars: u8,
//! }
//!
//! fn add_stars(event: &Event, api: &mut Api) -> actions_sdk::Result<()> {
//!     let rating: Rating = Request::get("https://ratings.example.com/of")
//!         .query("user", &event.user().user_id())
//!         .send()?
//!         .json()?;
//!     api.access_token().set_custom_claim("https://example.com/stars", rating.stars);
//!     Ok(())
//! }
//!
//! let event = Event::builder()
//!     .set("/user/user_id", "auth0|1")
//!     .allowed_host("ratings.example.com")
//!     .answer(Answer::json(&json!({"stars": 5})).to("GET", "https://ratings.example.com/of?user=auth0%7C1"))
//!     .build();
//! let mut api = Api::recording(&event);
//! add_stars(&event, &mut api)?;
//! assert_eq!(api.recorded().access_token_claims["https://example.com/stars"], 5);
//! # Ok::<(), actions_sdk::Error>(())
//! ```
//!
//! # What to know
//!
//! - This module is there with the crate's feature `http`:
//!   `actions-sdk = { …, features = ["http"] }`.
//! - Only hosts of the Action's `allowed_hosts` can be called, by default over https
//!   only. The host denies other calls; each denial is in the execution's report, with
//!   a remedy.
//! - A redirect is an answer like others (its status is 301, …): to follow it is
//!   another call, and its host must be allowed, too.
//! - Number, time and size of calls are limited; somebody waits for the token. `?` on a
//!   call makes a service that is down a failed login, unless the binding says
//!   `on_error: continue`: decide what an [`Error`] means.
//! - Keep what can be kept with `api.cache()`.
//! - A call sends nothing but what you put into it: no user agent of a browser, no
//!   cookies, no address of the user.
//!
//! In a native test, answers come from [`testing::http`](crate::testing::http).

mod error;
mod query;
mod request;
mod response;
#[cfg(target_arch = "wasm32")]
mod wasi;

pub use error::{Error, ErrorKind};
pub use request::Request;
pub use response::Response;
