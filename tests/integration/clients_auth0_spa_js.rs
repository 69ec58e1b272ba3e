//! npm's `@auth0/auth0-spa-js` in a page of Chromium: a single-page app.

use serde_json::json;

use crate::harness::{
    API, POST_LOGIN,
    clients::{self, Report, World},
    scripted,
};

const ROLE: &str = "https://example.com/role";

#[tokio::test(flavor = "multi_thread")]
async fn auth0_spa_js_logs_in_renews_in_a_hidden_frame_and_logs_out() {
    let report = visit(false).await;

    let renewal = &report.step("renewal")["requests"];
    let expected = ["GET /authorize: 200", "POST /oauth/token: 200"];
    assert_eq!(*renewal, json!(expected), "by web_message");
}

#[tokio::test(flavor = "multi_thread")]
async fn auth0_spa_js_logs_in_renews_by_rotating_refresh_tokens_and_logs_out() {
    let report = visit(true).await;

    let renewal = &report.step("renewal")["requests"];
    assert_eq!(*renewal, json!(["POST /oauth/token: 200"]), "by itself");
    let fallback = report.step("renewal after a revocation");
    assert_eq!(fallback["is_authenticated"], true, "{fallback}");
    assert_eq!(fallback["is_new"], true, "{fallback}");
    let by_the_session = ["GET /authorize: 200", "POST /oauth/token: 200"];
    let requests = fallback["requests"].as_array().unwrap();
    assert!(
        requests.ends_with(&by_the_session.map(|it| json!(it))),
        "{fallback}"
    );
}

/// What the page shows in a visit; the part that all visits have in common is looked at
/// here.
async fn visit(use_refresh_tokens: bool) -> Report {
    let world = World::start().await;
    let server = &world.server;
    let role = json!([
        ["id_token", ROLE, "editor"],
        ["access_token", ROLE, "editor"]
    ]);
    server.bind(POST_LOGIN, [scripted("role", role)]).await;
    let mut given = world.given([]);
    given["chromium"] = json!(clients::chromium());
    given["management_token"] = json!(server.management_token().await);
    given["user_id"] = json!(world.ada.id);
    given["use_refresh_tokens"] = json!(use_refresh_tokens);

    let report = clients::run("auth0-spa-js.js", &given).await;

    assert_eq!(report.step("before the login")["is_authenticated"], false);
    let login = report.step("login");
    assert_eq!(login["app_state"]["from"], "the button");
    for step in ["login", "renewal"] {
        let seen = report.step(step);
        assert_eq!(seen["is_authenticated"], true, "{seen}");
        assert_eq!(seen["id_token"]["sub"], world.ada.id, "{seen}");
        assert_eq!(seen["id_token"]["name"], "Ada Lovelace", "{seen}");
        assert_eq!(seen["id_token"][ROLE], "editor", "{seen}");
        assert_eq!(seen["access_token"]["aud"][0], API, "{seen}");
        assert_eq!(seen["access_token"][ROLE], "editor", "{seen}");
    }
    assert_eq!(report.step("renewal")["is_new"], true, "another token");
    assert_eq!(report.step("reload")["is_authenticated"], true);
    assert_eq!(report.step("logout")["is_authenticated"], false);
    assert_eq!(report.step("login after the logout")["is_asked"], true);
    report
}
