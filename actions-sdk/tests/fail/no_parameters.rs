#[actions_sdk::post_login]
fn act() -> actions_sdk::Result<()> {
    Ok(())
}

fn main() {}
