#![allow(unused)]

use actions_sdk::post_login::{Api, Event};

#[actions_sdk::post_login]
#[actions_sdk::credentials_exchange]
fn act(event: &Event, api: &mut Api) -> actions_sdk::Result<()> {
    Ok(())
}

fn main() {}
