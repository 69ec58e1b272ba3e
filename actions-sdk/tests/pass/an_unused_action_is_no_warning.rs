#![deny(warnings)]

use actions_sdk::credentials_exchange::{Api, Event};

#[actions_sdk::credentials_exchange]
fn act(event: &Event, api: &mut Api) -> actions_sdk::Result<()> {
    let seats: u32 = event.client().metadata("seats").ok_or("no seats")?.parse()?;
    api.access_token().set_custom_claim("https://example.com/seats", seats);
    Ok(())
}

fn main() {}
