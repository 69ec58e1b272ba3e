#![allow(unused)]

use actions_sdk::{credentials_exchange, post_login};

#[actions_sdk::credentials_exchange]
fn act(
    event: &credentials_exchange::Event,
    api: &mut post_login::Api,
) -> actions_sdk::Result<()> {
    Ok(())
}

fn main() {}
