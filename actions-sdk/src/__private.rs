//! What the attribute macros expand to. Not for authors; it may change with
//! every version.

pub use crate::signature::{
    ActionResult, CredentialsExchangeApi, CredentialsExchangeEvent, DatabaseCreateAnswer,
    DatabaseCreateInput, DatabaseGetUserAnswer, DatabaseGetUserInput, DatabaseLoginAnswer,
    DatabaseLoginInput, PostLoginApi, PostLoginEvent, action_result, credentials_exchange_api,
    credentials_exchange_event, database_create_answer, database_create_input,
    database_get_user_answer, database_get_user_input, database_login_answer, database_login_input,
    post_login_api, post_login_event,
};

#[cfg(target_arch = "wasm32")]
pub use crate::bindings::{
    credentials_exchange, database_create, database_get_user, database_login, post_login,
};

#[cfg(target_arch = "wasm32")]
use crate::{
    bindings::{
        database_create::exports::claimsmith::actions::database_create_handler as create_handler,
        database_login::exports::claimsmith::actions::database_login_handler as login_handler,
    },
    custom_database::{CreateError, LoginError, Profile},
};

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

/// Runs the script that lets a user log in.
#[cfg(target_arch = "wasm32")]
pub fn run_database_login(
    script: fn(&crate::custom_database::Login) -> Result<Profile, LoginError>,
    identifier: String,
    password: String,
) -> Result<String, login_handler::LoginError> {
    use login_handler::LoginError as Wit;

    report_panics();
    let login = crate::custom_database::Login {
        identifier,
        password,
        host: crate::host::Host,
    };
    script(&login)
        .and_then(|profile| Ok(profile_json(&profile)?))
        .map_err(|error| match error {
            LoginError::WrongCredentials => Wit::WrongCredentials(String::new()),
            LoginError::UnknownUser => Wit::UnknownUser(String::new()),
            LoginError::Failed(error) => Wit::Failed(crate::error::with_causes(&error)),
        })
}

/// Runs the script that looks a user up.
#[cfg(target_arch = "wasm32")]
pub fn run_database_get_user(
    script: fn(&crate::custom_database::Lookup) -> crate::Result<Option<Profile>>,
    identifier: String,
) -> Result<Option<String>, String> {
    report_panics();
    let lookup = crate::custom_database::Lookup {
        identifier,
        host: crate::host::Host,
    };
    script(&lookup)
        .and_then(|profile| profile.as_ref().map(profile_json).transpose())
        .map_err(|error| crate::error::with_causes(&error))
}

/// Runs the script that creates a user.
#[cfg(target_arch = "wasm32")]
pub fn run_database_create(
    script: fn(&crate::custom_database::NewUser) -> Result<Option<Profile>, CreateError>,
    user_json: String,
    password: String,
) -> Result<Option<String>, create_handler::CreateError> {
    use create_handler::CreateError as Wit;

    report_panics();
    let run = || {
        let new_user = crate::custom_database::NewUser {
            user: serde_json::from_str(&user_json)?,
            password,
            host: crate::host::Host,
        };
        let profile = script(&new_user)?;
        Ok(profile.as_ref().map(profile_json).transpose()?)
    };
    run().map_err(|error| match error {
        CreateError::UserExists => Wit::UserExists(String::new()),
        CreateError::Rejected(why) => Wit::Rejected(why),
        CreateError::Failed(error) => Wit::Failed(crate::error::with_causes(&error)),
    })
}

#[cfg(target_arch = "wasm32")]
fn profile_json(profile: &Profile) -> crate::Result<String> {
    Ok(serde_json::to_string(profile)?)
}

/// Puts the message of a panic into the log: without it the report would only
/// say that the module executed `unreachable`.
#[cfg(target_arch = "wasm32")]
fn report_panics() {
    std::panic::set_hook(Box::new(|panic| crate::log::error(panic.to_string())));
}
