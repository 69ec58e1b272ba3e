//! The checks behind the attribute macros: each names one type of an Action's
//! signature, so that the compiler's message lands on that type.

use crate::{credentials_exchange, post_login};

/// The event of a post-login Action.
#[diagnostic::on_unimplemented(
    message = "a post-login Action reads `actions_sdk::post_login::Event`, not `{Self}`",
    label = "not the event of a post-login Action",
    note = "the signature is `fn name(event: &post_login::Event, api: &mut post_login::Api) -> actions_sdk::Result<()>`"
)]
pub trait PostLoginEvent {}

impl PostLoginEvent for post_login::Event {}

/// Compiles for the event of a post-login Action only.
pub const fn post_login_event<T: PostLoginEvent>() {}

/// The api of a post-login Action.
#[diagnostic::on_unimplemented(
    message = "a post-login Action acts through `actions_sdk::post_login::Api`, not `{Self}`",
    label = "not the api of a post-login Action",
    note = "the signature is `fn name(event: &post_login::Event, api: &mut post_login::Api) -> actions_sdk::Result<()>`"
)]
pub trait PostLoginApi {}

impl PostLoginApi for post_login::Api {}

/// Compiles for the api of a post-login Action only.
pub const fn post_login_api<T: PostLoginApi>() {}

/// The event of a credentials-exchange Action.
#[diagnostic::on_unimplemented(
    message = "a credentials-exchange Action reads `actions_sdk::credentials_exchange::Event`, not `{Self}`",
    label = "not the event of a credentials-exchange Action",
    note = "the signature is `fn name(event: &credentials_exchange::Event, api: &mut credentials_exchange::Api) -> actions_sdk::Result<()>`"
)]
pub trait CredentialsExchangeEvent {}

impl CredentialsExchangeEvent for credentials_exchange::Event {}

/// Compiles for the event of a credentials-exchange Action only.
pub const fn credentials_exchange_event<T: CredentialsExchangeEvent>() {}

/// The api of a credentials-exchange Action.
#[diagnostic::on_unimplemented(
    message = "a credentials-exchange Action acts through `actions_sdk::credentials_exchange::Api`, not `{Self}`",
    label = "not the api of a credentials-exchange Action",
    note = "the signature is `fn name(event: &credentials_exchange::Event, api: &mut credentials_exchange::Api) -> actions_sdk::Result<()>`"
)]
pub trait CredentialsExchangeApi {}

impl CredentialsExchangeApi for credentials_exchange::Api {}

/// Compiles for the api of a credentials-exchange Action only.
pub const fn credentials_exchange_api<T: CredentialsExchangeApi>() {}

/// The answer of an Action.
#[diagnostic::on_unimplemented(
    message = "an Action answers `actions_sdk::Result<()>`, not `{Self}`",
    label = "not the answer of an Action",
    note = "the signature is `fn name(event: &Event, api: &mut Api) -> actions_sdk::Result<()>`"
)]
pub trait ActionResult {}

impl ActionResult for crate::Result<()> {}

/// Compiles for the answer of an Action only.
pub const fn action_result<T: ActionResult>() {}
