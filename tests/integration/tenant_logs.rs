//! What a tenant's log says, and how it is read.

use http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use crate::harness::{
    API, CREDENTIALS_EXCHANGE, PASSWORD, POST_LOGIN, TestServer,
    browser::{Authorize, Callback, Page, redeem},
    guest, scripted,
};

/// The entries that a query finds.
async fn logs(server: &TestServer, query: &str) -> Vec<Value> {
    let path = format!("logs?{query}");
    let list = server.manage("GET", &path, Value::Null).await.expect(200);
    serde_json::from_value(list).unwrap()
}

fn texts(entries: &[Value], member: &str) -> Vec<String> {
    let text = |entry: &Value| entry[member].as_str().unwrap_or_default().to_owned();
    entries.iter().map(text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_and_their_refusals_stand_in_the_log_with_who_and_from_where() {
    let server = TestServer::start().await;
    let (app, job) = (server.app().await, server.job().await);
    let ada = server.user("ada@example.com").create().await;
    server.exchange(&job).send().await.expect_token();
    server
        .login(&app, &ada)
        .scope("openid")
        .send()
        .await
        .expect_token();
    let wrong = server.token_request().client(&app);
    let wrong = wrong
        .with("grant_type", "password")
        .with("username", "ada@example.com")
        .with("password", "not the right one");
    wrong.send().await.expect_error(400, "invalid_grant");
    let nobody = crate::harness::Client {
        id: job.id.clone(),
        secret: "guessed".to_owned(),
    };
    server
        .exchange(&nobody)
        .send()
        .await
        .expect_error(401, "invalid_client");

    let entries = logs(&server, "q=type:*%20AND%20ip:127*&per_page=4").await;

    let [guessed, wrong, login, exchange] = entries.as_slice() else {
        panic!("{entries:?}");
    };
    assert_eq!(texts(&entries, "type"), ["feccft", "fp", "sepft", "seccft"]);
    assert_eq!(exchange["client_id"], job.id);
    assert_eq!(exchange["client_name"], "job");
    assert_eq!(exchange["audience"], "https://api.example.com/");
    assert_eq!(exchange["scope"], "read:reports");
    assert_eq!(exchange["hostname"], "localhost");
    assert_eq!(exchange.get("user_id"), None);
    assert_eq!(login["user_id"], ada.id);
    assert_eq!(login["user_name"], "ada@example.com");
    assert_eq!(login["connection"], "Username-Password-Authentication");
    assert_eq!(login["client_id"], app.id);
    let execution = &login["details"]["actions"]["executions"][0];
    let path = format!("actions/executions/{}", execution.as_str().unwrap());
    server.manage("GET", &path, Value::Null).await.expect(200);
    assert_eq!(wrong["client_id"], app.id);
    assert_eq!(wrong["user_id"], ada.id);
    assert_eq!(wrong["description"], "Wrong email, user name or password.");
    assert_eq!(guessed["client_id"], job.id);
    assert_eq!(guessed.get("client_name"), None, "it has proven nothing");
    let text = json!(entries).to_string();
    for secret in [
        PASSWORD,
        "not the right one",
        "guessed",
        &job.secret,
        &app.secret,
    ] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_actions_and_refused_claims_have_entries_of_their_own() {
    let server = TestServer::start().await;
    let job = server.job().await;
    let refused = json!([["access_token", "sub", "me"], ["access_token", "role", "x"]]);
    let [_, failing] = server
        .bind(
            CREDENTIALS_EXCHANGE,
            [
                scripted("refused", refused),
                scripted("failing", json!([["fail", "out\nof milk"]])),
            ],
        )
        .await;
    let reply = server.exchange(&job).send().await;
    reply.expect_error(400, "access_denied");

    let entries = logs(&server, "per_page=3").await;

    assert_eq!(
        texts(&entries, "type"),
        ["claims_refused", "actions_execution_failed", "feccft"]
    );
    let [claims, failed, token] = entries.as_slice() else {
        panic!("{entries:?}");
    };
    let listed = claims["details"]["claims"].as_array().unwrap();
    assert_eq!(texts(listed, "claim"), ["sub", "role"]);
    assert_eq!(texts(listed, "code"), ["reserved_name", "not_namespaced"]);
    assert!(
        texts(listed, "remedy")
            .iter()
            .all(|remedy| !remedy.is_empty())
    );
    let details = &failed["details"];
    assert_eq!(details["action_id"], failing);
    assert_eq!(details["execution_id"], reply.execution_id());
    assert_eq!(details["error_class"], "action_error");
    assert_eq!(details["action_error"]["message"], "out\u{fffd}of milk");
    assert_eq!(token["description"], "An Action failed");

    // Each is found by its identifier.
    for entry in &entries {
        let path = format!("logs/{}", entry["log_id"].as_str().unwrap());
        let one = server.manage("GET", &path, Value::Null).await.expect(200);
        assert_eq!(one, *entry);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_of_an_admin_is_logged_without_what_was_sent() {
    let server = TestServer::start().await;
    let job = server.job().await;
    let body = json!({"name": "renamed", "client_secret": "a-new-secret-of-32-characters-xxxx"});
    let path = format!("clients/{}", job.id);
    server.manage("PATCH", &path, body).await;
    server
        .manage("PATCH", &path, json!({"name": "renamed"}))
        .await
        .expect(200);
    server
        .manage("PATCH", &path, json!({"nome": "x"}))
        .await
        .expect(400);
    server.manage("GET", &path, Value::Null).await.expect(200);
    let role = server.role("editor", &[]).await;
    let path = format!("roles/{role}");
    server
        .manage("DELETE", &path, Value::Null)
        .await
        .expect(200);
    let bindings = "tenants/dev/triggers/post-login/bindings";
    let body = json!({"bindings": []});
    server.platform("PATCH", bindings, body).await.expect(200);

    let entries = logs(&server, "q=type:sapi&per_page=4").await;

    assert_eq!(
        texts(&entries, "description"),
        [
            "PATCH /platform/v1/tenants/{id}/triggers/{trigger}/bindings",
            "DELETE /api/v2/roles/{id}",
            "POST /api/v2/roles",
            "PATCH /api/v2/clients/{id}",
        ]
    );
    let [operator, deleted, _, patched] = entries.as_slice() else {
        panic!("{entries:?}");
    };
    assert_eq!(operator["details"]["caller"], "operator");
    assert_eq!(deleted["client_id"], server.admin.id);
    assert_eq!(
        deleted["details"]["request"]["path"],
        format!("/api/v2/roles/{role}")
    );
    assert_eq!(patched["client_name"], "Management");
    assert_eq!(patched["ip"], "127.0.0.1");
    assert_eq!(patched["details"]["request"]["properties"], json!(["name"]));
    assert_eq!(patched["details"]["response"]["statusCode"], 200);
    let all = json!(logs(&server, "per_page=100").await).to_string();
    assert!(!all.contains("a-new-secret"), "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_read_in_pages_from_a_checkpoint_and_by_a_search() {
    let server = TestServer::start().await;
    let job = server.job().await;
    for _ in 0..5 {
        server.exchange(&job).send().await.expect_token();
    }
    let search = format!("q=type:seccft%20AND%20client_id:%22{}%22", job.id);

    let all = logs(&server, &search).await;
    assert_eq!(all.len(), 5);
    let page = logs(&server, &format!("{search}&page=1&per_page=2")).await;
    assert_eq!(page, all[2..4]);
    let mut oldest_first = logs(&server, &format!("{search}&sort=date:1")).await;
    oldest_first.reverse();
    assert_eq!(oldest_first, all);
    let path = format!("logs?{search}&per_page=2&include_totals=true");
    let with_totals = server.manage("GET", &path, Value::Null).await.expect(200);
    assert_eq!(with_totals["total"], 5);
    assert_eq!(with_totals["logs"], json!(all[..2]));
    let few = logs(&server, &format!("{search}&fields=type,log_id&per_page=1")).await;
    assert_eq!(few, [json!({"type": "seccft", "log_id": all[0]["log_id"]})]);

    // From a checkpoint on, the oldest first, until there are no more.
    let mut read = Vec::new();
    let mut from = all[4]["log_id"].as_str().unwrap().to_owned();
    loop {
        let part = logs(&server, &format!("from={from}&take=3")).await;
        let Some(last) = part.last() else {
            break;
        };
        from = last["log_id"].as_str().unwrap().to_owned();
        read.extend(part);
    }
    read.reverse();
    assert_eq!(read, all[..4]);

    for wrong in [
        "q=kind:s",
        "q=type:s%20client_id:x",
        "sort=type:1",
        "take=101",
        "from=abc",
        "per_page=100&page=10",
        "order=asc",
    ] {
        let path = format!("logs?{wrong}");
        let refused = server.manage("GET", &path, Value::Null).await.expect(400);
        assert!(refused["errorCode"].is_string(), "{wrong}: {refused}");
    }
    server
        .manage("GET", "logs/1", Value::Null)
        .await
        .expect(400);
    let gone = server
        .manage("GET", "logs/100000000000000000", Value::Null)
        .await;
    assert_eq!(gone.expect(404)["message"], "The log event does not exist.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_users_log_holds_that_users_logins_only() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let ada = server.user("ada@example.com").create().await;
    let bob = server.user("bob@example.com").create().await;
    for user in [&ada, &bob, &ada] {
        server.login(&app, user).send().await.expect_token();
    }

    let path = format!("users/{}/logs", ada.in_path());
    let entries = server.manage("GET", &path, Value::Null).await.expect(200);

    let entries: Vec<Value> = serde_json::from_value(entries).unwrap();
    assert_eq!(texts(&entries, "type"), ["sepft", "sepft"]);
    assert_eq!(texts(&entries, "user_name"), ["ada@example.com"; 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_in_a_browser_its_code_and_the_logout_stand_in_the_log() {
    let server = TestServer::start().await;
    let (spa, ada) = (
        server.spa().await,
        server.user("ada@example.com").create().await,
    );
    let logout = json!({"allowed_logout_urls": ["https://app.example.com/bye"]});
    let path = format!("clients/{}", spa.id);
    server.manage("PATCH", &path, logout).await.expect(200);
    let browser = server.browser();
    let request = Authorize::code(&spa).with("audience", API);
    let page = browser.page(&request).await;
    for (name, password) in [("ada@example.com", "wrong"), ("nobody", PASSWORD)] {
        let inputs = [("username", name), ("password", password)];
        Page::of(browser.submit(&page, &inputs).await).expect_login();
    }
    let callback = Callback::of(browser.type_password(&page, &ada).await);
    let code = callback.code();
    redeem(&server, &spa, code).await.expect_token();
    redeem(&server, &spa, code)
        .await
        .expect_error(400, "invalid_grant");
    let logout = format!("/v2/logout?client_id={}", spa.id);
    for (more, status) in [
        ("", 302),
        ("&returnTo=https://evil.example/", 400),
        ("", 302),
    ] {
        let answer = browser.open(&format!("{logout}{more}")).await;
        assert_eq!(answer.status, status);
    }

    let mut entries = logs(&server, "per_page=100&sort=date:1").await;
    // What set the scene.
    entries.retain(|it| it["type"] != "sapi" && it["type"] != "seccft");

    assert_eq!(
        texts(&entries, "type"),
        ["fp", "fu", "s", "seacft", "feacft", "slo", "flo"]
    );
    let of = |log_type: &str| entries.iter().find(|it| it["type"] == log_type).unwrap();
    for log_type in ["fp", "s", "seacft", "feacft", "slo"] {
        assert_eq!(of(log_type)["user_id"], ada.id, "{log_type}");
        assert_eq!(of(log_type)["client_id"], spa.id, "{log_type}");
    }
    assert_eq!(of("fu").get("user_id"), None);
    // A client that could tell them apart would know who has an account.
    assert_eq!(of("fu")["description"], of("fp")["description"]);
    let execution = callback.answer.header("claimsmith-execution-id");
    for log_type in ["s", "seacft", "feacft"] {
        let details = &of(log_type)["details"]["actions"]["executions"];
        assert_eq!(*details, json!([execution]), "{log_type}");
    }
    assert_eq!(of("seacft")["audience"], API);
    assert_eq!(of("seacft")["scope"], "openid email");
    assert!(of("slo")["details"]["session_id"].is_string());
    let text = json!(entries).to_string();
    assert!(!text.contains(code) && !text.contains("nobody"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_followed_as_it_grows_and_taken_up_where_it_was_left() {
    let server = TestServer::start().await;
    let job = server.job().await;
    let token = server.management_token().await;
    let open = async |last: Option<&str>| {
        let mut headers = HeaderMap::new();
        let bearer = format!("Bearer {token}").parse().unwrap();
        headers.insert(header::AUTHORIZATION, bearer);
        if let Some(last) = last {
            headers.insert("last-event-id", last.parse().unwrap());
        }
        server.open("/api/v2/logs/stream", headers).await
    };
    let follow = async |last: Option<&str>| Following::of(open(last).await);

    let mut following = follow(None).await;
    // Its first piece says that the log is followed from here on.
    following.piece().await;
    server.exchange(&job).send().await.expect_token();
    let (id, first) = following.event().await;
    assert_eq!(first["type"], "seccft");
    assert_eq!(first["log_id"], id);
    drop(following);
    server.exchange(&job).send().await.expect_token();
    server.manage("POST", "roles", json!({"name": "r"})).await;

    let mut following = follow(Some(&id)).await;
    assert_eq!(following.event().await.1["type"], "seccft");
    assert_eq!(following.event().await.1["type"], "sapi");

    // No more than ten at once. The place of the one that went is free again, or will be.
    let mut others = Vec::new();
    let refused = loop {
        let answer = open(None).await;
        if answer.status() != 200 {
            break answer.status();
        }
        others.push(answer);
    };
    assert_eq!(refused, 429);
    assert!((8..=9).contains(&others.len()), "{}", others.len());
}

/// A body of server-sent events that is being read.
struct Following {
    body: hyper::body::Incoming,
    text: String,
}

impl Following {
    fn of(answer: http::Response<hyper::body::Incoming>) -> Self {
        let (parts, body) = answer.into_parts();
        assert_eq!(parts.status, 200);
        assert_eq!(parts.headers[header::CONTENT_TYPE], "text/event-stream");
        Self {
            body,
            text: String::new(),
        }
    }

    /// Reads on until there is more.
    async fn piece(&mut self) {
        let frame = self.body.frame().await.unwrap().unwrap();
        let data = frame.into_data().unwrap();
        self.text.push_str(std::str::from_utf8(&data).unwrap());
    }

    /// The identifier and the data of the next event.
    async fn event(&mut self) -> (String, Value) {
        loop {
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                if let Some((id, data)) = event.split_once('\n') {
                    let id = id.strip_prefix("id: ").unwrap().to_owned();
                    let data = data.strip_prefix("data: ").unwrap();
                    return (id, serde_json::from_str(data).unwrap());
                }
            }
            self.piece().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_its_tenants_own_and_there_after_a_restart() {
    let server = TestServer::start().await;
    let job = server.job().await;
    server.exchange(&job).send().await.expect_token();
    let other = server.create_tenant("other", "http://other.example/").await;
    let of_other = other.manage("GET", "logs?per_page=100", Value::Null).await;
    let text = of_other.expect(200).to_string();
    assert!(!text.contains(&job.id), "{text}");
    let before = logs(&server, "q=type:seccft&per_page=1").await;

    let server = server.restart().await;

    let id = before[0]["log_id"].as_str().unwrap();
    let path = format!("logs/{id}");
    let after = server.manage("GET", &path, Value::Null).await.expect(200);
    assert_eq!(after, before[0]);
    other_is_not_found(&server, &path).await;
}

/// Another tenant doesn't find it by its identifier either.
async fn other_is_not_found(server: &TestServer, path: &str) {
    let third = server.create_tenant("third", "http://third.example/").await;
    third.manage("GET", path, Value::Null).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_executions_of_an_action_are_listed_newest_first_and_in_pages() {
    let server = TestServer::start().await;
    let job = server.job().await;
    let (app, ada) = (
        server.app().await,
        server.user("ada@example.com").create().await,
    );
    let [id] = server
        .bind(CREDENTIALS_EXCHANGE, [scripted("counted", json!([]))])
        .await;
    server.bind(POST_LOGIN, [guest("role")]).await;
    let mut ran = Vec::new();
    for _ in 0..5 {
        let reply = server.exchange(&job).send().await.expect_token();
        ran.insert(0, reply.execution_id().to_owned());
        server.login(&app, &ada).send().await.expect_token();
    }
    let page = async |query: &str| {
        let path = format!("actions/actions/{id}/executions?{query}");
        server.manage("GET", &path, Value::Null).await.expect(200)
    };
    let ids = |page: &Value| texts(page["executions"].as_array().unwrap(), "id");

    let all = page("").await;
    assert_eq!(ids(&all), ran);
    assert_eq!(all.get("next"), None);
    let first = page("take=2").await;
    assert_eq!(ids(&first), ran[..2]);
    let next = first["next"].as_str().unwrap();
    let second = page(&format!("take=3&from={next}")).await;
    assert_eq!(ids(&second), ran[2..]);
    assert_eq!(second.get("next"), None);

    let nowhere = "actions/actions/00000000-0000-4000-8000-000000000000/executions";
    server.manage("GET", nowhere, Value::Null).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_write_forges_no_entry_no_member_and_no_line() {
    const FORGED: &str = "x\r\ndata: {\"type\":\"s\"}\n\n\u{1b}[2J\u{202e}\",\"type\":\"s";
    let server = TestServer::start().await;
    let evil = server
        .client(FORGED)
        .grant_types(&["password"])
        .create()
        .await;
    let ada = server.user("ada@example.com").with("name", FORGED);
    let ada = ada.create().await;
    server.login(&evil, &ada).send().await.expect_token();
    let before = logs(&server, "per_page=1").await;
    let before = before[0]["log_id"].as_str().unwrap();

    let reply = server
        .login(&evil, &ada)
        .with("username", FORGED)
        .header(header::USER_AGENT, "x\t\",\"type\":\"s")
        .send()
        .await;
    reply.expect_error(400, "invalid_grant");
    let denies = scripted("denies", json!([["deny", FORGED]]));
    server.bind(POST_LOGIN, [denies]).await;
    let reply = server.login(&evil, &ada).send().await;
    reply.expect_error(400, "access_denied");
    let path = format!("users/{}", ada.in_path());
    server
        .manage("PATCH", &path, json!({"nickname": FORGED}))
        .await
        .expect(200);

    let mut entries = logs(&server, &format!("from={before}&take=100")).await;
    entries.retain(|entry| entry["type"] != "seccft");
    let types = texts(&entries, "type");
    let requests: Vec<&String> = types.iter().filter(|it| *it != "sapi").collect();
    assert_eq!(requests, ["fu", "fepft"], "{entries:?}");
    let shown = json!(entries).to_string();
    for harmful in ["\\n", "\\r", "\\u001b", "\u{202e}"] {
        assert!(!shown.contains(harmful), "{harmful}: {shown}");
    }
    // Nor in the stream, where an empty line ends an event.
    let mut headers = HeaderMap::new();
    let bearer = format!("Bearer {}", server.management_token().await);
    headers.insert(header::AUTHORIZATION, bearer.parse().unwrap());
    let path = format!("/api/v2/logs/stream?from={before}");
    let mut following = Following::of(server.open(&path, headers).await);
    let mut seen = Vec::new();
    while seen.len() < entries.len() {
        let (_, entry) = following.event().await;
        seen.extend((entry["type"] != "seccft").then_some(entry));
    }
    assert_eq!(seen, entries);
}
