//! HTTP calls of Actions: which are made, which are denied, and how each one ends.

use claimsmith_model::Limit;
use claimsmith_server::OutgoingConfig;
use serde_json::{Value, json};

use crate::harness::{
    API, CREDENTIALS_EXCHANGE, POST_LOGIN, TestServer, actions::ActionFixture,
    command_line::action_run, guest, scripted, server_limits, service::Service,
};

const SEEN: &str = "urn:test:seen";

/// A server with the API [`API`], whose operator permits calls as said.
async fn server_that_permits(outgoing: OutgoingConfig) -> TestServer {
    let server = TestServer::start_with(|config| config.outgoing = outgoing).await;
    server.api(API).create().await;
    server
}

/// One whose operator permits calls to this machine.
async fn server_that_permits_loopback() -> TestServer {
    server_that_permits(OutgoingConfig {
        allow: vec!["127.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()],
        ca_file: None,
    })
    .await
}

/// An Action that calls each URL in turn, and puts what it saw into the claims
/// `urn:test:seen0` and so on.
fn calls(urls: &[&str]) -> ActionFixture {
    let commands: Vec<_> = urls
        .iter()
        .enumerate()
        .map(|(index, url)| json!(["http", "GET", url, format!("{SEEN}{index}")]))
        .collect();
    scripted("calls", json!(commands))
}

/// What came of running an Action at an exchange.
struct Run {
    /// The claims that the script set, in order.
    seen: Vec<Value>,
    /// The Action's part of the record.
    result: Value,
}

impl Run {
    async fn of(server: &TestServer, action: ActionFixture) -> Self {
        let job = server.job().await;
        server.bind(CREDENTIALS_EXCHANGE, [action]).await;
        let reply = server.exchange(&job).send().await;
        let result = server.execution(&reply).await.results()[0].clone();
        let seen = if reply.answer.status == 200 {
            let claims = reply.claims();
            let seen = (0..).map(|index| claims[format!("{SEEN}{index}")].clone());
            seen.take_while(|seen| !seen.is_null()).collect()
        } else {
            Vec::new()
        };
        Self { seen, result }
    }

    /// The code of each denial, with its command.
    fn denials(&self) -> Vec<(&str, &str)> {
        let refused = self.result["refused_commands"].as_array().unwrap().iter();
        refused
            .map(|it| {
                (
                    it["command"].as_str().unwrap(),
                    it["code"].as_str().unwrap(),
                )
            })
            .collect()
    }

    /// Status and error of each call.
    fn calls(&self) -> Vec<(Value, Value)> {
        let calls = self.result["http_calls"].as_array().unwrap().iter();
        calls
            .map(|call| (call["status"].clone(), call["error"].clone()))
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listed_host_is_called_and_the_record_shows_the_call_without_its_path() {
    let service = Service::start().await;
    let server = server_that_permits_loopback().await;
    let script = json!([[
        "http_sends",
        "POST",
        service.url("/secret-path?token=1"),
        "100",
        "urn:test:seen0"
    ],]);
    let action = scripted("calls", script).allowed_hosts([service.origin()]);

    let run = Run::of(&server, action).await;

    assert_eq!(run.seen[0]["status"], 200);
    assert_eq!(run.seen[0]["body"], "hello");
    assert_eq!(run.denials(), []);
    let call = &run.result["http_calls"][0];
    assert_eq!(call["method"], "POST");
    assert_eq!(call["origin"], service.origin());
    assert_eq!(call["status"], 200);
    assert!(call["request_bytes"].as_u64().unwrap() > 100, "{call}");
    assert_eq!(call["response_bytes"], 43, "{call}");
    assert!(!run.result.to_string().contains("secret-path"));

    let requests = service.requests();
    let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
    let head = head.to_ascii_lowercase();
    assert!(
        head.starts_with("post /secret-path?token=1 http/1.1\r\n"),
        "{head}"
    );
    for header in [
        format!("host: {}", service.address),
        "connection: close".to_owned(),
        "user-agent: claimsmith/0.1.0".to_owned(),
        "content-length: 100".to_owned(),
    ] {
        assert_eq!(
            head.lines().filter(|line| **line == header).count(),
            1,
            "{head}"
        );
    }
    assert_eq!(body.len(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_not_listed_is_not_called() {
    let service = Service::start().await;
    let server = server_that_permits_loopback().await;
    let https = format!("https://{}", service.address);
    let localhost = format!("http://localhost:{}", service.address.port());
    let urls = [&service.url("/"), &https, &localhost, "http://127.0.0.1/"];
    let action = calls(&urls).allowed_hosts(["https://127.0.0.1", "*.example.com"]);

    let run = Run::of(&server, action).await;

    assert_eq!(run.seen, vec![json!({"error": "Denied"}); 4]);
    assert_eq!(run.denials(), [("http", "host_not_allowed"); 4]);
    let denial = &run.result["refused_commands"][0];
    let entry = service.origin();
    assert!(
        denial["message"].as_str().unwrap().contains(&entry),
        "{denial}"
    );
    assert!(
        denial["remedy"]
            .as_str()
            .unwrap()
            .contains(&format!("`{entry}`")),
        "{denial}"
    );
    assert_eq!(run.calls(), []);
    assert_eq!(service.requests(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listed_host_is_not_called_at_an_address_that_is_not_public() {
    let service = Service::start().await;
    let server = TestServer::start().await;
    let port = service.address.port();
    let hosts = [
        "127.0.0.1",
        "localhost",
        "0x7f.1",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
    ]
    .map(|host| format!("http://{host}:{port}"));
    let urls: Vec<_> = hosts.iter().map(String::as_str).collect();
    let action = calls(&urls).allowed_hosts(hosts.clone());

    let run = Run::of(&server, action).await;

    assert_eq!(run.seen, vec![json!({"error": "Denied"}); 5]);
    assert_eq!(
        run.calls(),
        vec![(Value::Null, json!("address_not_public")); 5]
    );
    // 127.0.0.1 was denied twice for one reason, which is listed once.
    assert_eq!(run.denials(), [("http", "address_not_public"); 4]);
    assert_eq!(service.requests(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_an_answer_and_following_it_is_another_call() {
    let (service, elsewhere) = (Service::start().await, Service::start().await);
    let server = server_that_permits_loopback().await;
    let target = elsewhere.url("/");
    let redirect = service.url(&format!("/redirect?{target}"));
    let action = calls(&[&redirect, &target]).allowed_hosts([service.origin()]);

    let run = Run::of(&server, action).await;

    assert_eq!(run.seen[0]["status"], 302);
    assert_eq!(run.seen[0]["location"], target);
    assert_eq!(run.seen[1], json!({"error": "Denied"}));
    assert_eq!(run.denials(), [("http", "host_not_allowed")]);
    assert_eq!(elsewhere.requests(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_makes_ten_calls_and_no_more() {
    let service = Service::start().await;
    let server = server_that_permits_loopback().await;
    let url = service.url("/");
    let action = calls(&[url.as_str(); 12]).allowed_hosts([service.origin()]);

    let run = Run::of(&server, action).await;

    let (made, denied) = run.seen.split_at(10);
    assert!(made.iter().all(|seen| seen["status"] == 200), "{made:?}");
    assert_eq!(
        denied,
        [json!({"error": "Denied"}), json!({"error": "Denied"})]
    );
    assert_eq!(run.denials(), [("http", "http_calls_exceeded")]);
    assert_eq!(service.requests().len(), 10);
    service.closed(10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_in_either_direction_ends_the_call() {
    let service = Service::start().await;
    let server = server_that_permits_loopback().await;
    let mut script = vec![json!([
        "http_sends",
        "POST",
        service.url("/"),
        (256 << 10).to_string(),
        "urn:test:seen0"
    ])];
    for (index, path) in ["/large", "/endless", "/long-head"].iter().enumerate() {
        let name = format!("{SEEN}{}", index + 1);
        script.push(json!(["http", "GET", service.url(path), name]));
    }
    let action = scripted("calls", json!(script)).allowed_hosts([service.origin()]);

    let run = Run::of(&server, action).await;

    assert_eq!(run.seen, vec![json!({"error": "TooLarge"}); 4]);
    assert_eq!(
        run.denials(),
        [
            ("http", "http_request_too_large"),
            ("http", "http_response_too_large"),
        ]
    );
    let too_large = json!("http_response_too_large");
    assert_eq!(
        run.calls(),
        [
            (Value::Null, too_large.clone()),
            (json!(200), too_large.clone()),
            (Value::Null, too_large),
        ]
    );
    // The first one never began.
    assert_eq!(service.requests().len(), 3);
    service.closed(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_of_calls_are_what_the_operator_says() {
    let service = Service::start().await;
    let within = server_limits([(Limit::HttpCalls, 2), (Limit::HttpRequestBytes, 2048)]);
    let server = TestServer::start_with(|config| {
        config.outgoing.allow = vec!["127.0.0.1".parse().unwrap()];
        config.limits = within;
    })
    .await;
    server.api(API).create().await;
    let sends =
        |length: &str, name: &str| json!(["http_sends", "POST", service.url("/"), length, name]);
    let script = json!([
        sends("1024", "urn:test:seen0"),
        sends("2048", "urn:test:seen1"),
        sends("1024", "urn:test:seen2"),
    ]);
    let action = scripted("calls", script).allowed_hosts([service.origin()]);

    let run = Run::of(&server, action).await;

    assert_eq!(run.seen[0]["status"], 200);
    assert_eq!(run.seen[1], json!({"error": "TooLarge"}));
    assert_eq!(run.seen[2], json!({"error": "Denied"}));
    assert_eq!(
        run.denials(),
        [
            ("http", "http_request_too_large"),
            ("http", "http_calls_exceeded"),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_does_not_answer_is_given_up_before_the_deadline() {
    let service = Service::start().await;
    let server = server_that_permits_loopback().await;
    let action = calls(&[&service.url("/silent")]).allowed_hosts([service.origin()]);

    let run = Run::of(&server, action).await;

    assert_eq!(run.seen, [json!({"error": "TimedOut"})]);
    assert_eq!(run.calls(), [(Value::Null, json!("timed_out"))]);
    assert_eq!(run.denials(), []);
    service.closed(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_drips_is_given_up_like_one_that_does_not_come() {
    let service = Service::start().await;
    let server = server_that_permits_loopback().await;
    let action = calls(&[&service.url("/slow")]).allowed_hosts([service.origin()]);

    let run = Run::of(&server, action).await;

    assert_eq!(run.seen, [json!({"error": "TimedOut"})]);
    assert_eq!(run.calls(), [(json!(200), json!("timed_out"))]);
    service.closed(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deadline_holds_for_an_action_that_waits_and_the_record_says_for_whom() {
    let service = Service::start().await;
    let server = server_that_permits_loopback().await;
    let silent = service.url("/silent");
    let action = calls(&[&silent, &silent]).allowed_hosts([service.origin()]);

    let run = Run::of(&server, action).await;

    assert_eq!(run.result["error"]["id"], "deadline");
    assert_eq!(
        run.calls(),
        [
            (Value::Null, json!("timed_out")),
            (Value::Null, json!("unfinished")),
        ]
    );
    service.closed(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_none_is_an_error_that_says_so() {
    let service = Service::start().await;
    let server = server_that_permits_loopback().await;
    let closed = "http://127.0.0.1:1";
    let urls = [&service.url("/garbage"), &service.url("/cut"), closed];
    let action = calls(&urls).allowed_hosts([&service.origin(), closed]);

    let run = Run::of(&server, action).await;

    let kinds: Vec<_> = run.seen.iter().map(|seen| seen["error"].clone()).collect();
    assert_eq!(kinds, ["Broken", "Broken", "Unreachable"]);
    assert_eq!(
        run.calls(),
        [
            (Value::Null, json!("response_invalid")),
            (json!(200), json!("response_incomplete")),
            (Value::Null, json!("connection_refused")),
        ]
    );
    assert_eq!(run.denials(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_of_the_connection_are_not_the_guests() {
    let service = Service::start().await;
    let server = server_that_permits_loopback().await;
    let url = service.url("/");
    let headers = [
        ("Host", "elsewhere.example"),
        ("Connection", "keep-alive"),
        ("Transfer-Encoding", "chunked"),
        ("Upgrade", "h2c"),
        ("TE", "trailers"),
        ("Content-Length", "5"),
        ("X-Fine", "a\r\nHost: elsewhere.example"),
        ("X Name", "a"),
    ];
    let script: Vec<_> = headers
        .iter()
        .enumerate()
        .map(|(index, (name, value))| {
            json!(["http_header", name, value, url, format!("{SEEN}{index}")])
        })
        .collect();
    let action = scripted("calls", json!(script)).allowed_hosts([service.origin()]);

    let run = Run::of(&server, action).await;

    assert_eq!(run.seen.len(), headers.len());
    assert!(
        run.seen.iter().all(|seen| seen["error"].is_string()),
        "{:?}",
        run.seen
    );
    assert_eq!(service.requests(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_trusts_the_operators_certificates_and_only_for_their_names() {
    let (service, authority) = Service::start_with_tls().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, authority).unwrap();
    let server = server_that_permits(OutgoingConfig {
        allow: vec!["127.0.0.1".parse().unwrap()],
        ca_file: Some(file),
    })
    .await;
    let (by_name, by_address) = (
        format!("https://localhost:{}", service.address.port()),
        format!("https://{}", service.address),
    );
    let action = calls(&[&by_name, &by_address]).allowed_hosts([&by_name, &by_address]);

    let run = Run::of(&server, action).await;

    assert_eq!(run.seen[0]["body"], "hello");
    assert_eq!(run.seen[1], json!({"error": "Unreachable"}));
    assert_eq!(
        run.calls(),
        [
            (json!(200), Value::Null),
            (Value::Null, json!("certificate_not_trusted")),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_does_not_trust_a_certificate_that_nobody_vouches_for() {
    let (service, _) = Service::start_with_tls().await;
    let server = server_that_permits_loopback().await;
    let url = format!("https://localhost:{}", service.address.port());
    let action = calls(&[&url]).allowed_hosts([&url]);

    let run = Run::of(&server, action).await;

    assert_eq!(
        run.calls(),
        [(Value::Null, json!("certificate_not_trusted"))]
    );
    assert_eq!(service.requests(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_list_holds_once_it_is_deployed() {
    let service = Service::start().await;
    let server = server_that_permits_loopback().await;
    let job = server.job().await;
    let [id] = server
        .bind(CREDENTIALS_EXCHANGE, [calls(&[&service.url("/")])])
        .await;
    let path = format!("actions/actions/{id}");
    let seen = async || {
        let reply = server.exchange(&job).send().await.expect_token();
        reply.claims()["urn:test:seen0"].clone()
    };

    let body = json!({"allowed_hosts": [service.origin().replace("http", "HTTP")]});
    let changed = server.manage("PATCH", &path, body).await.expect(200);
    assert_eq!(changed["allowed_hosts"], json!([service.origin()]));
    assert_eq!(changed["deployed_version"]["allowed_hosts"], json!([]));
    assert_eq!(changed["all_changes_deployed"], false);
    assert_eq!(seen().await, json!({"error": "Denied"}));

    let deploy = format!("{path}/deploy");
    let deployed = server
        .manage("POST", &deploy, Value::Null)
        .await
        .expect(200);
    assert_eq!(deployed["allowed_hosts"], json!([service.origin()]));
    assert_eq!(seen().await["status"], 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_can_not_be_allowed_is_refused_when_it_is_set() {
    let server = TestServer::start().await;
    let id = server.create_action("calls", POST_LOGIN).await;

    let body = json!({"allowed_hosts": ["example.com", "*.com"]});
    let path = format!("actions/actions/{id}");
    let refused = server.manage("PATCH", &path, body).await.expect(400);

    let message = refused["message"].as_str().unwrap();
    assert!(message.contains("`*.com`"), "{message}");
    assert!(message.contains("allowed_hosts[1]"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_asks_a_risk_service_and_a_local_run_does_the_same() {
    let service = Service::start().await;
    let server = server_that_permits_loopback().await;
    let (app, ada) = (
        server.app().await,
        server.user("ada@example.com").create().await,
    );
    let action = guest("risk-score")
        .secret("RISK_URL", &service.url("/score"))
        .secret("RISK_KEY", "k3y")
        .allowed_hosts([service.origin()]);
    server.bind(POST_LOGIN, [action]).await;

    let reply = server.login(&app, &ada).send().await.expect_token();

    // The service answers `hello`, which is no score, so the login goes on.
    let execution = server.execution(&reply).await;
    assert_eq!(execution.logs(0)[0].0, "warn");
    let request = service.requests()[0].clone();
    assert!(
        request
            .to_ascii_lowercase()
            .contains("authorization: bearer k3y")
    );

    let event = json!({"user": {"user_id": "auth0|ada"}, "request": {"ip": "203.0.113.7"}});
    let url = format!("RISK_URL={}", service.url("/score"));
    let arguments = ["--secret", &url, "--secret", "RISK_KEY=k3y"];
    let host = service.origin();
    let allowed = ["--allow-host", &host, "--outgoing-allow", "127.0.0.0/8"];
    let (status, report) = action_run("risk-score", &event, &[arguments, allowed].concat());
    assert_eq!(
        (status, &report["http_calls"][0]["status"]),
        (0, &json!(200)),
        "{report}"
    );
    let (status, report) = action_run("risk-score", &event, &arguments);
    assert_eq!(status, 1);
    assert_eq!(report["refused_commands"][0]["code"], "host_not_allowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_without_calls_does_not_import_http() {
    let server = TestServer::start().await;
    let imports = async |folder: &str| {
        let id = server.create_action(folder, POST_LOGIN).await;
        let module = crate::harness::actions::module(folder);
        server.upload(&id, module).await.expect(200)["module"]["imports"].to_string()
    };

    assert!(!imports("role").await.contains("wasi:http"));
    assert!(
        imports("risk-score")
            .await
            .contains("wasi:http/outgoing-handler")
    );
}
