//! Revoking tokens.

use serde_json::{Value, json};

use super::{Answer, Client, PASSWORD, World};

async fn app(world: &World) -> Client {
    let grants = json!({"grant_types": ["password", "refresh_token"]});
    world.client(grants).await
}

async fn login(world: &World, app: &Client) -> Value {
    world.login(app, "offline_access").await.tokens()
}

/// An access token that isn't for an API.
async fn opaque(world: &World, app: &Client) -> String {
    let body = json!({
        "grant_type": "password", "username": "ada@example.com", "password": PASSWORD,
        "scope": "openid",
    });
    let tokens = world.token(app, body).await.tokens();
    tokens["access_token"].as_str().unwrap().to_owned()
}

async fn revoke(world: &World, client: &Client, token: &Value) -> Answer {
    let body = json!({
        "client_id": client.id, "client_secret": client.secret, "token": token,
        "token_type_hint": "refresh_token",
    });
    world.send("POST", "/oauth/revoke", None, body).await
}

async fn exchange(world: &World, client: &Client, token: &Value) -> Answer {
    let body = json!({"grant_type": "refresh_token", "refresh_token": token});
    world.token(client, body).await
}

#[tokio::test]
async fn a_refresh_token_is_revoked_with_all_that_were_exchanged_for_it() {
    let world = World::start().await;
    let app = app(&world).await;
    let first = login(&world, &app).await["refresh_token"].clone();
    let second = exchange(&world, &app, &first).await.tokens()["refresh_token"].clone();
    world.later(60);

    // One that was replaced long ago does it, too.
    let revoked = revoke(&world, &app, &first).await;

    assert_eq!((revoked.status.as_u16(), revoked.body), (200, Value::Null));
    let refused = exchange(&world, &app, &second).await;
    assert_eq!(refused.refusal().1, "invalid_grant");
    assert_eq!(revoke(&world, &app, &first).await.status, 200);
}

/// Tokens without an API, with a refresh token.
async fn offline(world: &World, app: &Client) -> Value {
    let body = json!({
        "grant_type": "password", "username": "ada@example.com", "password": PASSWORD,
        "scope": "openid offline_access",
    });
    world.token(app, body).await.tokens()
}

fn access_token(tokens: &Value) -> &str {
    tokens["access_token"].as_str().unwrap()
}

#[tokio::test]
async fn opaque_access_tokens_end_with_what_they_rest_on() {
    for end in ["revoked", "reused", "client", "password", "blocked"] {
        let world = World::start().await;
        let app = app(&world).await;
        let neighbour = self::app(&world).await;
        let first = offline(&world, &app).await;
        let other = offline(&world, &neighbour).await;
        let second = exchange(&world, &app, &first["refresh_token"])
            .await
            .tokens();
        let user = world.user_path();
        for tokens in [&first, &second, &other] {
            assert_eq!(world.userinfo(access_token(tokens)).await, 200);
        }

        match end {
            "revoked" => {
                revoke(&world, &app, &second["refresh_token"]).await;
            }
            "reused" => {
                world.later(60);
                exchange(&world, &app, &first["refresh_token"])
                    .await
                    .refusal();
            }
            "client" => {
                let path = format!("clients/{}", app.id);
                world.manage("DELETE", &path, Value::Null).await;
            }
            "password" => {
                let password = json!({"password": "another horse battery staple"});
                world.manage("PATCH", &user, password).await;
            }
            _ => {
                for blocked in [true, false] {
                    world
                        .manage("PATCH", &user, json!({"blocked": blocked}))
                        .await;
                }
            }
        }

        for tokens in [&first, &second] {
            assert_eq!(world.userinfo(access_token(tokens)).await, 401, "{end}");
        }
        let is_everybodys = ["password", "blocked"].contains(&end);
        let left = if is_everybodys { 401 } else { 200 };
        assert_eq!(world.userinfo(access_token(&other)).await, left, "{end}");
    }
}

