//! What an operator's Prometheus reads.

use serde_json::{Value, json};

use crate::harness::{
    POST_LOGIN, TestServer,
    http::{self, Answer},
    scrape::Page,
    scripted,
};

const DOCS: &str = include_str!("../../docs/operations.md");

async fn scrape(server: &TestServer) -> Page {
    let token = server.platform_token();
    Page::read(
        &server
            .ask("GET", "/metrics", Some(&token), Value::Null)
            .await,
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_of_each_token_request_is_counted_once() {
    let server = TestServer::start().await;
    let (app, ada) = (
        server.app().await,
        server.user("ada@example.com").create().await,
    );
    let scripts = [
        json!([
            ["access_token", "sub", "mallory"],
            ["id_token", "role", "admin"],
            ["log_many", 1_010, "four"]
        ]),
        json!([["deny", "not today"]]),
        json!([["panic", "oh"]]),
        json!([["fail", "no"]]),
        json!([["loop"]]),
    ];
    let before = scrape(&server).await;

    for (number, script) in scripts.into_iter().enumerate() {
        let action = scripted(&format!("action-{number}"), script);
        server.bind(POST_LOGIN, [action]).await;
        server.login(&app, &ada).send().await;
    }
    let wrong = server.login(&app, &ada).with("password", "wrong");
    wrong.send().await.expect_error(400, "invalid_grant");

    let after = scrape(&server).await;
    let names = [
        "claimsmith_t",
        "claimsmith_exec",
        "claimsmith_refus",
        "claimsmith_action",
    ];
    let grown = after.grown_since(&before, &names);
    let expected = [
        ("claimsmith_action_log_dropped_bytes_total", 40.0),
        ("claimsmith_execution_faults_total{blame=\"action\"}", 3.0),
        ("claimsmith_execution_log_written_records_total", 0.0),
        (
            "claimsmith_executions_total{trigger=\"post-login\",outcome=\"deadline\"}",
            1.0,
        ),
        (
            "claimsmith_executions_total{trigger=\"post-login\",outcome=\"denied\"}",
            1.0,
        ),
        (
            "claimsmith_executions_total{trigger=\"post-login\",outcome=\"guest_error\"}",
            1.0,
        ),
        (
            "claimsmith_executions_total{trigger=\"post-login\",outcome=\"ok\"}",
            1.0,
        ),
        (
            "claimsmith_executions_total{trigger=\"post-login\",outcome=\"trap\"}",
            1.0,
        ),
        ("claimsmith_refusals_total{code=\"not_namespaced\"}", 1.0),
        ("claimsmith_refusals_total{code=\"reserved_name\"}", 1.0),
        (
            "claimsmith_tenant_action_seconds_total{tenant=\"dev\"}",
            0.0,
        ),
        (
            "claimsmith_tenant_token_refusals_total{tenant=\"dev\"}",
            5.0,
        ),
        ("claimsmith_tenant_tokens_issued_total{tenant=\"dev\"}", 1.0),
        (
            "claimsmith_token_refusals_total{grant=\"password\",error=\"access_denied\"}",
            4.0,
        ),
        (
            "claimsmith_token_refusals_total{grant=\"password\",error=\"invalid_grant\"}",
            1.0,
        ),
        ("claimsmith_tokens_issued_total{grant=\"password\"}", 1.0),
        (
            "claimsmith_trigger_runs_total{trigger=\"post-login\",outcome=\"denied\"}",
            1.0,
        ),
        (
            "claimsmith_trigger_runs_total{trigger=\"post-login\",outcome=\"failed\"}",
            3.0,
        ),
        (
            "claimsmith_trigger_runs_total{trigger=\"post-login\",outcome=\"issued\"}",
            1.0,
        ),
    ];
    // These two depend on the machine; that they grow is what can be said.
    let measured = ["_written_records_total", "_action_seconds_total"];
    let is_measured = |series: &str| measured.iter().any(|name| series.contains(name));
    let exact = |list: &[(&str, f64)]| -> Vec<(String, f64)> {
        let exact = list.iter().filter(|(series, _)| !is_measured(series));
        exact
            .map(|(series, by)| ((*series).to_owned(), *by))
            .collect()
    };
    assert_eq!(exact(&grown), exact(&expected));
    assert!(
        grown
            .iter()
            .any(|(series, _)| series.contains("_action_seconds_total"))
    );
    let requests = "claimsmith_http_requests_total{route=\"/oauth/token\",method=\"POST\"";
    assert_eq!(
        after.grown_since(&before, &[requests]),
        [
            (format!("{requests},status=\"2xx\"}}").as_str(), 1.0),
            (format!("{requests},status=\"4xx\"}}").as_str(), 5.0),
        ]
    );
    // Five logins, and a trial run of each upload.
    let waits = "claimsmith_trigger_wait_seconds_count";
    assert_eq!(after.value(waits) - before.value(waits), 10.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_token_request_is_counted_as_a_refusal() {
    let server = TestServer::start().await;
    let before = scrape(&server).await;

    let headers = ::http::HeaderMap::new();
    let answer = server.send("POST", "/oauth/token", headers, "x").await;

    answer.expect(400);
    let after = scrape(&server).await;
    let expected = [(
        "claimsmith_token_refusals_total{grant=\"other\",error=\"invalid_request\"}",
        1.0,
    )];
    assert_eq!(after.grown_since(&before, &["claimsmith_token"]), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_a_caller_makes_up_makes_no_series() {
    let server = TestServer::start().await;
    server.get("/made/up").await.expect(404);
    let before = scrape(&server).await;

    server.get("/made/up/too?x=y").await.expect(404);
    server
        .send("BREW", "/pot", ::http::HeaderMap::new(), "")
        .await
        .expect(404);

    let after = scrape(&server).await;
    let grown = after.grown_since(&before, &["claimsmith_http_requests_total{route=\"other\""]);
    let expected = [
        (
            "claimsmith_http_requests_total{route=\"other\",method=\"GET\",status=\"4xx\"}",
            1.0,
        ),
        (
            "claimsmith_http_requests_total{route=\"other\",method=\"other\",status=\"4xx\"}",
            1.0,
        ),
    ];
    assert_eq!(grown, expected);
    assert!(!format!("{after:?}").contains("made"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_are_the_operators_and_on_an_address_of_their_own_they_need_no_token() {
    let server = TestServer::start_with(|config| {
        config.metrics_listen = Some(([127, 0, 0, 1], 0).into());
    })
    .await;
    let management_token = server.management_token().await;

    for token in [None, Some("wrong"), Some(management_token.as_str())] {
        let refused = server.ask("GET", "/metrics", token, Value::Null).await;
        assert_eq!(refused.header("www-authenticate"), "Bearer");
        let refused = refused.expect(401);
        assert!(
            refused["message"]
                .as_str()
                .unwrap()
                .contains("platform token")
        );
    }

    let own = server.metrics_address().unwrap();
    let get = async |path| -> Answer {
        let headers = ::http::HeaderMap::new();
        http::send(
            own,
            "metrics.internal",
            ::http::Method::GET,
            path,
            headers,
            "",
        )
        .await
    };
    Page::read(&get("/metrics").await);
    get("/readyz").await.expect(200);
    get("/oauth/token").await.expect(404);
    get("/api/v2/clients").await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_docs_list_every_metric_with_its_type_and_labels_and_no_other() {
    let server = TestServer::start().await;
    server.get("/healthz").await;
    let page = scrape(&server).await;

    let served: Vec<String> = page
        .types
        .iter()
        .map(|(name, kind)| {
            let suffix = match kind.as_str() {
                "counter" => "_total",
                "info" => "_info",
                _ => "",
            };
            let labels: Vec<String> = page
                .labels(name)
                .iter()
                .map(|label| format!("`{label}`"))
                .collect();
            format!("| `{name}{suffix}` | {kind} | {} |", labels.join(", "))
        })
        .collect();

    let listed = DOCS
        .lines()
        .filter(|line| line.starts_with("| `claimsmith_") || line.starts_with("| `process_"));
    let mut listed: Vec<String> = listed
        .map(|line| {
            let mut cells = line.splitn(5, '|').map(str::trim);
            let (_, name, kind, labels) = (cells.next(), cells.next(), cells.next(), cells.next());
            format!(
                "| {} | {} | {} |",
                name.unwrap(),
                kind.unwrap(),
                labels.unwrap()
            )
        })
        .collect();
    listed.sort();
    let mut served = served;
    served.sort();
    assert_eq!(listed, served);
}
