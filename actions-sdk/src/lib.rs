//! Write Claimsmith Actions in Rust.
//!
//! An Action is a function that the server runs, as WebAssembly in a fresh
//! sandbox, before it signs a token: at every login (`post-login`) or at every
//! client credentials exchange (`credentials-exchange`). It reads the event, and
//! asks through the api for claims, scopes, metadata, or for the token to be
//! refused. The other kind of guest is a script of a [custom database](custom_database),
//! which says who a user is.
//!
//! ```
//! use actions_sdk::post_login::{Api, Event};
//!
//! /// Puts the user's role into the access token.
//! #[actions_sdk::post_login]
//! fn add_role(event: &Event, api: &mut Api) -> actions_sdk::Result<()> {
//!     if let Some(role) = event.user().app_metadata::<String>("role") {
//!         api.access_token().set_custom_claim("https://example.com/role", role);
//!     }
//!     Ok(())
//! }
//!
//! let event = Event::builder().app_metadata("role", "editor").build();
//! let mut api = Api::recording(&event);
//! add_role(&event, &mut api)?;
//! assert_eq!(api.recorded().access_token_claims["https://example.com/role"], "editor");
//! # Ok::<(), actions_sdk::Error>(())
//! ```
//!
//! # From `cargo new` to a running Action
//!
//! **1. Make a library** with `cargo new --lib role`, and say in its `Cargo.toml`
//! that it becomes a module of its own. The profile keeps the module small.
//!
//! ```toml
//! [lib]
//! crate-type = ["cdylib"]
//!
//! [dependencies]
//! actions-sdk = { path = "../claimsmith/actions-sdk" }
//!
//! [profile.release]
//! opt-level = "s"
//! lto = true
//! codegen-units = 1
//! panic = "abort"
//! strip = true
//! ```
//!
//! A small stack makes every execution faster; say so in `.cargo/config.toml`:
//!
//! ```toml
//! [target.wasm32-unknown-unknown]
//! rustflags = ["-C", "link-arg=-zstack-size=65536"]
//! ```
//!
//! **2. Write the function** above, without its last four lines, as `src/lib.rs`.
//!
//! **3. Test it** with plain `cargo test`. The event is in the shape that
//! production shows; [`testing`] says what can be looked at.
//!
//! ```
//! # use actions_sdk::post_login::{Api, Event};
//! # fn add_role(event: &Event, api: &mut Api) -> actions_sdk::Result<()> {
//! #     if let Some(role) = event.user().app_metadata::<String>("role") {
//! #         api.access_token().set_custom_claim("https://example.com/role", role);
//! #     }
//! #     Ok(())
//! # }
//! #[test]
//! # fn not_collected_in_a_doctest() {}
//! fn an_editor_gets_the_claim() {
//!     let event = Event::from_json(r#"{"user": {"app_metadata": {"role": "editor"}}}"#).unwrap();
//!     let mut api = Api::recording(&event);
//!
//!     add_role(&event, &mut api).unwrap();
//!
//!     assert_eq!(api.recorded().access_token_claims["https://example.com/role"], "editor");
//! }
//! # an_editor_gets_the_claim();
//! ```
//!
//! **4. Build it.**
//!
//! ```console
//! $ rustup target add wasm32-unknown-unknown
//! $ cargo build --release --target wasm32-unknown-unknown
//! ```
//!
//! **5. Run the module on your machine**, with the server's own runtime and claim
//! policy: it prints the claims, the refused ones with the reason and what to
//! write instead, the log and the time taken. `event.json` holds what step 3 has
//! in quotes.
//!
//! ```console
//! $ claimsmith action run target/wasm32-unknown-unknown/release/role.wasm --event event.json
//! ```
//!
//! **6. Upload it** as it is. `$TENANT` is the tenant's URL and `$TOKEN` an access
//! token for its Management API; the first answer has the Action's `id`, which goes
//! into `$ID`.
//!
//! ```console
//! $ curl $TENANT/api/v2/actions/actions -H "Authorization: Bearer $TOKEN" --json \
//!     '{"name": "role", "runtime": "wasm", "supported_triggers": [{"id": "post-login", "version": "v3"}]}'
//! $ curl -X PUT $TENANT/api/v2/actions/actions/$ID/module -H "Authorization: Bearer $TOKEN" \
//!     -H 'Content-Type: application/wasm' \
//!     --data-binary @target/wasm32-unknown-unknown/release/role.wasm
//! $ curl -X POST $TENANT/api/v2/actions/actions/$ID/deploy -H "Authorization: Bearer $TOKEN"
//! $ curl -X PATCH $TENANT/api/v2/actions/triggers/post-login/bindings \
//!     -H "Authorization: Bearer $TOKEN" --json \
//!     '{"bindings": [{"ref": {"type": "action_name", "value": "role"}}]}'
//! ```
//!
//! # What to know
//!
//! - A setter never makes the Action fail. A claim that the host refuses is in the
//!   execution's report, with a remedy; `try_set_custom_claim` hands you the
//!   [`Refusal`].
//! - `Err` means that the Action failed: all it asked for is discarded. To refuse
//!   a token, call `api.access().deny(…)`.
//! - A crate may have one function for each trigger; its module then serves both.
//! - There is no clock, no randomness, no file and no socket in a module for
//!   `wasm32-unknown-unknown`: what an Action knows is in its event, and the present
//!   time is `event.request().received_at_ms()`. Other services are called with
//!   the module `http`, which the crate has with its feature of that name, where the
//!   Action's `allowed_hosts` lists them.
//! - A panic is the Action's failure, with its message in the log.
//!
//! What this crate leaves out: the claim policy and the limits, which are the
//! server's (`claimsmith action run` has them).

