#![allow(unused)]

use actions_sdk::custom_database::{Lookup, Profile};

#[actions_sdk::database_get_user]
fn get_user(lookup: &mut Lookup, api: &mut u8) -> actions_sdk::Result<Option<Profile>> {
    Ok(None)
}

fn main() {}
