//! What the tenant says of itself.

use serde_json::Value;

use crate::harness::TestServer;

#[tokio::test(flavor = "multi_thread")]
async fn the_discovery_document_names_endpoints_that_answer() {
    let server = TestServer::start().await;

    let document = server
        .get("/.well-known/openid-configuration")
        .await
        .expect(200);

    assert_eq!(document["issuer"], server.issuer);
    for (endpoint, method, expected) in [
        ("authorization_endpoint", "GET", 400),
        ("token_endpoint", "POST", 400),
        ("userinfo_endpoint", "GET", 401),
        ("userinfo_endpoint", "POST", 401),
        ("revocation_endpoint", "POST", 400),
        ("jwks_uri", "GET", 200),
        ("end_session_endpoint", "GET", 200),
    ] {
        let url = document[endpoint].as_str().unwrap();
        let path = url
            .strip_prefix(server.issuer.trim_end_matches('/'))
            .unwrap();
        let answer = server.ask(method, path, None, Value::Null).await;
        assert_eq!(answer.status, expected, "{endpoint}: {}", answer.text);
    }
    let same = server
        .get("/.well-known/oauth-authorization-server")
        .await
        .expect(200);
    assert_eq!(same, document);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_grant_that_discovery_lists_is_one_that_the_token_endpoint_knows() {
    let server = TestServer::start().await;
    let app = server.client("app").create().await;
    let document = server
        .get("/.well-known/openid-configuration")
        .await
        .expect(200);

    for grant in document["grant_types_supported"].as_array().unwrap() {
        let request = server
            .token_request()
            .client(&app)
            .with("grant_type", grant.clone());
        request
            .send()
            .await
            .expect_error(400, "unauthorized_client");
    }
    let other = server
        .token_request()
        .client(&app)
        .with("grant_type", "magic");
    other
        .send()
        .await
        .expect_error(400, "unsupported_grant_type");
}
