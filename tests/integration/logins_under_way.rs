//! Logins whose user may not log in any more by the time that their Actions are done.

use claimsmith_model::Limit;
use serde_json::{Value, json};

use crate::harness::{
    API, Client, PASSWORD, POST_LOGIN, Reply, TestServer, User,
    browser::{Authorize, CALLBACK, Callback},
    scripted, server_limits,
    service::Service,
};

/// A server whose Actions wait for the service, a client that may log in by every way, and
/// a user.
async fn world(service: &Service) -> (TestServer, Client, User) {
    let server = TestServer::start_with(|config| {
        config.outgoing.allow = vec!["127.0.0.1".parse().unwrap()];
        config.limits = server_limits([
            (Limit::HttpCallMs, 60_000),
            (Limit::DeadlineMs, 60_000),
            (Limit::TriggerDeadlineMs, 60_000),
        ]);
    })
    .await;
    let api = server.api(API).with("allow_offline_access", true);
    api.create().await;
    let grants = [
        "authorization_code",
        "implicit",
        "password",
        "refresh_token",
    ];
    let app = server.client("app").grant_types(&grants);
    let app = app.with("callbacks", json!([CALLBACK])).create().await;
    let ada = server.user("ada@example.com").create().await;
    let waits = json!([["http", "GET", service.url("/held"), "urn:test:seen"]]);
    let waits = scripted("waits", waits).allowed_hosts([service.origin()]);
    server.bind(POST_LOGIN, [waits]).await;
    (server, app, ada)
}

async fn by_password(server: &TestServer, app: &Client, user: &User, audience: &str) -> Reply {
    let login = server.login(app, user).audience(audience);
    login.scope("openid offline_access").send().await
}

async fn patch(server: &TestServer, user: &User, body: &Value) {
    let path = format!("users/{}", user.in_path());
    let patched = server.manage("PATCH", &path, body.clone()).await;
    patched.expect(200);
}

/// What can log somebody out, and what takes it back.
fn changes() -> [(Value, Value); 2] {
    [
        (
            json!({"password": "another horse battery staple"}),
            json!({"password": PASSWORD}),
        ),
        (json!({"blocked": true}), json!({"blocked": false})),
    ]
}

/// Asserts that no login of the user is left.
async fn assert_nothing_is_left(server: &TestServer, user: &User) {
    for (what, none) in [
        ("sessions", json!({"sessions": []})),
        ("refresh-tokens", json!({"tokens": []})),
    ] {
        let path = format!("users/{}/{what}", user.in_path());
        let left = server.manage("GET", &path, Value::Null).await.expect(200);
        assert_eq!(left, none);
    }
    assert_eq!(server.stored_user(user).await["logins_count"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_was_changed_or_a_user_who_was_blocked_meanwhile_gives_no_tokens() {
    let service = Service::start().await;
    let (server, app, ada) = world(&service).await;

    for (change, back) in changes() {
        for audience in [API.to_owned(), format!("{}userinfo", server.issuer)] {
            let login = by_password(&server, &app, &ada, &audience);
            let change = service.while_held(patch(&server, &ada, &change));
            let (reply, ()) = tokio::join!(login, change);

            let text = reply.expect_error(400, "invalid_grant");
            assert!(text.contains("log in again"), "{text}");
            assert_nothing_is_left(&server, &ada).await;
            patch(&server, &ada, &back).await;
        }
    }
    service.release();
    by_password(&server, &app, &ada, API).await.expect_token();
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_browser_such_a_login_begins_no_session_either() {
    let service = Service::start().await;
    let (server, app, ada) = world(&service).await;

    for (change, back) in changes() {
        for response_type in ["code", "token", "id_token"] {
            let browser = server.browser();
            let request = Authorize::response_type(&app, response_type);
            let page = browser.page(&request).await.expect_login();
            let login = browser.type_password(&page, &ada);
            let change = service.while_held(patch(&server, &ada, &change));
            let (answer, ()) = tokio::join!(login, change);

            Callback::of(answer).expect_error("login_required");
            assert_eq!(browser.session_cookie(), None);
            assert_nothing_is_left(&server, &ada).await;
            patch(&server, &ada, &back).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_ended_meanwhile_gives_no_tokens() {
    let service = Service::start().await;
    let (server, app, ada) = world(&service).await;
    let path = format!("users/{}/sessions", ada.in_path());
    let request = Authorize::response_type(&app, "token");

    // Both by a client that the session knows already, and by one that it doesn't.
    for silent in [
        request.clone().with("prompt", "none"),
        Authorize::response_type(&server.spa().await, "code").with("prompt", "none"),
    ] {
        let browser = server.browser();
        let login = browser.log_in(&request, &ada);
        tokio::join!(login, service.while_held(async {}));
        let renewal = browser.callback(&silent);
        let ends = service.while_held(server.manage("DELETE", &path, Value::Null));
        let (callback, ended) = tokio::join!(renewal, ends);

        ended.expect(202);
        callback.expect_error("login_required");
    }
}
