//! Refresh tokens, exchanged over HTTP with Actions bound. How they end as time goes by
//! is tested where the clock can be moved, in `crates/http/src/oauth/tests/refresh.rs`.

use serde_json::{Value, json};

use crate::harness::{Client, POST_LOGIN, Reply, TestServer, User, scripted};

/// An API that gives refresh tokens.
const API: &str = "https://offline.example.com/";
const SCOPE: &str = "openid offline_access read:reports write:reports";

/// A server with such an API, a client whose refresh tokens are as given, and a user.
async fn world(refresh_token: Value) -> (TestServer, Client, User) {
    let server = TestServer::start().await;
    let api = server.api(API).with("allow_offline_access", true);
    api.create().await;
    let app = server
        .client("app")
        .grant_types(&["password", "refresh_token"])
        .with("refresh_token", refresh_token);
    let app = app.create().await;
    let ada = server.user("ada@example.com").create().await;
    (server, app, ada)
}

fn rotating(leeway: u32) -> Value {
    json!({"rotation_type": "rotating", "expiration_type": "expiring", "leeway": leeway})
}

async fn login(server: &TestServer, app: &Client, user: &User) -> Reply {
    let login = server.login(app, user).audience(API).scope(SCOPE);
    login.send().await.expect_token()
}

fn refresh_token(reply: &Reply) -> String {
    reply.body["refresh_token"].as_str().unwrap().to_owned()
}

async fn exchange(server: &TestServer, app: &Client, token: &str) -> Reply {
    exchange_for(server, app, token, None).await
}

