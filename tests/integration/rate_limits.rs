//! How often a client may ask the Management API.

use claimsmith_model::Limit;
use serde_json::Value;

use crate::harness::{TestServer, server_limits};

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_asks_too_often_waits_and_others_do_not() {
    let limits = server_limits([
        (Limit::AdminRequestsBurst, 20),
        (Limit::AdminRequestsPerS, 1),
    ]);
    let server = TestServer::start_with(|config| config.limits = limits).await;
    let other = server.create_tenant("other", "http://other.example/").await;
    let ask = async || server.manage("GET", "tenants/settings", Value::Null).await;

    let first = ask().await;
    assert_eq!(first.header("x-ratelimit-limit"), "20");
    assert_eq!(first.header("x-ratelimit-remaining"), "19");
    let reset: i64 = first.header("x-ratelimit-reset").parse().unwrap();
    assert!(reset > 1_700_000_000);
    let mut refused = first;
    for _ in 0..200 {
        refused = ask().await;
        if refused.status == 429 {
            break;
        }
    }

    assert_eq!(refused.header("x-ratelimit-remaining"), "0");
    assert_eq!(refused.header("retry-after"), "1");
    let body = refused.expect(429);
    assert_eq!(body["errorCode"], "too_many_requests", "{body}");
    let of_other = other.manage("GET", "tenants/settings", Value::Null).await;
    of_other.expect(200);
    // Who isn't known is told so, and nothing of limits.
    let stranger = server.get("/api/v2/tenants/settings").await;
    assert_eq!(stranger.header("x-ratelimit-limit"), "");
    stranger.expect(401);
}
