//! npm's `express-oauth2-jwt-bearer`: an API that takes the server's tokens.

use serde_json::json;

use crate::harness::{
    API, CREDENTIALS_EXCHANGE,
    clients::{self, World},
    scripted,
};

const DEPARTMENT: &str = "https://example.com/department";

#[tokio::test(flavor = "multi_thread")]
async fn an_api_with_express_oauth2_jwt_bearer_takes_our_tokens_and_no_others() {
    let world = World::start().await;
    let server = &world.server;
    let other_api = "https://other.example.com/";
    server.api(other_api).create().await;
    let job = server
        .client("job")
        .may_call(API, &["read:reports", "write:reports"])
        .may_call(other_api, &["read:reports"])
        .create()
        .await;
    let department = json!([["access_token", DEPARTMENT, "finance"]]);
    server
        .bind(CREDENTIALS_EXCHANGE, [scripted("department", department)])
        .await;
    let other_issuer = server.issuer.replace("localhost", "other.localhost");
    let other_tenant = server.create_tenant("other", &other_issuer).await;
    other_tenant.api(API).create().await;
    let others_job = other_tenant.job().await;

    let good = server.exchange(&job).send().await.expect_token();
    let without_scope = server.exchange(&job).scope("write:reports").send().await;
    let wrong_audience = server.exchange(&job).audience(other_api).send().await;
    let wrong_issuer = other_tenant.exchange(&others_job).send().await;
    let (signed, _) = good.access_token().rsplit_once('.').unwrap();
    let mut given = world.given([]);
    given["tokens"] = json!({
        "good": good.access_token(),
        "without the scope": without_scope.access_token(),
        "wrong audience": wrong_audience.access_token(),
        "wrong issuer": wrong_issuer.access_token(),
        "forged": format!("{signed}.{}", "A".repeat(86)),
        "none": null,
    });
    let report = clients::run("express-oauth2-jwt-bearer.js", &given).await;

    let payload = &report.step("good")["payload"];
    assert_eq!(report.step("good")["status"], 200);
    assert_eq!(payload[DEPARTMENT], "finance");
    assert_eq!(payload["client_id"], job.id);
    for (step, status, error) in [
        ("without the scope", 403, "insufficient_scope"),
        ("wrong audience", 401, "invalid_token"),
        ("wrong issuer", 401, "invalid_token"),
        ("forged", 401, "invalid_token"),
        ("expired", 401, "invalid_token"),
    ] {
        let outcome = report.step(step);
        assert_eq!(outcome["status"], status, "{outcome}");
        let challenge = outcome["challenge"].as_str().unwrap();
        assert!(challenge.contains(error), "{outcome}");
    }
    assert_eq!(report.step("none")["status"], 401);
}