async fn exchange_for(
    server: &TestServer,
    app: &Client,
    token: &str,
    scope: Option<&str>,
) -> Reply {
    let mut request = server
        .token_request()
        .client(app)
        .with("grant_type", "refresh_token")
        .with("refresh_token", token);
    if let Some(scope) = scope {
        request = request.scope(scope);
    }
    request.send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_gives_new_tokens_and_replaces_the_refresh_token() {
    let (server, app, ada) = world(rotating(0)).await;
    let first = login(&server, &app, &ada).await;

    let second = exchange(&server, &app, &refresh_token(&first)).await;

    let second = second.expect_token();
    assert_ne!(refresh_token(&second), refresh_token(&first));
    assert_eq!(second.claims()["sub"], ada.id);
    assert_eq!(second.claims()["gty"], "refresh_token");
    assert_eq!(second.id_claims()["sub"], ada.id);
    assert_eq!(second.body["scope"], SCOPE);
    let third = exchange(&server, &app, &refresh_token(&second)).await;
    third.expect_token();
    // Nobody logged in again.
    assert_eq!(server.stored_user(&ada).await["logins_count"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_replaced_revokes_all_of_its_login_and_no_other() {
    let (server, app, ada) = world(rotating(0)).await;
    let other_browser = login(&server, &app, &ada).await;
    let stolen = refresh_token(&login(&server, &app, &ada).await);
    let second = exchange(&server, &app, &stolen).await.expect_token();

    // A millisecond later the leeway of none is over, and a request takes longer.
    let reused = exchange(&server, &app, &stolen).await;

    let text = reused.expect_error(400, "invalid_grant");
    assert!(text.contains("log in again"), "{text}");
    let after = exchange(&server, &app, &refresh_token(&second)).await;
    after.expect_error(400, "invalid_grant");
    let other = exchange(&server, &app, &refresh_token(&other_browser)).await;
    other.expect_token();
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_overlap_within_the_leeway_log_nobody_out() {
    let (server, app, ada) = world(rotating(60)).await;
    let token = refresh_token(&login(&server, &app, &ada).await);
    let one = || exchange(&server, &app, &token);

    let (a, b, c, d, e) = tokio::join!(one(), one(), one(), one(), one());
    let (f, g, h, i, j) = tokio::join!(one(), one(), one(), one(), one());

    // All have the one token that goes on, so that nobody goes on beside the others unseen.
    let next = refresh_token(&a);
    for reply in [a, b, c, d, e, f, g, h, i, j] {
        assert_eq!(refresh_token(&reply.expect_token()), next);
        exchange(&server, &app, &next).await.expect_token();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_does_not_rotate_can_be_exchanged_again_and_again() {
    let settings = json!({"rotation_type": "non-rotating", "expiration_type": "non-expiring"});
    let (server, app, ada) = world(settings).await;
    let token = refresh_token(&login(&server, &app, &ada).await);

    for _ in 0..3 {
        let reply = exchange(&server, &app, &token).await.expect_token();
        assert_eq!(reply.body.get("refresh_token"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_may_ask_for_less_but_never_for_more() {
    let (server, app, ada) = world(rotating(0)).await;
    let login = server
        .login(&app, &ada)
        .audience(API)
        .scope("openid offline_access read:reports");
    let token = refresh_token(&login.send().await.expect_token());

    let more = exchange_for(&server, &app, &token, Some("read:reports write:reports")).await;
    let text = more.expect_error(400, "invalid_scope");
    assert!(text.contains("write:reports"), "{text}");

    let less = exchange_for(&server, &app, &token, Some("read:reports")).await;
    let less = less.expect_token();
    assert_eq!(less.claims()["scope"], "read:reports");
    assert_eq!(less.body.get("id_token"), None);

    // What was left out this time can be asked for the next time.
    let all = exchange(&server, &app, &refresh_token(&less)).await;
    let all = all.expect_token();
    assert_eq!(all.claims()["scope"], "openid offline_access read:reports");
}

#[tokio::test(flavor = "multi_thread")]
async fn post_login_runs_again_as_it_is_now_and_nothing_is_inherited() {
    let (server, app, ada) = world(rotating(0)).await;
    let before = scripted(
        "before",
        json!([
            ["access_token", "https://example.com/before", true],
            ["echo", "/refresh_token", "https://example.com/refresh"],
        ]),
    );
    server.bind(POST_LOGIN, [before]).await;
    let first = login(&server, &app, &ada).await;
    assert_eq!(first.claims()["https://example.com/before"], true);
    assert_eq!(first.claims()["https://example.com/refresh"], Value::Null);
    let after = scripted(
        "after",
        json!([
            [
                "echo",
                "/transaction/protocol",
                "https://example.com/protocol"
            ],
            [
                "echo",
                "/refresh_token/rotating",
                "https://example.com/rotating"
            ],
        ]),
    );
    server.bind(POST_LOGIN, [after]).await;

    let second = exchange(&server, &app, &refresh_token(&first)).await;

    let claims = second.expect_token().claims();
    assert_eq!(claims.get("https://example.com/before"), None);
    assert_eq!(
        claims["https://example.com/protocol"],
        "oauth2-refresh-token"
    );
    assert_eq!(claims["https://example.com/rotating"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_that_is_denied_or_fails_replaces_nothing() {
    let (server, app, ada) = world(rotating(0)).await;
    let token = refresh_token(&login(&server, &app, &ada).await);
    for (name, script, error) in [
        ("denies", json!([["deny", "not today"]]), "access_denied"),
        ("panics", json!([["panic", "oh no"]]), "access_denied"),
    ] {
        server.bind(POST_LOGIN, [scripted(name, script)]).await;
        for _ in 0..2 {
            let refused = exchange(&server, &app, &token).await;
            refused.expect_error(400, error);
        }
    }
    server.bind(POST_LOGIN, []).await;

    exchange(&server, &app, &token).await.expect_token();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_and_blocking_end_what_was_begun_before() {
    let (server, app, ada) = world(rotating(0)).await;
    let path = format!("users/{}", ada.in_path());
    let patch = async |body: Value| server.manage("PATCH", &path, body).await.expect(200);

    let token = refresh_token(&login(&server, &app, &ada).await);
    patch(json!({"name": "Ada"})).await;
    let reply = exchange(&server, &app, &token).await.expect_token();
    patch(json!({"password": "another horse battery staple"})).await;
    let refused = exchange(&server, &app, &refresh_token(&reply)).await;
    refused.expect_error(400, "invalid_grant");

    patch(json!({"password": crate::harness::PASSWORD})).await;
    let token = refresh_token(&login(&server, &app, &ada).await);
    patch(json!({"blocked": true})).await;
    patch(json!({"blocked": false})).await;
    let refused = exchange(&server, &app, &token).await;
    refused.expect_error(400, "invalid_grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn admins_see_a_users_refresh_tokens_and_revoke_them() {
    let (server, app, ada) = world(rotating(0)).await;
    let bob = server.user("bob@example.com").create().await;
    let bobs = login(&server, &app, &bob).await;
    let path = format!("users/{}/refresh-tokens", ada.in_path());
    let list = async || server.manage("GET", &path, Value::Null).await.expect(200);
    assert_eq!(list().await, json!({"tokens": []}));
    let token = refresh_token(&login(&server, &app, &ada).await);

    let shown = list().await;
    let grant = &shown["tokens"][0];
    assert_eq!(grant["user_id"], ada.id);
    assert_eq!(grant["client_id"], app.id);
    assert_eq!(grant["rotating"], true);
    let scopes = json!([{"audience": API, "scopes": SCOPE}]);
    assert_eq!(grant["resource_servers"], scopes);
    assert!(!shown.to_string().contains(&token));

    server
        .manage("DELETE", &path, Value::Null)
        .await
        .expect(204);

    assert_eq!(list().await, json!({"tokens": []}));
    let refused = exchange(&server, &app, &token).await;
    refused.expect_error(400, "invalid_grant");
    let bobs = exchange(&server, &app, &refresh_token(&bobs)).await;
    bobs.expect_token();
    let nobody = server.manage("GET", "users/auth0%7Cnobody/refresh-tokens", Value::Null);
    nobody.await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clients_refresh_tokens_are_as_its_settings_say_and_settings_are_shown() {
    let (server, app, _) = world(rotating(5)).await;
    let path = format!("clients/{}", app.id);
    let shown = server.manage("GET", &path, Value::Null).await.expect(200);
    let expected = json!({
        "rotation_type": "rotating", "expiration_type": "expiring", "leeway": 5,
        "token_lifetime": 2_592_000, "infinite_token_lifetime": false,
        "idle_token_lifetime": 1_296_000, "infinite_idle_token_lifetime": false,
    });
    assert_eq!(shown["refresh_token"], expected);

    let endless = json!({"rotation_type": "non-rotating", "expiration_type": "non-expiring"});
    let body = json!({"refresh_token": endless});
    let shown = server.manage("PATCH", &path, body).await.expect(200);
    assert_eq!(shown["refresh_token"]["expiration_type"], "non-expiring");
    // What was read can be sent.
    let again = json!({"refresh_token": shown["refresh_token"]});
    let after = server.manage("PATCH", &path, again).await.expect(200);
    assert_eq!(after["refresh_token"], shown["refresh_token"]);

    let wrong = json!({"refresh_token": {"rotation_type": "rotating"}});
    let refused = server.manage("PATCH", &path, wrong).await.expect(400);
    let message = refused["message"].as_str().unwrap();
    assert!(message.contains("refresh_token"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn refresh_tokens_outlive_a_restart() {
    let (server, app, ada) = world(rotating(0)).await;
    let token = refresh_token(&login(&server, &app, &ada).await);

    let server = server.restart().await;

    exchange(&server, &app, &token).await.expect_token();
}
