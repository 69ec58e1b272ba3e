//! npm's `openid-client` against the server: a web application, and a job.

use serde_json::json;

use crate::harness::{
    API, CREDENTIALS_EXCHANGE, POST_LOGIN,
    clients::{self, World},
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
