#![allow(unused)]

use actions_sdk::credentials_exchange::{Api, Event};

#[actions_sdk::post_login]
fn act(event: &Event, api: &mut Api) -> actions_sdk::Result<()> {
    Ok(())
}

fn main() {}
