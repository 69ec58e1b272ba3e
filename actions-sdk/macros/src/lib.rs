//! The attribute macros of `actions-sdk`, which re-exports them with the types
//! that they need. Depend on `actions-sdk`.

mod action;
mod script;
mod signature;
mod trigger;

use proc_macro::TokenStream;

use script::Script;
use trigger::Trigger;

/// Makes a function the crate's Action at `post-login`.
///
/// The function stays as it is, so that tests can call it; a build for wasm also
/// exports the contract's `post-login-handler`, which runs it.
#[proc_macro_attribute]
pub fn post_login(arguments: TokenStream, item: TokenStream) -> TokenStream {
    action::expand(Trigger::PostLogin, &arguments.into(), item.into()).into()
}

/// Makes a function the crate's Action at `credentials-exchange`.
///
/// The function stays as it is, so that tests can call it; a build for wasm also
/// exports the contract's `credentials-exchange-handler`, which runs it.
#[proc_macro_attribute]
pub fn credentials_exchange(arguments: TokenStream, item: TokenStream) -> TokenStream {
    action::expand(Trigger::CredentialsExchange, &arguments.into(), item.into()).into()
}

/// Makes a function the script of a custom database that lets its users log in.
///
/// The function stays as it is, so that tests can call it; a build for wasm also
/// exports the contract's `database-login-handler`, which runs it.
#[proc_macro_attribute]
pub fn database_login(arguments: TokenStream, item: TokenStream) -> TokenStream {
    script::expand(Script::Login, &arguments.into(), item.into()).into()
}

/// Makes a function the script of a custom database that looks a user up.
///
/// The function stays as it is, so that tests can call it; a build for wasm also
/// exports the contract's `database-get-user-handler`, which runs it.
#[proc_macro_attribute]
pub fn database_get_user(arguments: TokenStream, item: TokenStream) -> TokenStream {
    script::expand(Script::GetUser, &arguments.into(), item.into()).into()
}

/// Makes a function the script of a custom database that creates a user.
///
/// The function stays as it is, so that tests can call it; a build for wasm also
/// exports the contract's `database-create-handler`, which runs it.
#[proc_macro_attribute]
pub fn database_create(arguments: TokenStream, item: TokenStream) -> TokenStream {
    script::expand(Script::Create, &arguments.into(), item.into()).into()
}
