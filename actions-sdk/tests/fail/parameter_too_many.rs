#![allow(unused)]

use actions_sdk::post_login::{Api, Event};

#[actions_sdk::post_login]
fn act(event: &Event, api: &mut Api, now: u64) -> actions_sdk::Result<()> {
    Ok(())
}

fn main() {}
