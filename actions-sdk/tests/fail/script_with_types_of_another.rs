#![allow(unused)]

use actions_sdk::custom_database::{Login, LoginError, Profile};

#[actions_sdk::database_create]
fn create(login: &Login) -> Result<Profile, LoginError> {
    Err(LoginError::UnknownUser)
}

fn main() {}
