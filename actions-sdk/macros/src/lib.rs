//! The attribute macros of `actions-sdk`, which re-exports them with the types
//! that they need. Depend on `actions-sdk`.

mod action;
mod signature;
mod trigger;

use proc_macro::TokenStream;

use trigger::Trigger;

/// Makes a function the crate's Action at `post-login`.
///
/// The function stays as it is, so that tests can call it; a build for wasm also
/// exports the contract's `post-login-handler`, which runs it.
///
/// ```
/// use actions_sdk::post_login::{Api, Event};
///
/// #[actions_sdk::post_login]
/// fn greet(event: &Event, api: &mut Api) -> actions_sdk::Result<()> {
///     if let Some(name) = event.user().given_name() {
///         api.id_token().set_custom_claim("https://example.com/greeting", format!("Hello {name}"));
///     }
///     Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn post_login(arguments: TokenStream, item: TokenStream) -> TokenStream {
    action::expand(Trigger::PostLogin, &arguments.into(), item.into()).into()
}

/// Makes a function the crate's Action at `credentials-exchange`.
///
/// The function stays as it is, so that tests can call it; a build for wasm also
/// exports the contract's `credentials-exchange-handler`, which runs it.
///
/// ```
/// use actions_sdk::credentials_exchange::{Api, DenialCode, Event};
///
/// #[actions_sdk::credentials_exchange]
/// fn only_known_departments(event: &Event, api: &mut Api) -> actions_sdk::Result<()> {
///     if event.client().metadata("department").is_none() {
///         api.access().deny(DenialCode::InvalidRequest, "the client has no department");
///     }
///     Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn credentials_exchange(arguments: TokenStream, item: TokenStream) -> TokenStream {
    action::expand(Trigger::CredentialsExchange, &arguments.into(), item.into()).into()
}
