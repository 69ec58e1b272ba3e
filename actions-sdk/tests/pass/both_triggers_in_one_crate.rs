use actions_sdk::{credentials_exchange, post_login};

#[actions_sdk::post_login]
fn at_login(event: &post_login::Event, api: &mut post_login::Api) -> actions_sdk::Result<()> {
    api.access_token().set_custom_claim("https://example.com/user", event.user().user_id());
    Ok(())
}

#[actions_sdk::credentials_exchange]
fn at_exchange(
    event: &credentials_exchange::Event,
    api: &mut credentials_exchange::Api,
) -> actions_sdk::Result<()> {
    api.access_token().set_custom_claim("https://example.com/client", event.client().name());
    Ok(())
}

fn main() {}
