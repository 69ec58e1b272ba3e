//! Whether the server says that it should be sent requests.

use serde_json::json;

use crate::harness::{TestServer, process::ServerProcess};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_serves_is_ready() {
    let server = TestServer::start().await;

    let answer = server.get("/readyz").await;

    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.expect(200), json!({"ready": true, "not_ready": []}));
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
