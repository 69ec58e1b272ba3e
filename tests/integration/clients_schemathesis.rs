//! PyPI's `schemathesis` against the APIs for admins: whatever their documents allow and
//! forbid is sent, and whatever the server answers must be what the documents say.

use claimsmith_model::Limit;
use serde_json::json;

use crate::harness::{TestServer, clients, server_limits};

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_no_answer_that_the_documents_do_not_describe() {
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

    let given = json!({
        "issuer": server.issuer, "token": token, "platform_token": server.platform_token(),
    });
    let report = clients::run("schemathesis_client.py", &given).await;

    for (api, least) in [("management", 1_000), ("platform", 100)] {
        let document = report.step(&format!("document of {api}"));
        assert_eq!(document["openapi"], "3.1.0");
        let run = report.step(api);
        assert!(run["requests"].as_u64().unwrap() > least, "{run}");
        assert_eq!(run["failures"], json!([]));
    }
}
