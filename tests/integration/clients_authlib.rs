//! PyPI's `authlib` against the server: a job, a login, and an API.

use serde_json::json;

use crate::harness::{
    API,
    clients::{self, CALLBACK, World},
};

#[tokio::test(flavor = "multi_thread")]
async fn authlib_logs_in_gets_refreshes_and_verifies_tokens() {
    let world = World::start().await;
    let server = &world.server;
    let job = server.job().await;
    let app = server
        .client("script")
        .with("token_endpoint_auth_method", "client_secret_post")
        .with("callbacks", json!([CALLBACK]))
        .grant_types(&["password", "authorization_code", "refresh_token"])
        .create()
        .await;

    let given = world.given([("job", &job), ("app", &app)]);
    let report = clients::run("authlib_client.py", &given).await;

    assert_eq!(report.step("discovery")["issuer"], server.issuer);
    let token = report.step("client credentials");
    assert_eq!(token["scope"], "read:reports");
    assert_eq!(report.step("wrong secret")["error"], "invalid_client");
    assert_eq!(report.step("RFC 9068")["aud"], API);
    let other = report.step("RFC 9068 of another API");
    assert_eq!(other["error"], "invalid_token");

    let login = report.step("password");
    assert_eq!(login["claims"]["sub"], world.ada.id);
    for step in [
        "userinfo",
        "userinfo after the refresh",
        "userinfo of the browser's login",
    ] {
        assert_eq!(report.step(step)["sub"], world.ada.id, "{step}");
        assert_eq!(report.step(step)["name"], "Ada Lovelace", "{step}");
    }
    let refreshed = &report.step("refresh")["refresh_token"];
    assert_ne!(refreshed, &login["refresh_token"], "it was replaced");
    for step in ["refresh after the revocation", "code used again"] {
        assert_eq!(report.step(step)["error"], "invalid_grant", "{step}");
    }
}
