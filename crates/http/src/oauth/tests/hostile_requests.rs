//! Requests that were made to get at something that isn't the caller's.

use serde_json::{Value, json};

use super::{API, Client, World, authorization_code::world_with_code, claims};

async fn app(world: &World) -> Client {
    let grants = json!({"grant_types": ["password", "refresh_token"]});
    world.client(grants).await
}

#[tokio::test]
async fn a_refresh_token_is_worth_nothing_to_another_client() {
    let world = World::start().await;
    let (app, other) = (app(&world).await, app(&world).await);
    let tokens = world.login(&app, "offline_access").await.tokens();
    let token = &tokens["refresh_token"];
    let body = json!({"grant_type": "refresh_token", "refresh_token": token});

    let stolen = world.token(&other, body.clone()).await;
    assert_eq!(stolen.refusal().1, "invalid_grant");
    let pretender = Client {
        secret: other.secret,
        ..app.clone()
    };
    let stolen = world.token(&pretender, body.clone()).await;
    assert_eq!(
        (stolen.refusal().0, stolen.refusal().1),
        (401, "invalid_client")
    );

    // Nor is its login harmed.
    world.token(&app, body).await.tokens();
}

#[tokio::test]
async fn a_refresh_token_that_was_changed_is_none_and_harms_nobody() {
    let world = World::start().await;
    let app = app(&world).await;
    let tokens = world.login(&app, "offline_access").await.tokens();
    let token = tokens["refresh_token"].as_str().unwrap();
    let (body, mac) = token.rsplit_once('.').unwrap();
    let (grant, _) = body.rsplit_once('.').unwrap();

    for forged in [
        format!("{body}."),
        format!("{body}.{}", mac.to_lowercase()),
        format!("{grant}.{}.{mac}", "A".repeat(43)),
        format!("{token}.{mac}"),
        format!("x{token}"),
    ] {
        let body = json!({"grant_type": "refresh_token", "refresh_token": forged});
        let refused = world.token(&app, body).await;
        assert_eq!(refused.refusal().1, "invalid_grant", "{forged}");
    }

    let body = json!({"grant_type": "refresh_token", "refresh_token": token});
    world.token(&app, body).await.tokens();
}

#[tokio::test]
async fn a_users_token_opens_neither_the_management_api_nor_userinfo_without_openid() {
    let world = World::start().await;
    let app = app(&world).await;
    let tokens = world.login(&app, "read:reports").await.tokens();
    let token = tokens["access_token"].as_str();

    let users = world.send("GET", "/api/v2/users", token, Value::Null).await;
    assert_eq!(users.status, 401);
    // It isn't for that audience at all.
    assert_eq!(world.userinfo(token.unwrap()).await, 401);
    let management = world.management_token.as_str();
    assert_eq!(world.userinfo(management).await, 401);
    let asked = json!({
        "grant_type": "password", "username": "ada@example.com", "password": super::PASSWORD,
        "audience": world.tenant.management_audience(), "scope": "read:users",
    });
    let refused = world.token(&app, asked).await;
    assert_eq!(refused.refusal().1, "invalid_request");
}

#[tokio::test]
async fn a_refresh_token_or_a_code_is_no_access_token() {
    let world = World::start().await;
    let app = app(&world).await;
    let tokens = world.login(&app, "openid offline_access").await.tokens();

    for token in ["refresh_token", "id_token"] {
        assert_eq!(world.userinfo(tokens[token].as_str().unwrap()).await, 401);
    }
    let (world, _) = world_with_code(|_| {}).await;
    assert_eq!(world.userinfo("code").await, 401);
}

#[tokio::test]
async fn scopes_that_the_client_was_not_granted_are_left_out_however_they_are_asked_for() {
    let world = World::start().await;
    let job = world.job(json!({})).await;
    for scope in [
        "read:reports write:reports",
        "read:reports READ:REPORTS",
        "read:reports read:reports",
        "read:reports openid offline_access",
    ] {
        let body = json!({"grant_type": "client_credentials", "audience": API, "scope": scope});
        let tokens = world.token(&job, body).await.tokens();
        assert_eq!(claims(&tokens["access_token"])["scope"], "read:reports");
        assert_eq!(tokens.get("refresh_token"), None);
    }
}

#[tokio::test]
async fn what_a_parameter_holds_breaks_neither_headers_nor_descriptions() {
    let world = World::start().await;
    let job = world.job(json!({})).await;
    let hostile = "x\r\nSet-Cookie: a=b\u{0}\u{1b}[31m\"\\<script>\u{2028}";
    for name in [
        "grant_type",
        "audience",
        "scope",
        "resource",
        "client_id",
        "correlation_id",
    ] {
        let mut body = json!({"grant_type": "client_credentials", "audience": API});
        body[name] = hostile.into();
        let answer = if name == "client_id" {
            world.send("POST", "/oauth/token", None, body).await
        } else {
            world.token(&job, body).await
        };
        if name == "correlation_id" {
            answer.tokens();
            continue;
        }
        let text = answer.body["error_description"].as_str().unwrap();
        let is_plain = |byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
        assert!(text.bytes().all(is_plain), "{name}: {text}");
        assert!(answer.status.is_client_error(), "{name}");
    }
}

#[tokio::test]
async fn parameters_that_are_too_long_are_refused_before_anything_is_done_with_them() {
    let world = World::start().await;
    let job = world.job(json!({})).await;
    for name in [
        "code",
        "refresh_token",
        "client_assertion",
        "username",
        "resource",
        "token",
    ] {
        let mut body = json!({"grant_type": "client_credentials", "audience": API});
        body[name] = "x".repeat(16 * 1024 + 1).into();
        let refused = world.token(&job, body).await;
        let (status, error, text) = refused.refusal();
        assert_eq!((status, error), (400, "invalid_request"), "{name}");
        assert!(text.contains(name), "{text}");
    }
}
