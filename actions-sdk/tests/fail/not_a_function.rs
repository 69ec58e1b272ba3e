#[actions_sdk::post_login]
struct Action;

fn main() {}
