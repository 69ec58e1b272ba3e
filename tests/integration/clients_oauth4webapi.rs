//! npm's `oauth4webapi`, whose parser is strict, against the server: a job that
//! authenticates in the header, and a public client.

use serde_json::json;

use crate::harness::{
    API,
    clients::{self, CALLBACK, World},
    verify::Jwt,
};

#[tokio::test(flavor = "multi_thread")]
async fn oauth4webapi_takes_every_answer_of_the_server_as_the_standards_have_it() {
    let world = World::start().await;
    let server = &world.server;
    let job = server.job().await;
    let public_app = server
        .client("device")
        .with("token_endpoint_auth_method", "none")
        .grant_types(&["password", "refresh_token"])
        .create()
        .await;

    let given = world.given([("job", &job), ("public_app", &public_app)]);
    let report = clients::run("oauth4webapi.js", &given).await;

    for document in ["discovery oidc", "discovery oauth2"] {
        assert_eq!(report.step(document)["issuer"], server.issuer);
    }
    for method in ["client_secret_basic", "client_secret_post"] {
        assert_eq!(report.step(method)["scope"], "read:reports", "{method}");
    }
    let challenge = &report.step("wrong secret in the header")["challenges"][0];
    assert_eq!(challenge["scheme"], "basic");
    let access_token = report.step("RFC 9068");
    assert_eq!(access_token["aud"], API);
    assert_eq!(access_token["client_id"], job.id);

    let login = report.step("public client");
    assert_eq!(login["claims"]["sub"], world.ada.id);
    assert_eq!(report.step("userinfo")["email"], world.ada.email);
    let used = ["public client", "refresh", "refresh with the new token"]
        .map(|step| report.step(step)["refresh_token"].as_str().unwrap());
    assert!(used[0] != used[1] && used[1] != used[2], "each is replaced");
    let challenge = &report.step("userinfo with a forged token")["challenges"][0];
    assert_eq!(challenge["parameters"]["error"], "invalid_token");
}

#[tokio::test(flavor = "multi_thread")]
async fn oauth4webapi_logs_in_with_a_resource_and_checks_who_answered() {
    let world = World::start().await;
    let server = &world.server;
    let public_app = server
        .client("device")
        .with("app_type", "native")
        .with("token_endpoint_auth_method", "none")
        .with("callbacks", json!([CALLBACK]))
        .grant_types(&["authorization_code", "refresh_token"])
        .create()
        .await;

    let given = world.given([("public_app", &public_app)]);
    let report = clients::run("oauth4webapi-login.js", &given).await;

    let response = report.step("authorization response");
    assert_eq!(response["iss"], server.issuer);
    for step in ["verifier of somebody else", "refresh after the revocation"] {
        assert_eq!(report.step(step)["error"], "invalid_grant", "{step}");
    }
    let token = report.step("authorization code")["access_token"].as_str();
    let claims = Jwt::parse(token.unwrap()).unwrap().claims;
    assert_eq!(claims["aud"][0], API);
    assert_eq!(claims["sub"], world.ada.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn oauth4webapi_proves_who_it_is_with_a_key() {
    let world = World::start().await;
    let mut given = world.given([]);
    given["management_token"] = json!(world.server.management_token().await);

    let report = clients::run("oauth4webapi-key.js", &given).await;

    assert_eq!(report.step("client credentials")["scope"], "read:reports");
    let other_key = report.step("key of somebody else");
    assert_eq!(other_key["error"], "invalid_client");
}
