#![deny(warnings)]

use actions_sdk::post_login::{Api, Event};

/// Attributes, visibility, patterns and other spellings of the types are kept.
#[actions_sdk::post_login]
#[inline]
pub fn act(_: &Event, api: &mut Api) -> Result<(), actions_sdk::Error> {
    api.access().deny("closed");
    Ok(())
}

fn main() {
    let event = Event::builder().build();
    let mut api = Api::recording(&event);
    act(&event, &mut api).unwrap();
    assert_eq!(api.recorded().denial.unwrap().reason.as_deref(), Some("closed"));
}
