//! The example Actions, and guests of other languages, under the default limits.

use serde_json::json;

use crate::harness::{API, CREDENTIALS_EXCHANGE, POST_LOGIN, TestServer, guest};

#[tokio::test(flavor = "multi_thread")]
async fn every_example_for_logins_does_what_its_page_says() {
    let server = TestServer::start().await;
    let writer = server.role("writer", &[]).await;
    let app = server.app().await;
    let user = server.user("ada@example.com").role(&writer);
    let user = user.with("app_metadata", json!({"role": "editor"}));
    let ada = user
        .with("user_metadata", json!({"preferred_contact": "email"}))
        .create()
        .await;
    let examples = [
        "forbidden-claims",
        "both-triggers",
        "role",
        "roles-and-organization",
    ];
    let [a, b, c, d] = examples.map(guest);
    server
        .bind(POST_LOGIN, [a, b, c, d, guest("login-profile")])
        .await;

    let reply = server
        .login(&app, &ada)
        .scope("openid")
        .send()
        .await
        .expect_token();

    let (access_token, id_token) = (reply.claims(), reply.id_claims());
    assert_eq!(access_token["https://example.com/trigger"], "post-login");
    assert_eq!(access_token["https://example.com/role"], "editor");
    assert_eq!(access_token["https://example.com/roles"], json!(["writer"]));
    assert_eq!(id_token["https://example.com/preferred_contact"], "email");
    let execution = server.execution(&reply).await;
    assert_eq!(execution.actions()[..4], examples);
    assert_eq!(
        execution.refused(),
        [
            (
                "access_token",
                "https://acme.auth0.com/role",
                "reserved_namespace"
            ),
            ("access_token", "sub", "reserved_name"),
            ("access_token", "role", "not_namespaced"),
        ]
    );
    let stored = server.stored_user(&ada).await;
    assert_eq!(
        stored["user_metadata"]["last_login_channel"],
        "app by oauth2-password"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_for_exchanges_does_what_its_page_says() {
    let server = TestServer::start().await;
    let job = server
        .client("job")
        .metadata("department", "finance")
        .may_call(API, &[]);
    let job = job.create().await;
    let examples = ["forbidden-claims", "both-triggers", "department"].map(guest);
    server.bind(CREDENTIALS_EXCHANGE, examples).await;

    let reply = server.exchange(&job).send().await.expect_token();

    let claims = reply.claims();
    assert_eq!(
        claims["https://example.com/trigger"],
        "credentials-exchange"
    );
    assert_eq!(claims["https://example.com/role"], "editor");
    assert_eq!(claims["https://example.com/department"], "finance");
    let execution = server.execution(&reply).await;
    assert_eq!(execution.refused().len(), 3);
    let logs = execution.logs(0);
    assert_eq!(
        logs.len(),
        3,
        "the Action logs what it is told of each refusal"
    );
    assert!(logs[0].1.starts_with("reserved_namespace: "), "{logs:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guest_of_the_benches_makes_one_claim_of_two_fields() {
    let server = TestServer::start().await;
    let job = server
        .client("job")
        .metadata("department", "finance")
        .may_call(API, &[]);
    let job = job.create().await;
    server
        .bind(CREDENTIALS_EXCHANGE, [guest("two-fields")])
        .await;

    let reply = server.exchange(&job).send().await.expect_token();

    let claims = reply.claims();
    assert_eq!(claims["https://example.com/department"], "job of finance");
    assert!(server.execution(&reply).await.refused().is_empty());
}

#[test]
fn no_example_and_no_guest_is_without_a_test() {
    let folders = |path: &str| {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let entries = std::fs::read_dir(path).unwrap().map(Result::unwrap);
        let folders = entries.filter(|entry| entry.file_type().unwrap().is_dir());
        let mut names: Vec<_> = folders
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        names.sort_unstable();
        names
    };

    // Whoever adds one adds it here, and a test of what it does beside the others.
    let examples = [
        "both-triggers",
        "deny-outside-hours",
        "department",
        "forbidden-claims",
        "login-profile",
        "risk-score",
        "role",
        "roles-and-organization",
        "user-database",
    ];
    assert_eq!(folders("../example-actions"), examples);
    assert_eq!(
        folders("guests"),
        ["c", "database", "python", "scripted", "two-fields", "zoo"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_with_opening_hours_denies_outside_them() {
    let server = TestServer::start().await;
    let ada = server.user("ada@example.com").create().await;
    let app = |hours: &str| {
        let name = format!("app {hours}");
        server
            .client(&name)
            .grant_types(&["password"])
            .metadata("opening_hours", hours)
            .create()
    };
    server.bind(POST_LOGIN, [guest("deny-outside-hours")]).await;

    // Hours that no time of any day is within, and hours that make no sense.
    let closed = server.login(&app("0-0").await, &ada).send().await;
    let description = closed.expect_error(400, "access_denied");
    assert_eq!(
        description,
        "Logins are possible on weekdays during opening hours only."
    );
    let senseless = server.login(&app("always").await, &ada).send().await;
    senseless.expect_error(400, "access_denied");
    let execution = server.execution(&senseless).await;
    let message = &execution.results()[0]["error"]["msg"];
    assert!(
        message.as_str().unwrap().contains("must look like `8-18`"),
        "{message}"
    );
}

/// What the guests in C and Python have in common.
async fn speaks_the_contract(folder: &'static str, greeting: &str) {
    let server = TestServer::start().await;
    let app = server.app().await;
    let user = server
        .user("ada@example.com")
        .with("app_metadata", json!({"role": "editor"}));
    let ada = user
        .with("user_metadata", json!({"department": "finance"}))
        .create()
        .await;
    let job = server
        .client("job")
        .metadata("department", "finance")
        .may_call(API, &[]);
    let job = job.create().await;
    server.bind(POST_LOGIN, [guest(folder)]).await;
    let mut at_exchange = guest(folder);
    at_exchange.name.push_str("-at-exchange");
    server.bind(CREDENTIALS_EXCHANGE, [at_exchange]).await;

    let login = server
        .login(&app, &ada)
        .scope("openid")
        .send()
        .await
        .expect_token();
    assert_eq!(login.claims()["https://example.com/role"], "editor");
    assert_eq!(login.claims()["sub"], ada.id);
    match folder {
        "c" => assert_eq!(login.claims()["https://example.com/email"], ada.email),
        _ => {
            assert_eq!(login.claims()["https://example.com/department"], "finance");
            assert_eq!(login.id_claims()["https://example.com/email"], ada.email);
        }
    }
    let execution = server.execution(&login).await;
    assert_eq!(
        execution.refused(),
        [("access_token", "sub", "reserved_name")]
    );
    assert!(
        execution.logs(0).contains(&("info", greeting)),
        "{:?}",
        execution.logs(0)
    );

    let exchange = server.exchange(&job).send().await.expect_token();
    assert_eq!(
        exchange.claims()["https://example.com/department"],
        "finance"
    );
    let execution = server.execution(&exchange).await;
    assert!(
        execution.logs(0).contains(&("info", greeting)),
        "{:?}",
        execution.logs(0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_in_c_runs_at_both_triggers() {
    speaks_the_contract("c", "hello from C").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_in_python_runs_at_both_triggers() {
    speaks_the_contract("python", "hello from Python").await;
}
