//! Does what the identifier says, with the password as its argument. An identifier that
//! names no deed is a user's, and the password is their profile as JSON.

use actions_sdk::{
    custom_database::{CreateError, Login, LoginError, Lookup, NewUser, Profile},
    http::Request,
    log,
};

#[actions_sdk::database_login]
fn log_in(login: &Login) -> Result<Profile, LoginError> {
    let argument = login.password();
    match login.identifier() {
        "wrong" => Err(LoginError::WrongCredentials),
        "unknown" => Err(LoginError::UnknownUser),
        "failed" => Err(argument.into()),
        "spin" => loop {
            std::hint::spin_loop();
        },
        "memory" => {
            let mut hoard = Vec::new();
            loop {
                hoard.push(vec![1_u8; 1 << 20]);
                std::hint::black_box(&hoard);
            }
        }
        "trap" => panic!("{argument}"),
        "huge" => Ok(Profile::new("7").set("blob", "x".repeat(argument.parse()?))),
        "deep" => {
            let levels: usize = argument.parse()?;
            let text = ["[".repeat(levels), "]".repeat(levels)].concat();
            let value: serde_json::Value = serde_json::from_str(&text)?;
            Ok(Profile::new("7").set("deep", value))
        }
        "flood" => {
            for _ in 0..argument.parse::<u32>()? {
                log::info("drip");
            }
            Ok(Profile::new("7"))
        }
        "secret" => {
            let secret = login.secrets().get(argument);
            Ok(Profile::new("7").set("secret", secret))
        }
        "call" => {
            let answer = Request::get(argument).send()?;
            Ok(Profile::new("7").set("status", answer.status()))
        }
        _ => Ok(serde_json::from_str(argument)?),
    }
}

#[actions_sdk::database_get_user]
fn get_user(lookup: &Lookup) -> actions_sdk::Result<Option<Profile>> {
    match lookup.identifier() {
        "unknown@example.com" => Ok(None),
        "failed@example.com" => Err("the store is down".into()),
        identifier => Ok(Some(Profile::new("7").set("email", identifier))),
    }
}

/// Does what the password says.
#[actions_sdk::database_create]
fn create(new_user: &NewUser) -> Result<Option<Profile>, CreateError> {
    match new_user.password() {
        "exists" => Err(CreateError::UserExists),
        "rejected" => Err(CreateError::Rejected("too weak".to_owned())),
        "failed" => Err("the store is down".into()),
        "tells" => Ok(Some(
            Profile::new("8")
                .set("email", new_user.email())
                .app_metadata("seen", new_user.get::<serde_json::Value>("user_metadata")),
        )),
        _ => Ok(None),
    }
}
