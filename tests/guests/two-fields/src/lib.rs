//! Reads two fields of the event and sets one claim: the execution that the benches
//! measure. What is compared with it (`xtask/peers/`) makes the same claim of the same
//! two fields.

use actions_sdk::credentials_exchange::{Api, Event};

#[actions_sdk::credentials_exchange]
fn set_claim(event: &Event, api: &mut Api) -> actions_sdk::Result<()> {
    let client = event.client();
    let department = client.metadata("department").unwrap_or_default();
    api.access_token().set_custom_claim(
        "https://example.com/department",
        format!("{} of {department}", client.name()),
    );
    Ok(())
}
