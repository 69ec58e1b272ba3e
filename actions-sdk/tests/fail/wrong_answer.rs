#![allow(unused)]

use actions_sdk::post_login::{Api, Event};

#[actions_sdk::post_login]
fn act(event: &Event, api: &mut Api) -> Result<bool, String> {
    Ok(true)
}

fn main() {}
