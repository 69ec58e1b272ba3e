//! Logging in by the authorization code flow, with a browser.

use serde_json::{Value, json};

use crate::harness::{
    API, POST_LOGIN, TestServer,
    browser::{Authorize, CALLBACK, Callback, Page, record, redeem},
    scripted,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_user_logs_in_in_a_browser_and_the_client_gets_tokens_with_the_actions_claims() {
    let server = TestServer::start().await;
    let (spa, ada) = (
        server.spa().await,
        server.user("ada@example.com").create().await,
    );
    let script = json!([
        [
            "echo",
            "/transaction/protocol",
            "https://example.com/protocol"
        ],
        ["id_token", "https://example.com/level", 3],
    ]);
    server.bind(POST_LOGIN, [scripted("shows", script)]).await;
    let browser = server.browser();
    let request = Authorize::code(&spa)
        .with("audience", API)
        .with("scope", "openid email read:reports");

    let page = browser.page(&request).await.expect_login();
    let callback = Callback::of(browser.type_password(&page, &ada).await);

    assert_eq!(callback.uri, CALLBACK);
    assert_eq!(callback.get("state"), "the-state");
    assert_eq!(callback.get("iss"), server.issuer);
    let reply = redeem(&server, &spa, callback.code()).await.expect_token();
    assert_eq!(
        reply.claims()["https://example.com/protocol"],
        "oidc-basic-profile"
    );
    assert_eq!(reply.claims()["sub"], ada.id);
    assert_eq!(reply.claims()["scope"], "openid email read:reports");
    assert_eq!(reply.claims().get("gty"), None);
    let id_token = reply.id_claims();
    assert_eq!(id_token["email"], "ada@example.com");
    assert_eq!(id_token["https://example.com/level"], 3);
    assert!(id_token["auth_time"].is_i64() && id_token["sid"].is_string());
    let record = record(&server, &callback.answer).await;
    assert_eq!(record["user_id"], ada.id);
    assert_eq!(server.stored_user(&ada).await["logins_count"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_shows_the_page_again_and_gives_no_session() {
    let server = TestServer::start().await;
    let (spa, ada) = (
        server.spa().await,
        server.user("ada@example.com").create().await,
    );
    let browser = server.browser();
    let page = browser.page(&Authorize::code(&spa)).await;

    for username in [ada.email.as_str(), "nobody@example.com"] {
        let inputs = [("username", username), ("password", "wrong")];
        let again = Page::of(browser.submit(&page, &inputs).await).expect_login();

        assert_eq!(again.answer.status, 400);
        let text = &again.answer.text;
        assert!(
            text.contains("Wrong email, user name or password."),
            "{text}"
        );
        assert!(text.contains(&format!("value=\"{username}\"")), "{text}");
    }
    assert_eq!(browser.session_cookie(), None);
    let page = browser.page(&Authorize::code(&spa)).await.expect_login();
    Callback::of(browser.type_password(&page, &ada).await).code();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tenants_log_tells_of_logins_in_browsers_and_not_of_what_was_typed() {
    let server = TestServer::start().await;
    let (spa, ada) = (
        server.spa().await,
        server.user("ada@example.com").create().await,
    );
    let browser = server.browser();
    let silent = Authorize::code(&spa).with("prompt", "none");
    browser.callback(&silent).await;
    let page = browser.page(&Authorize::code(&spa)).await;
    let typed = [("username", "typed name"), ("password", "typed secret")];
    browser.submit(&page, &typed).await;
    Callback::of(browser.type_password(&page, &ada).await).code();

    let of_type = async |code: &str| {
        let path = format!("logs?q=type:{code}");
        let entries = server.manage("GET", &path, Value::Null).await.expect(200);
        assert!(!entries.to_string().contains("typed"), "{entries}");
        assert_eq!(entries.as_array().unwrap().len(), 1, "{entries}");
        entries[0].clone()
    };
    let succeeded = of_type("s").await;
    assert_eq!(succeeded["user_id"], ada.id);
    assert_eq!(succeeded["client_id"], spa.id);
    let failed = of_type("fu").await;
    assert_eq!(failed["description"], "Wrong email, user name or password.");
    assert_eq!(failed["client_id"], spa.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_logs_in_to_further_clients_without_a_page() {
    let server = TestServer::start().await;
    let (spa, other) = (server.spa().await, server.spa().await);
    let ada = server.user("ada@example.com").create().await;
    let browser = server.browser();
    let first = browser.log_in(&Authorize::code(&spa), &ada).await;

    let second = browser.callback(&Authorize::code(&other)).await;

    let sid = |reply: &crate::harness::Reply| reply.id_claims()["sid"].clone();
    let first = redeem(&server, &spa, first.code()).await.expect_token();
    let second = redeem(&server, &other, second.code()).await.expect_token();
    assert_eq!(sid(&first), sid(&second));
    assert_eq!(first.id_claims()["sub"], second.id_claims()["sub"]);
    let count = server.stored_user(&ada).await["logins_count"].clone();
    assert_eq!(count, 1, "a session that goes on is no login");
}
