#![allow(unused)]

#[actions_sdk::database_login]
struct LogIn;

#[actions_sdk::database_login(always)]
fn log_in() {}

fn main() {}
