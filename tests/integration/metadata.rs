//! The user's metadata, which Actions may change.

use serde_json::json;

use crate::harness::{POST_LOGIN, TestServer, guest, scripted};

#[tokio::test(flavor = "multi_thread")]
async fn metadata_set_by_one_action_is_seen_by_the_next_and_stored() {
    let server = TestServer::start().await;
    let user = server
        .user("ada@example.com")
        .with("app_metadata", json!({"old": 1, "kept": 2}));
    let (app, ada) = (server.app().await, user.create().await);
    let sets = json!([
        ["app_metadata", "plan", "gold"],
        ["app_metadata", "plan", "platinum"],
        ["app_metadata", "old", null],
        ["user_metadata", "theme", "dark"],
    ]);
    let sees = json!([
        ["echo", "/user/app_metadata", "https://example.com/app"],
        ["echo", "/user/user_metadata", "https://example.com/user"],
        ["app_metadata", "seen", true],
    ]);
    server
        .bind(POST_LOGIN, [scripted("sets", sets), scripted("sees", sees)])
        .await;

    let claims = server
        .login(&app, &ada)
        .send()
        .await
        .expect_token()
        .claims();

    assert_eq!(
        claims["https://example.com/app"],
        json!({"kept": 2, "plan": "platinum"})
    );
    assert_eq!(claims["https://example.com/user"], json!({"theme": "dark"}));
    let stored = server.stored_user(&ada).await;
    let expected = json!({"kept": 2, "plan": "platinum", "seen": true});
    assert_eq!(stored["app_metadata"], expected);
    assert_eq!(stored["user_metadata"], json!({"theme": "dark"}));
    assert_eq!(stored["logins_count"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_login_keeps_its_metadata_changes_and_runs_no_later_action() {
    let server = TestServer::start().await;
    let (app, ada) = (
        server.app().await,
        server.user("ada@example.com").create().await,
    );
    let denies = json!([
        ["app_metadata", "before_denying", true],
        ["deny", "ask your manager"],
        ["user_metadata", "after_denying", true],
    ]);
    let later = json!([["app_metadata", "later", true]]);
    let actions = [
        scripted("first", json!([["app_metadata", "first", true]])),
        scripted("denies", denies),
        scripted("later", later),
    ];
    server.bind(POST_LOGIN, actions).await;

    let reply = server.login(&app, &ada).send().await;

    assert_eq!(reply.expect_error(400, "access_denied"), "ask your manager");
    assert_eq!(
        server.execution(&reply).await.actions(),
        ["first", "denies"]
    );
    let stored = server.stored_user(&ada).await;
    assert_eq!(
        stored["app_metadata"],
        json!({"first": true, "before_denying": true})
    );
    assert_eq!(stored["user_metadata"], json!({"after_denying": true}));
    assert_eq!(stored["logins_count"], 0, "it was no login");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_earlier_actions_stored_is_kept_when_a_later_one_fails() {
    let server = TestServer::start().await;
    let (app, ada) = (
        server.app().await,
        server.user("ada@example.com").create().await,
    );
    let fails = json!([["app_metadata", "failing", true], ["fail", "no"]]);
    let first = scripted("first", json!([["app_metadata", "first", true]]));
    server
        .bind(POST_LOGIN, [first, scripted("fails", fails)])
        .await;

    server
        .login(&app, &ada)
        .send()
        .await
        .expect_error(400, "access_denied");

    assert_eq!(
        server.stored_user(&ada).await["app_metadata"],
        json!({"first": true})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_login_sees_what_the_last_one_stored() {
    let server = TestServer::start().await;
    let (app, ada) = (
        server.app().await,
        server.user("ada@example.com").create().await,
    );
    server.bind(POST_LOGIN, [guest("login-profile")]).await;
    let login = || server.login(&app, &ada).scope("openid").send();
    let channel = "https://example.com/previous_channel";

    assert_eq!(login().await.expect_token().id_claims().get(channel), None);
    let second = login().await.expect_token().id_claims();
    assert_eq!(second[channel], "app by oauth2-password");
}
