#![allow(unused)]

use actions_sdk::post_login::{Api, Event};

struct Action;

impl Action {
    #[actions_sdk::post_login]
    fn act(&self, event: &Event, api: &mut Api) -> actions_sdk::Result<()> {
        Ok(())
    }
}

fn main() {}
