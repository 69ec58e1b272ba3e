#![allow(unused)]

use actions_sdk::post_login::{Api, Event};

#[actions_sdk::post_login]
fn act<T>(event: &Event, api: &mut Api) -> actions_sdk::Result<()>
where
    T: Clone,
{
    Ok(())
}

fn main() {}