#![expect(
    clippy::test_attr_in_doctest,
    reason = "the newcomer is shown a test as they will write it, and the doctest calls it"
)]

// Natively, it is there for its tests only.
#[cfg(any(test, all(target_arch = "wasm32", target_os = "unknown")))]
mod allocator;
pub mod api;
#[cfg(target_arch = "wasm32")]
mod bindings;
pub mod credentials_exchange;
pub mod custom_database;
mod error;
pub mod event;
mod host;
#[cfg(feature = "http")]
pub mod http;
mod json;
pub mod log;
pub mod post_login;
mod refusal;
mod signature;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

#[doc(hidden)]
pub mod __private;

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
pub use actions_sdk_macros::credentials_exchange;
/// ```
/// use actions_sdk::custom_database::{CreateError, NewUser, Profile};
///
/// #[actions_sdk::database_create]
/// fn create(new_user: &NewUser) -> Result<Option<Profile>, CreateError> {
///     if new_user.password().len() < 12 {
///         return Err(CreateError::Rejected("a password has twelve characters".to_owned()));
///     }
///     let email = new_user.email().ok_or("the user has no email address")?;
///     Ok(Some(Profile::new("7").email(email, false)))
/// }
/// ```
pub use actions_sdk_macros::database_create;
/// ```
/// use actions_sdk::custom_database::{Lookup, Profile};
///
/// #[actions_sdk::database_get_user]
/// fn get_user(lookup: &Lookup) -> actions_sdk::Result<Option<Profile>> {
///     let is_ada = lookup.identifier() == "ada@example.com";
///     Ok(is_ada.then(|| Profile::new("7").email("ada@example.com", true)))
/// }
/// ```
pub use actions_sdk_macros::database_get_user;
/// ```
/// use actions_sdk::custom_database::{Login, LoginError, Profile};
///
/// #[actions_sdk::database_login]
/// fn log_in(login: &Login) -> Result<Profile, LoginError> {
///     match (login.identifier(), login.password()) {
///         ("ada@example.com", "correct horse") => Ok(Profile::new("7")),
///         ("ada@example.com", _) => Err(LoginError::WrongCredentials),
///         _ => Err(LoginError::UnknownUser),
///     }
/// }
/// ```
pub use actions_sdk_macros::database_login;
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
pub use actions_sdk_macros::post_login;
pub use error::{Error, Result};
pub use refusal::Refusal;
