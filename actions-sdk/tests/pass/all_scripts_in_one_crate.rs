#![deny(warnings)]

use actions_sdk::custom_database::{CreateError, Login, LoginError, Lookup, NewUser, Profile};

#[actions_sdk::database_login]
fn log_in(login: &Login) -> Result<Profile, LoginError> {
    let id: u32 = login.identifier().parse()?;
    if login.password().is_empty() {
        return Err(LoginError::WrongCredentials);
    }
    Ok(Profile::new(id.to_string()))
}

#[actions_sdk::database_get_user]
fn get_user(lookup: &Lookup) -> actions_sdk::Result<Option<Profile>> {
    Ok(Some(Profile::new(lookup.identifier())))
}

#[actions_sdk::database_create]
fn create(new_user: &NewUser) -> Result<Option<Profile>, CreateError> {
    new_user.email().ok_or("no email address")?;
    Ok(None)
}

fn main() {
    let login = Login::builder("7", "correct horse").build();
    assert_eq!(log_in(&login).unwrap().user_id(), Some("7"));
    let login = Login::builder("ada", "correct horse").build();
    assert!(matches!(log_in(&login), Err(LoginError::Failed(_))));
    assert!(!format!("{login:?}").contains("horse"));
}
