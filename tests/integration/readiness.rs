//! Whether the server says that it should be sent requests.

use serde_json::{Value, json};

use crate::harness::{TestServer, process::ServerProcess, scrape::Page};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_serves_is_ready() {
    let server = TestServer::start().await;

    let answer = server.get("/readyz").await;

    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.expect(200), json!({"ready": true, "not_ready": []}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_disk_is_full_is_not_ready_and_still_alive() {
    let server = ServerProcess::start(&[]).await;
    let job = server.job().await;
    // The first token of an algorithm makes and stores its key.
    server.exchange(&job).send().await.expect_token();
    server.get("/readyz").await.expect(200);

    server.fill_its_disk();
    let refused = server
        .manage("POST", "roles", json!({"name": "one too many"}))
        .await;

    refused.expect(500);
    let answer = server.get("/readyz").await.expect(503);
    assert_eq!(answer["ready"], false);
    let parts = answer["not_ready"].as_array().unwrap();
    let storage = parts.iter().find(|it| it["part"] == "storage").unwrap();
    let reason = storage["reason"].as_str().unwrap();
    assert!(reason.contains("until the server is restarted"), "{reason}");
    // Nothing of the error's own text, which names files.
    assert!(!answer.to_string().contains("db"), "{answer}");
    server.get("/healthz").await.expect(200);
    server.exchange(&job).send().await.expect_token();
    let token = server.platform_token();
    let metrics = server
        .ask("GET", "/metrics", Some(&token), Value::Null)
        .await;
    let page = Page::read(&metrics);
    assert_eq!(page.value("claimsmith_storage_failed"), 1.0);
    assert_eq!(page.value("claimsmith_ready"), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_to_stop_says_so_while_it_still_serves() {
    let server = ServerProcess::start(&["--shutdown-delay", "300"]).await;
    let job = server.job().await;

    server.terminate();
    let answer = loop {
        let answer = server.get("/readyz").await;
        if answer.status != 200 {
            break answer;
        }
    };

    let expected = json!({
        "ready": false, "not_ready": [{"part": "server", "reason": "it is stopping"}],
    });
    assert_eq!(answer.expect(503), expected);
    server.exchange(&job).send().await.expect_token();
    server.terminate();
    let (lines, status) = server.end();
    assert_eq!(status.code(), Some(2), "{status} {lines:?}");
}
