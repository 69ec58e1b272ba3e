#![allow(unused)]

use actions_sdk::custom_database::{LoginError, Profile};

#[actions_sdk::database_login]
async fn log_in() {}

fn main() {}
