//! Where a list that is read part by part goes on.
//!
//! What a caller is given is sealed: it may name what has been deleted meanwhile, and is
//! nobody's to make up. It is good for one list of one tenant, as it was asked for, and for
//! as long as the server has its master key.

use super::Start;
use crate::{ServiceError, management::TenantAdmin};

/// What a caller gives to go on behind a place in a list.
///
/// # Errors
/// When the system has no randomness to give.
pub fn behind(admin: &TenantAdmin, list: &str, place: &str) -> Result<String, ServiceError> {
    let states = &admin.services().states;
    states.seal(&admin.tenant().tenant.id, &purpose(list), &place)
}

/// Where a part begins: behind what [`behind`] gave for this list, or at the beginning when
/// nothing was given; `None` for any other text.
#[must_use]
pub fn start(admin: &TenantAdmin, list: &str, given: Option<&str>) -> Option<Start> {
    let Some(given) = given else {
        return Some(Start::Behind(String::new()));
    };
    let states = &admin.services().states;
    let place = states.open(&admin.tenant().tenant.id, &purpose(list), given);
    place.map(Start::Behind)
}

fn purpose(list: &str) -> String {
    format!("checkpoint {list}")
}
