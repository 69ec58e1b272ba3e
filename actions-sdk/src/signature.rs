//! The checks behind the attribute macros: each names one type of an Action's or a
//! script's signature, so that the compiler's message lands on that type.

use crate::{
    credentials_exchange,
    custom_database::{CreateError, Login, LoginError, Lookup, NewUser, Profile},
    post_login,
};

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

/// What the login script of a custom database takes.
#[diagnostic::on_unimplemented(
    message = "this script takes `actions_sdk::custom_database::Login`, not `{Self}`",
    label = "not what this script takes",
    note = "the signature is `fn name(login: &Login) -> Result<Profile, LoginError>`"
)]
pub trait DatabaseLoginInput {}

impl DatabaseLoginInput for Login {}

/// Compiles for what the login script takes only.
pub const fn database_login_input<T: DatabaseLoginInput>() {}

/// What the login script of a custom database answers.
#[diagnostic::on_unimplemented(
    message = "this script answers `Result<Profile, LoginError>`, not `{Self}`",
    label = "not the answer of this script",
    note = "the signature is `fn name(login: &Login) -> Result<Profile, LoginError>`"
)]
pub trait DatabaseLoginAnswer {}

impl DatabaseLoginAnswer for Result<Profile, LoginError> {}

/// Compiles for what the login script answers only.
pub const fn database_login_answer<T: DatabaseLoginAnswer>() {}

/// What the get-user script of a custom database takes.
#[diagnostic::on_unimplemented(
    message = "this script takes `actions_sdk::custom_database::Lookup`, not `{Self}`",
    label = "not what this script takes",
    note = "the signature is `fn name(lookup: &Lookup) -> actions_sdk::Result<Option<Profile>>`"
)]
pub trait DatabaseGetUserInput {}

impl DatabaseGetUserInput for Lookup {}

/// Compiles for what the get-user script takes only.
pub const fn database_get_user_input<T: DatabaseGetUserInput>() {}

/// What the get-user script of a custom database answers.
#[diagnostic::on_unimplemented(
    message = "this script answers `actions_sdk::Result<Option<Profile>>`, not `{Self}`",
    label = "not the answer of this script",
    note = "the signature is `fn name(lookup: &Lookup) -> actions_sdk::Result<Option<Profile>>`"
)]
pub trait DatabaseGetUserAnswer {}

impl DatabaseGetUserAnswer for crate::Result<Option<Profile>> {}

/// Compiles for what the get-user script answers only.
pub const fn database_get_user_answer<T: DatabaseGetUserAnswer>() {}

/// What the create script of a custom database takes.
#[diagnostic::on_unimplemented(
    message = "this script takes `actions_sdk::custom_database::NewUser`, not `{Self}`",
    label = "not what this script takes",
    note = "the signature is `fn name(new_user: &NewUser) -> Result<Option<Profile>, CreateError>`"
)]
pub trait DatabaseCreateInput {}

impl DatabaseCreateInput for NewUser {}

/// Compiles for what the create script takes only.
pub const fn database_create_input<T: DatabaseCreateInput>() {}

/// What the create script of a custom database answers.
#[diagnostic::on_unimplemented(
    message = "this script answers `Result<Option<Profile>, CreateError>`, not `{Self}`",
    label = "not the answer of this script",
    note = "the signature is `fn name(new_user: &NewUser) -> Result<Option<Profile>, CreateError>`"
)]
pub trait DatabaseCreateAnswer {}

impl DatabaseCreateAnswer for Result<Option<Profile>, CreateError> {}

/// Compiles for what the create script answers only.
pub const fn database_create_answer<T: DatabaseCreateAnswer>() {}
