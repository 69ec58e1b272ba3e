//! npm's `openid-client` against the server: a job, and a web application.

use serde_json::json;

use crate::harness::{
    API, CREDENTIALS_EXCHANGE, POST_LOGIN,
    clients::{self, AFTER_LOGOUT, CALLBACK, World},
    scripted,
    verify::Jwt,
};

const DEPARTMENT: &str = "https://example.com/department";
const ROLE: &str = "https://example.com/role";

#[tokio::test(flavor = "multi_thread")]
async fn openid_client_gets_refreshes_and_verifies_tokens_with_the_claims_of_actions() {
    let world = World::start().await;
    let server = &world.server;
    let job = server.job().await;
    let app = server
        .client("web app")
        .with("token_endpoint_auth_method", "client_secret_post")
        .grant_types(&["password", "refresh_token"])
        .create()
        .await;
    let department = json!([["access_token", DEPARTMENT, "finance"]]);
    let role = json!([
        ["id_token", ROLE, "editor"],
        ["access_token", ROLE, "editor"]
    ]);
    server
        .bind(CREDENTIALS_EXCHANGE, [scripted("department", department)])
        .await;
    server.bind(POST_LOGIN, [scripted("role", role)]).await;

    let given = world.given([("job", &job), ("app", &app)]);
    let report = clients::run("openid-client.js", &given).await;

    let token = |step: &str| {
        let text = report.step(step)["access_token"].as_str().unwrap();
        Jwt::parse(text).unwrap().claims
    };
    assert_eq!(report.step("discovery")["issuer"], server.issuer);
    assert_eq!(token("client credentials")[DEPARTMENT], "finance");
    assert_eq!(report.step("client credentials")["scope"], "read:reports");
    assert_eq!(report.step("wrong secret")["error"], "invalid_client");
    assert_eq!(report.step("unknown audience")["error"], "invalid_target");

    for login in ["password", "refresh"] {
        let claims = &report.step(login)["claims"];
        assert_eq!(claims["aud"], app.id, "{login}");
        assert_eq!(claims["sub"], world.ada.id, "{login}");
        assert_eq!(claims["email"], world.ada.email, "{login}");
        assert_eq!(claims[ROLE], "editor", "{login}");
        let claims = token(login);
        assert_eq!(claims["aud"][0], API, "{login}");
        assert_eq!(claims[ROLE], "editor", "{login}");
    }
    for step in ["userinfo", "userinfo after the refresh"] {
        assert_eq!(report.step(step)["name"], "Ada Lovelace", "{step}");
        assert_eq!(report.step(step)[ROLE], "editor", "{step}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn openid_client_logs_in_with_code_and_pkce_once_and_out_again() {
    let world = World::start().await;
    let server = &world.server;
    let app = server
        .client("web app")
        .with("token_endpoint_auth_method", "client_secret_post")
        .with("callbacks", json!([CALLBACK]))
        .with("allowed_logout_urls", json!([AFTER_LOGOUT]))
        .grant_types(&["authorization_code", "refresh_token"])
        .create()
        .await;
    let role = json!([["id_token", ROLE, "editor"]]);
    server.bind(POST_LOGIN, [scripted("role", role)]).await;

    let given = world.given([("app", &app)]);
    let report = clients::run("openid-client-login.js", &given).await;

    let login = &report.step("authorization code")["claims"];
    let again = &report.step("single sign-on")["claims"];
    for claims in [login, again] {
        assert_eq!(claims["sub"], world.ada.id);
        assert_eq!(claims["email"], world.ada.email);
        assert_eq!(claims[ROLE], "editor");
    }
    assert_eq!(again["auth_time"], login["auth_time"], "one login for both");
    assert_eq!(again["sid"], login["sid"], "one session");
    let other_state = &report.step("state of another login")["code"];
    assert_eq!(other_state, "OAUTH_INVALID_RESPONSE");
    for step in [
        "code used again",
        "refresh after that",
        "refresh after the revocation",
    ] {
        assert_eq!(report.step(step)["error"], "invalid_grant", "{step}");
    }
    let arrived = &report.step("end session")["arrived"];
    assert_eq!(*arrived, format!("{AFTER_LOGOUT}?state=after"));
    let silent = report.step("prompt=none after the logout");
    assert_eq!(silent["error"], "login_required");
}
