//! What the attribute macros expand to. Not for authors; it may change with
//! every version.

pub use crate::signature::{
    ActionResult, CredentialsExchangeApi, CredentialsExchangeEvent, PostLoginApi, PostLoginEvent,
    action_result, credentials_exchange_api, credentials_exchange_event, post_login_api,
    post_login_event,
};

#[cfg(target_arch = "wasm32")]
pub use crate::bindings::{credentials_exchange, post_login};

/// What a module made with this SDK says of it, in a section of its own: a line, because
/// a crate with several Actions has it several times.
#[cfg(target_arch = "wasm32")]
pub const SDK: [u8; SDK_LINE.len()] = match SDK_LINE.as_bytes().first_chunk() {
    Some(bytes) => *bytes,
    None => unreachable!(),
};
#[cfg(target_arch = "wasm32")]
const SDK_LINE: &str = concat!("actions-sdk ", env!("CARGO_PKG_VERSION"), "\n");

/// Runs a `post-login` Action against the host.
#[cfg(target_arch = "wasm32")]
pub fn run_post_login(
    action: fn(&crate::post_login::Event, &mut crate::post_login::Api) -> crate::Result<()>,
) -> Result<(), String> {
    use crate::host::Host;

    report_panics();
    let event = crate::post_login::Event { host: Host };
    let mut api = crate::post_login::Api { host: Host };
    action(&event, &mut api).map_err(|error| crate::error::with_causes(&error))
}

/// Runs a `credentials-exchange` Action against the host.
#[cfg(target_arch = "wasm32")]
pub fn run_credentials_exchange(
    action: fn(
        &crate::credentials_exchange::Event,
        &mut crate::credentials_exchange::Api,
    ) -> crate::Result<()>,
) -> Result<(), String> {
    use crate::host::Host;

    report_panics();
    let event = crate::credentials_exchange::Event { host: Host };
    let mut api = crate::credentials_exchange::Api { host: Host };
    action(&event, &mut api).map_err(|error| crate::error::with_causes(&error))
}

/// Puts the message of a panic into the log: without it the report would only
/// say that the module executed `unreachable`.
#[cfg(target_arch = "wasm32")]
fn report_panics() {
    std::panic::set_hook(Box::new(|panic| crate::log::error(panic.to_string())));
}
