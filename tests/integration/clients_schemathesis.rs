//! PyPI's `schemathesis` against the Management API: whatever its document allows and
//! forbids is sent, and whatever the server answers must be what the document says.

use claimsmith_model::Limit;
use serde_json::json;

use crate::harness::{TestServer, clients, server_limits};

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_no_answer_that_the_document_does_not_describe() {
    let limits = server_limits([
        (Limit::AdminRequestsBurst, 1_000_000),
        (Limit::AdminRequestsPerS, 100_000),
    ]);
    let server = TestServer::start_with(|config| {
        config.public_url = None;
        config.limits = limits;
    })
    .await;
    let token = server.management_token().await;

    let given = json!({ "issuer": server.issuer, "token": token });
    let report = clients::run("schemathesis_client.py", &given).await;

    assert_eq!(report.step("document")["openapi"], "3.1.0");
    let run = report.step("run");
    assert!(run["requests"].as_u64().unwrap() > 1_000, "{run}");
    assert_eq!(run["failures"], json!([]));
}