#[tokio::test]
async fn an_opaque_access_token_outlives_a_refresh_token_that_ends_by_itself() {
    let world = World::start().await;
    let app = app(&world).await;
    let path = format!("clients/{}", app.id);
    let short = json!({"refresh_token": {
        "rotation_type": "rotating", "expiration_type": "expiring", "token_lifetime": 60,
        "idle_token_lifetime": 30,
    }});
    world.manage("PATCH", &path, short).await;
    let tokens = offline(&world, &app).await;

    world.later(86_399);
    let now = claimsmith_model::Timestamp::from_millis(super::START_MS + 86_399_000);
    world.tenant.store.remove_expired(now, 100).await.unwrap();

    assert_eq!(world.userinfo(access_token(&tokens)).await, 200);
    world.later(1);
    assert_eq!(world.userinfo(access_token(&tokens)).await, 401);
}

#[tokio::test]
async fn an_opaque_access_token_is_revoked() {
    let world = World::start().await;
    let app = app(&world).await;
    let token = opaque(&world, &app).await;
    assert_eq!(world.userinfo(&token).await, 200);

    assert_eq!(revoke(&world, &app, &json!(token)).await.status, 200);

    assert_eq!(world.userinfo(&token).await, 401);
}

#[tokio::test]
async fn a_signed_access_token_can_not_be_revoked_and_the_client_is_told() {
    let world = World::start().await;
    let app = app(&world).await;
    let token = login(&world, &app).await["access_token"].clone();

    let refused = revoke(&world, &app, &token).await;

    let (status, error, text) = refused.refusal();
    assert_eq!((status, error), (400, "unsupported_token_type"));
    assert!(text.contains("refresh token"), "{text}");
}

#[tokio::test]
async fn a_token_that_nobody_knows_is_revoked_already() {
    let world = World::start().await;
    let app = app(&world).await;
    let token = login(&world, &app).await["refresh_token"].clone();
    let forged = format!("{}x", token.as_str().unwrap());

    for token in ["unknown", "a.b.c", "..", &forged, &"x".repeat(10_000)] {
        assert_eq!(
            revoke(&world, &app, &json!(token)).await.status,
            200,
            "{token}"
        );
    }

    exchange(&world, &app, &token).await.tokens();
}

#[tokio::test]
async fn nobody_revokes_the_tokens_of_another_client() {
    let world = World::start().await;
    let (app, other) = (app(&world).await, app(&world).await);
    let refresh_token = login(&world, &app).await["refresh_token"].clone();
    let access_token = opaque(&world, &app).await;

    for token in [&refresh_token, &json!(access_token)] {
        let refused = revoke(&world, &other, token).await;
        assert_eq!(refused.refusal().1, "invalid_grant");
        let pretender = Client {
            secret: other.secret.clone(),
            ..app.clone()
        };
        let refused = revoke(&world, &pretender, token).await;
        assert_eq!(
            (refused.refusal().0, refused.refusal().1),
            (401, "invalid_client")
        );
    }

    assert_eq!(world.userinfo(&access_token).await, 200);
    exchange(&world, &app, &refresh_token).await.tokens();
}

#[tokio::test]
async fn a_revocation_is_a_post_with_a_token() {
    let world = World::start().await;
    let app = app(&world).await;
    let get = world.send("GET", "/oauth/revoke", None, Value::Null).await;
    assert_eq!(get.status, 405);
    assert_eq!(get.allow.as_deref(), Some("POST,OPTIONS"));

    let missing = revoke(&world, &app, &Value::Null).await;
    assert_eq!(
        (missing.refusal().0, missing.refusal().1),
        (400, "invalid_request")
    );
    let nobody = world.form("/oauth/revoke", None, "token=x").await;
    assert_eq!(
        (nobody.refusal().0, nobody.refusal().1),
        (401, "invalid_client")
    );
    let form = format!("token=x&client_id={}&client_secret={}", app.id, app.secret);
    assert_eq!(world.form("/oauth/revoke", None, &form).await.status, 200);
    let twice = world
        .form("/oauth/revoke", None, &format!("{form}&token=y"))
        .await;
    assert_eq!(twice.refusal().1, "invalid_request");
}

#[tokio::test]
async fn a_public_client_revokes_its_own_by_its_name() {
    let world = World::start().await;
    let body = json!({"app_type": "spa", "grant_types": ["password", "refresh_token"]});
    let spa = world.client(body).await;
    let token = login(&world, &spa).await["refresh_token"].clone();

    let body = json!({"client_id": spa.id, "token": token});
    let revoked = world.send("POST", "/oauth/revoke", None, body).await;

    assert_eq!(revoked.status, 200);
    let refused = exchange(&world, &spa, &token).await;
    assert_eq!(refused.refusal().1, "invalid_grant");
}
