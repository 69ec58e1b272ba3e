//! The parts of the api: what an Action asks the host to do.
//!
//! Every setter comes twice. `set_…` never disturbs the Action: what the host
//! refuses is in the execution's report anyway. `try_set_…` hands the
//! [`Refusal`] to an Action that does something about it.

mod access;
mod access_token;
mod cache;
mod id_token;
mod transaction;
mod user;

pub use access::{DenialCode, ExchangeAccess, LoginAccess};
pub use access_token::{ExchangeAccessToken, LoginAccessToken};
pub use cache::{Cache, CacheEntry, Expiry};
pub use id_token::IdToken;
pub use transaction::{ExchangeTransaction, LoginTransaction};
pub use user::User;

use crate::Refusal;

/// Lets a refusal be, after a `try_…`: the host has put it into the report, and
/// a value that can't be written as JSON is in the log.
fn reported_by_the_host<T>(_: Result<T, Refusal>) {}
