//! Token requests that are wrong, and what they are told.

use ::http::{HeaderMap, header};
use serde_json::json;

use crate::harness::{API, TestServer};

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_must_be_known_and_the_clients() {
    let server = TestServer::start().await;
    let job = server.job().await;

    let unknown = server
        .exchange(&job)
        .with("grant_type", "magic")
        .send()
        .await;
    let description = unknown.expect_error(400, "unsupported_grant_type");
    assert!(description.contains("magic"), "{description}");

    let not_theirs = server
        .exchange(&job)
        .with("grant_type", "password")
        .send()
        .await;
    let description = not_theirs.expect_error(400, "unauthorized_client");
    assert!(description.contains("grant_types"), "{description}");

    let none = server.exchange(&job).without("grant_type").send().await;
    none.expect_error(400, "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_are_all_told_the_same() {
    let server = TestServer::start().await;
    let job = server.job().await;

    let wrong_secret = server
        .exchange(&job)
        .with("client_secret", "wrong")
        .send()
        .await;
    let unknown = server
        .exchange(&job)
        .with("client_id", "unknown")
        .send()
        .await;
    let no_secret = server.exchange(&job).without("client_secret").send().await;

    wrong_secret.expect_error(401, "invalid_client");
    assert_eq!(wrong_secret.summary(), unknown.summary());
    assert_eq!(wrong_secret.summary(), no_secret.summary());

    // RFC 6749 section 5.2: who used the header is told the scheme. Others are not: their
    // libraries would show them the challenge instead of the error.
    assert_eq!(wrong_secret.answer.header("www-authenticate"), "");
    let mut wrong = job.clone();
    wrong.secret = "wrong".to_owned();
    let basic = server.exchange(&wrong).basic(&wrong).send().await;
    basic.expect_error(401, "invalid_client");
    assert!(basic.answer.header("www-authenticate").starts_with("Basic"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_that_is_not_one_is_an_invalid_scope() {
    let server = TestServer::start().await;
    let job = server.job().await;
    let many: Vec<_> = (0..=1_000).map(|number| format!("s{number}")).collect();
    let many = many.join(" ");

    for scope in ["\"x\"", "read:reports\\", &many] {
        let refused = server.exchange(&job).scope(scope).send().await;
        refused.expect_error(400, "invalid_scope");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audience_must_be_given_known_and_granted() {
    let server = TestServer::start().await;
    let job = server.job().await;
    server.api("https://other.example.com/").create().await;

    let missing = server.exchange(&job).without("audience").send().await;
    let description = missing.expect_error(400, "invalid_request");
    assert!(description.contains("audience"), "{description}");

    let unknown = server
        .exchange(&job)
        .audience("https://nowhere.example/")
        .send()
        .await;
    let description = unknown.expect_error(400, "invalid_target");
    assert!(
        description.contains("https://nowhere.example/"),
        "{description}"
    );

    let not_granted = server
        .exchange(&job)
        .audience("https://other.example.com/")
        .send()
        .await;
    let description = not_granted.expect_error(400, "unauthorized_client");
    assert!(description.contains("client grant"), "{description}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_client_gets_no_tokens_of_its_own() {
    let server = TestServer::start().await;
    let body = json!({
        "name": "app", "token_endpoint_auth_method": "none", "grant_types": ["client_credentials"],
    });
    server.manage("POST", "clients", body).await.expect(400);

    let app = server
        .client("app")
        .with("token_endpoint_auth_method", "none")
        .create()
        .await;
    let reply = server.exchange(&app).without("client_secret").send().await;
    let description = reply.expect_error(400, "unauthorized_client");
    assert!(description.contains("client_secret_post"), "{description}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_can_not_be_read_is_told_why() {
    let server = TestServer::start().await;
    let post = async |media_type: &str, body: String| {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, media_type.parse().unwrap());
        server.send("POST", "/oauth/token", headers, body).await
    };
    let form = "application/x-www-form-urlencoded";

    for (media_type, body, status) in [
        ("application/json", "{\"grant_type\":".to_owned(), 400),
        ("application/json", "[1,2]".to_owned(), 400),
        ("application/json", "{\"grant_type\":7}".to_owned(), 400),
        (
            form,
            "grant_type=password&grant_type=password".to_owned(),
            400,
        ),
        (form, "grant_type=%ff".to_owned(), 400),
        (form, format!("grant_type={}", "x".repeat(70_000)), 413),
        (
            form,
            format!("grant_type=password&scope={}", "x".repeat(20_000)),
            400,
        ),
        ("text/plain", "grant_type=password".to_owned(), 400),
    ] {
        let shown: String = body.chars().take(60).collect();
        let answer = post(media_type, body).await;
        assert_eq!(answer.header("cache-control"), "no-store");
        let body = answer.expect(status);
        assert_eq!(body["error"], "invalid_request", "{shown}");
        assert!(
            body["error_description"].as_str().unwrap().len() > 10,
            "{shown}: {body}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_post_gets_tokens() {
    let server = TestServer::start().await;

    let answer = server.get("/oauth/token").await;

    assert_eq!(answer.header("allow"), "POST,OPTIONS");
    answer.expect(405);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_client_gets_no_more_tokens() {
    let server = TestServer::start().await;
    let job = server.job().await;
    server.exchange(&job).send().await.expect_token();

    server
        .manage(
            "DELETE",
            &format!("clients/{}", job.id),
            serde_json::Value::Null,
        )
        .await;

    server
        .exchange(&job)
        .audience(API)
        .send()
        .await
        .expect_error(401, "invalid_client");
}
