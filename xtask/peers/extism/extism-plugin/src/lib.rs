//! Reads two fields of an event and answers one claim, as the Action that it is compared
//! with does. Event and answer are JSON, typed on both sides, as Extism's own
//! documentation shows it.

use extism_pdk::{FnResult, FromBytes, Json, ToBytes, plugin_fn};
use serde::{Deserialize, Serialize};

/// The fields that are read; there are no others in the input, which is in the peer's
/// favour: ours picks its two out of a whole event.
#[derive(Deserialize, FromBytes)]
#[encoding(Json)]
struct Event {
    client_name: String,
    department: String,
}

/// What the host would put into the token.
#[derive(Serialize, ToBytes)]
#[encoding(Json)]
struct Claim {
    name: &'static str,
    value: String,
}

#[plugin_fn]
pub fn set_claim(event: Event) -> FnResult<Claim> {
    Ok(Claim {
        name: "https://example.com/department",
        value: format!("{} of {}", event.client_name, event.department),
    })
}
