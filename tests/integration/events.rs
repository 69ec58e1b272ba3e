//! What Actions see.

use ::http::header;
use serde_json::{Value, json};

use crate::harness::{API, CREDENTIALS_EXCHANGE, PASSWORD, POST_LOGIN, TestServer, scripted};

const EVENT: &str = "https://example.com/event";

fn shows(pointer: &str) -> Value {
    json!([["echo", pointer, EVENT]])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_shows_what_is_known_of_it() {
    let server = TestServer::start().await;
    let (app, ada) = (
        server.app().await,
        server.user("ada@example.com").create().await,
    );
    server
        .bind(POST_LOGIN, [scripted("shows", shows(""))])
        .await;

    let request = server.login(&app, &ada).scope("openid read:reports");
    let request = request
        .with("correlation_id", "c-1")
        .header(header::USER_AGENT, "tests/1");
    let reply = request
        .header(header::ACCEPT_LANGUAGE, "de")
        .send()
        .await
        .expect_token();

    let event = &reply.claims()[EVENT];
    assert_eq!(event["tenant"]["id"], "dev");
    assert_eq!(
        event["client"],
        json!({"client_id": app.id, "name": "app", "metadata": {}})
    );
    assert_eq!(event["user"]["user_id"], ada.id);
    assert_eq!(
        event["connection"]["name"],
        "Username-Password-Authentication"
    );
    assert_eq!(event["connection"]["strategy"], "auth0");
    assert_eq!(event["resource_server"]["identifier"], API);
    assert_eq!(
        event["authorization"],
        json!({"roles": [], "permissions": []})
    );
    assert_eq!(event["authentication"]["methods"][0]["name"], "pwd");
    assert_eq!(event["transaction"]["protocol"], "oauth2-password");
    assert_eq!(
        event["transaction"]["requested_scopes"],
        json!(["openid", "read:reports"])
    );
    assert_eq!(event["transaction"]["correlation_id"], "c-1");
    assert_eq!(event["stats"]["logins_count"], 1);
    assert_eq!(event["request"]["method"], "POST");
    assert_eq!(event["request"]["hostname"], "localhost");
    assert_eq!(event["request"]["ip"], "127.0.0.1");
    assert_eq!(event["request"]["user_agent"], "tests/1");
    assert_eq!(event["request"]["language"], "de");
    assert_eq!(event.get("organization"), None);
    assert_eq!(event.get("secrets"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_requests_body_and_query_never_hold_secrets() {
    let server = TestServer::start().await;
    let (app, ada) = (
        server.app().await,
        server.user("ada@example.com").create().await,
    );
    server
        .bind(POST_LOGIN, [scripted("shows", shows("/request"))])
        .await;
    // An assertion beside a client_secret is refused.
    let hidden = ["refresh_token", "code", "code_verifier"];
    let with_secrets = || {
        let request = server.login(&app, &ada).with("color", "green");
        let request = request.query("?from=mail&password=hush&client_secret=hush&code=hush");
        hidden
            .into_iter()
            .fold(request, |request, name| request.with(name, "hush"))
    };

    for request in [with_secrets(), with_secrets().json()] {
        let reply = request.send().await.expect_token();

        let request = &reply.claims()[EVENT];
        let expected = json!({
            "client_id": app.id, "grant_type": "password", "username": ada.email,
            "audience": API, "color": "green",
        });
        assert_eq!(request["body"], expected);
        assert_eq!(request["query"], json!({"from": "mail"}));
        let text = request.to_string();
        for secret in [PASSWORD, &app.secret, "hush"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_reads_its_own_secrets_only_and_they_are_in_no_event() {
    let server = TestServer::start().await;
    let job = server.job().await;
    let reads = |name: &str| {
        json!([
            ["echo", "", format!("https://example.com/{name}/event")],
            ["echo_secret", "KEY", format!("https://example.com/{name}")],
        ])
    };
    server
        .bind(
            CREDENTIALS_EXCHANGE,
            [
                scripted("has-none", reads("none")),
                scripted("has-one", reads("one")).secret("KEY", "s3cret-of-one"),
            ],
        )
        .await;

    let reply = server.exchange(&job).send().await.expect_token();

    let claims = reply.claims();
    assert_eq!(claims["https://example.com/one"], "s3cret-of-one");
    assert_eq!(claims["https://example.com/none"], Value::Null);
    for event in [
        "https://example.com/one/event",
        "https://example.com/none/event",
    ] {
        assert!(!claims[event].to_string().contains("s3cret-of-one"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_action_notes_in_the_transaction_is_seen_by_the_next_and_gone_afterwards() {
    let server = TestServer::start().await;
    let job = server.job().await;
    let notes = json!([
        [
            "echo",
            "/transaction/metadata",
            "https://example.com/before"
        ],
        ["transaction_metadata", "risk", 7],
    ]);
    let reads = json!([["echo", "/transaction/metadata", "https://example.com/after"]]);
    let actions = [scripted("notes", notes), scripted("reads", reads)];
    server.bind(CREDENTIALS_EXCHANGE, actions).await;

    for _ in 0..2 {
        let claims = server.exchange(&job).send().await.expect_token().claims();
        assert_eq!(claims["https://example.com/before"], json!({}));
        assert_eq!(claims["https://example.com/after"], json!({"risk": 7}));
    }
}
