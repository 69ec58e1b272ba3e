//! Limits: who sets them, which value holds, and that it does.

use claimsmith_model::{Limit, ServerLimits};
use serde_json::{Value, json};

use crate::harness::{
    API, CREDENTIALS_EXCHANGE, Client, POST_LOGIN, Reply, TestServer, User,
    actions::{ActionFixture, module, module_file},
    command_line::{claimsmith, run_module},
    limits, scripted, server_limits,
};

/// An Action that gives so many commands.
fn commands(count: usize) -> ActionFixture {
    let script: Vec<Value> = (0..count)
        .map(|i| json!(["access_token", format!("https://example.com/{i}"), i]))
        .collect();
    scripted(&format!("gives-{count}-commands"), json!(script))
}

/// The kind of the fault of the first Action that ran for a request without token.
async fn fault(server: &TestServer, reply: &Reply) -> String {
    reply.expect_error(400, "access_denied");
    let execution = server.execution(reply).await;
    let kind = &execution.results()[0]["error"]["id"];
    kind.as_str().unwrap().to_owned()
}

async fn exchange(server: &TestServer, job: &Client) -> Reply {
    server.exchange(job).send().await
}

async fn login(server: &TestServer, app: &Client, user: &User) -> Reply {
    server.login(app, user).send().await
}

async fn grant(server: &TestServer, tenant: &str, limits: Value) {
    let path = format!("tenants/{tenant}");
    let body = json!({ "limits": limits });
    server.platform("PATCH", &path, body).await.expect(200);
}

/// Changes what an Action asks for, and deploys it.
async fn ask_for(server: &TestServer, action: &str, limits: Value) {
    let path = format!("actions/actions/{action}");
    let body = json!({ "limits": limits });
    server.manage("PATCH", &path, body).await.expect(200);
    let deploy = format!("{path}/deploy");
    server
        .manage("POST", &deploy, Value::Null)
        .await
        .expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_limit_holds_for_an_action_that_asks_for_nothing() {
    let server = TestServer::start_within(server_limits([(Limit::Commands, 3)])).await;
    let job = server.job().await;

    server.bind(CREDENTIALS_EXCHANGE, [commands(3)]).await;
    let within = exchange(&server, &job).await.expect_token();
    server.bind(CREDENTIALS_EXCHANGE, [commands(4)]).await;
    let beyond = exchange(&server, &job).await;

    assert_eq!(within.claims()["https://example.com/2"], 2);
    assert_eq!(fault(&server, &beyond).await, "limit");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_cap_holds_from_the_next_token_on_for_actions_deployed_before() {
    let server = TestServer::start().await;
    let job = server.job().await;
    let [action] = server.bind(CREDENTIALS_EXCHANGE, [commands(4)]).await;
    ask_for(&server, &action, json!({ "commands": 100 })).await;
    exchange(&server, &job).await.expect_token();

    grant(&server, "dev", json!({ "commands": 3 })).await;
    assert_eq!(
        fault(&server, &exchange(&server, &job).await).await,
        "limit"
    );

    grant(&server, "dev", json!({ "commands": 4 })).await;
    exchange(&server, &job).await.expect_token();

    grant(&server, "dev", json!({ "commands": 3 })).await;
    grant(&server, "dev", json!({ "commands": null })).await;
    exchange(&server, &job).await.expect_token();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_cap_is_kept_over_a_restart_and_is_no_other_tenants() {
    let server = TestServer::start().await;
    let job = server.job().await;
    server.bind(CREDENTIALS_EXCHANGE, [commands(4)]).await;
    server
        .create_tenant("acme", "https://login.acme.example")
        .await;
    grant(&server, "acme", json!({ "commands": 3 })).await;

    exchange(&server, &job).await.expect_token();
    let server = server.restart().await;

    exchange(&server, &job).await.expect_token();
    let acme = server.platform("GET", "tenants/acme", Value::Null).await;
    let acme = acme.expect(200);
    assert_eq!(acme["limits"], json!({ "commands": 3 }));
    assert_eq!(
        acme["limits_in_force"]["commands"],
        json!({ "default": 3, "max": 3 })
    );
    assert_eq!(
        acme["limits_in_force"]["cache_entries"],
        json!({ "default": 200, "max": 200 })
    );
    assert_eq!(acme["limits_in_force"].get("module_bytes"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_action_asks_for_holds_once_it_is_deployed() {
    let server = TestServer::start().await;
    let job = server.job().await;
    let script = json!([["log_many", 3, "a line"]]);
    let [action] = server
        .bind(CREDENTIALS_EXCHANGE, [scripted("logs", script)])
        .await;
    let path = format!("actions/actions/{action}");
    let lines = async || {
        let reply = exchange(&server, &job).await.expect_token();
        server.execution(&reply).await.logs(0).len()
    };

    let patch = json!({ "limits": { "log_lines": 2, "deadline_ms": 900 } });
    let draft = server.manage("PATCH", &path, patch).await.expect(200);
    assert_eq!(
        draft["limits"],
        json!({ "deadline_ms": 900, "log_lines": 2 })
    );
    assert_eq!(draft["all_changes_deployed"], false);
    assert_eq!(draft["deployed_version"].get("limits"), None);
    assert_eq!(lines().await, 3);

    ask_for(&server, &action, json!({ "deadline_ms": null })).await;
    let deployed = server.manage("GET", &path, Value::Null).await.expect(200);
    assert_eq!(
        deployed["deployed_version"]["limits"],
        json!({ "log_lines": 2 })
    );
    assert_eq!(deployed["all_changes_deployed"], true);
    assert_eq!(lines().await, 2);

    ask_for(&server, &action, Value::Null).await;
    assert_eq!(lines().await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_may_have_more_than_the_default_where_the_ceiling_was_raised() {
    let defaults = limits([(Limit::Commands, 3)]);
    let raised = ServerLimits::new(defaults, limits([(Limit::Commands, 10)])).unwrap();
    let server = TestServer::start_within(raised).await;
    let app = server.app().await;
    let ada = server.user("ada@example.com").create().await;
    let [action] = server.bind(POST_LOGIN, [commands(10)]).await;

    assert_eq!(
        fault(&server, &login(&server, &app, &ada).await).await,
        "limit"
    );
    ask_for(&server, &action, json!({ "commands": 10 })).await;
    login(&server, &app, &ada).await.expect_token();

    // The operator takes it back; what the Action asks for stays, and has no effect.
    let server = server
        .restart_within(server_limits([(Limit::Commands, 9)]))
        .await;
    assert_eq!(
        fault(&server, &login(&server, &app, &ada).await).await,
        "limit"
    );
    let path = format!("actions/actions/{action}");
    let body = json!({ "limits": { "commands": 10, "log_lines": 5 } });
    let sent_back = server.manage("PATCH", &path, body).await.expect(200);
    assert_eq!(
        sent_back["limits"],
        json!({ "commands": 10, "log_lines": 5 })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_that_asks_for_what_it_can_not_have_is_told_how_much_it_can() {
    let server = TestServer::start().await;
    grant(&server, "dev", json!({ "memory_bytes": 1_048_576 })).await;
    let action = server.create_action("greedy", POST_LOGIN).await;
    let path = format!("actions/actions/{action}");
    let message = async |limits: Value| {
        let body = json!({ "limits": limits });
        let answer = server.manage("PATCH", &path, body).await.expect(400);
        answer["message"].as_str().unwrap().to_owned()
    };

    let above_the_cap = message(json!({ "memory_bytes": 1_048_577 })).await;
    assert!(above_the_cap.contains("1048577"), "{above_the_cap}");
    assert!(
        above_the_cap.contains("65536 to 1048576"),
        "{above_the_cap}"
    );
    assert!(
        above_the_cap.contains("the tenant's cap"),
        "{above_the_cap}"
    );
    assert!(
        above_the_cap.contains("limits.memory_bytes"),
        "{above_the_cap}"
    );
    let above_the_ceiling = message(json!({ "commands": 2_001 })).await;
    assert!(
        above_the_ceiling.contains("1 to 2000"),
        "{above_the_ceiling}"
    );
    let unknown = message(json!({ "memory": 1 })).await;
    assert!(unknown.contains("deadline_ms, memory_bytes"), "{unknown}");
    let not_its_own = message(json!({ "cache_entries": 1 })).await;
    assert!(not_its_own.contains("operator"), "{not_its_own}");
    let no_number = message(json!({ "commands": "2" })).await;
    assert!(no_number.contains("whole number"), "{no_number}");

    let stored = server.manage("GET", &path, Value::Null).await.expect(200);
    assert_eq!(stored.get("limits"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_who_grants_what_can_not_be_is_told_so_and_nothing_changes() {
    let server = TestServer::start().await;
    for (wrong, word) in [
        (
            json!({ "limits": { "deadline_ms": 1_001 } }),
            "--limit-max deadline_ms",
        ),
        (json!({ "limits": { "deadline_ms": 9 } }), "10 to 1000"),
        (json!({ "limits": { "deadline": 9 } }), "no such limit"),
        (
            json!({ "limits": { "module_bytes": 70_000 } }),
            "whole server",
        ),
        (
            json!({ "limits": { "log_lines": 1, "commands": -1 } }),
            "limits.commands",
        ),
        (json!({ "limits": [] }), "object"),
        (json!({ "domains": [] }), "limits"),
    ] {
        let answer = server
            .platform("PATCH", "tenants/dev", wrong)
            .await
            .expect(400);
        let message = answer["message"].as_str().unwrap();
        assert!(message.contains(word), "{message}");
    }
    let dev = server
        .platform("GET", "tenants/dev", Value::Null)
        .await
        .expect(200);
    assert_eq!(dev["limits"], json!({}));

    let nobody = json!({ "limits": {} });
    server
        .platform("GET", "tenants/nobody", Value::Null)
        .await
        .expect(404);
    server
        .platform("PATCH", "tenants/nobody", nobody)
        .await
        .expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_sees_its_limits_and_can_not_change_them() {
    let server = TestServer::start().await;
    grant(
        &server,
        "dev",
        json!({ "log_lines": 7, "cache_entries": 9 }),
    )
    .await;

    let settings = server
        .manage("GET", "tenants/settings", Value::Null)
        .await
        .expect(200);

    let shown = &settings["limits"];
    assert_eq!(shown["log_lines"], json!({ "default": 7, "max": 7 }));
    assert_eq!(shown["cache_entries"], json!({ "default": 9, "max": 9 }));
    assert_eq!(
        shown["deadline_ms"],
        json!({ "default": 1_000, "max": 1_000 })
    );
    let more = json!({ "limits": { "log_lines": { "default": 8, "max": 8 } } });
    let refused = server
        .manage("PATCH", "tenants/settings", more)
        .await
        .expect(400);
    assert!(
        refused["message"].as_str().unwrap().contains("operator"),
        "{refused}"
    );
    let sent_back = json!({ "limits": shown, "friendly_name": "Acme" });
    let changed = server
        .manage("PATCH", "tenants/settings", sent_back)
        .await
        .expect(200);
    assert_eq!(
        (&changed["friendly_name"], &changed["limits"]),
        (&json!("Acme"), shown)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_actions_of_a_trigger_share_its_deadline() {
    let server = TestServer::start().await;
    let job = server.job().await;
    grant(&server, "dev", json!({ "trigger_deadline_ms": 100 })).await;
    let never_ends = scripted("never-ends", json!([["loop"]])).on_error("continue");
    let harmless = commands(1).on_error("continue");

    let [_, harmless] = server
        .bind(CREDENTIALS_EXCHANGE, [never_ends, harmless])
        .await;
    let late = exchange(&server, &job).await.expect_token();
    let alone = json!([{ "ref": { "type": "action_id", "value": harmless } }]);
    server
        .set_bindings(CREDENTIALS_EXCHANGE, alone)
        .await
        .expect(200);
    let in_time = exchange(&server, &job).await.expect_token();

    let execution = server.execution(&late).await;
    let error = |run: usize| &execution.results()[run]["error"];
    assert_eq!(
        (&error(0)["id"], &error(1)["id"]),
        (&json!("deadline"), &json!("deadline"))
    );
    let message = error(1)["msg"].as_str().unwrap();
    assert!(
        message.contains("together took longer than 100 ms"),
        "{message}"
    );
    assert_eq!(late.claims().get("https://example.com/0"), None);
    assert_eq!(in_time.claims()["https://example.com/0"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_runs_as_many_exchanges_at_once_as_it_may_and_its_neighbour_goes_on() {
    let server = TestServer::start_within(server_limits([
        (Limit::DeadlineMs, 60_000),
        (Limit::TriggerDeadlineMs, 60_000),
        (Limit::ExecutionsWaiting, 0),
    ]))
    .await;
    let acme = server
        .create_tenant("acme", "https://login.acme.example")
        .await;
    acme.api(API).create().await;
    let (job, acme_job) = (server.job().await, acme.job().await);
    let never_ends = scripted("never-ends", json!([["loop"]]));
    server.bind(CREDENTIALS_EXCHANGE, [never_ends]).await;
    acme.bind(CREDENTIALS_EXCHANGE, [commands(1)]).await;
    grant(&server, "dev", json!({ "executions_in_flight": 1 })).await;

    let (one, two) = (exchange(&server, &job), exchange(&server, &job));
    let (mut one, mut two) = (Box::pin(one), Box::pin(two));
    // One of them computes for a minute; the other has no place, and none to wait in.
    let refused = tokio::select! { reply = &mut one => reply, reply = &mut two => reply };

    assert_eq!(refused.answer.status, 429, "{}", refused.answer.text);
    assert_eq!(refused.answer.header("retry-after"), "2");
    acme.exchange(&acme_job).send().await.expect_token();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_actions_deadline_is_its_own() {
    let server = TestServer::start().await;
    let job = server.job().await;
    let never_ends = scripted("never-ends", json!([["loop"]]));
    let [action] = server.bind(CREDENTIALS_EXCHANGE, [never_ends]).await;
    ask_for(&server, &action, json!({ "deadline_ms": 50 })).await;

    let reply = exchange(&server, &job).await;

    assert_eq!(fault(&server, &reply).await, "deadline");
    let execution = server.execution(&reply).await;
    let message = execution.results()[0]["error"]["msg"].as_str().unwrap();
    assert!(message.contains("50 ms"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_cache_holds_as_many_entries_as_it_may() {
    let server = TestServer::start().await;
    let job = server.job().await;
    let fills = scripted("fills", json!([["cache", "a", "1"], ["cache", "b", "2"]]));
    let script = json!([
        ["echo_cache", "a", "https://example.com/a"],
        ["echo_cache", "b", "https://example.com/b"],
    ]);
    server
        .bind(CREDENTIALS_EXCHANGE, [fills, scripted("shows", script)])
        .await;
    let cached = async || {
        let claims = exchange(&server, &job).await.expect_token().claims();
        let names = ["https://example.com/a", "https://example.com/b"];
        names
            .iter()
            .filter(|name| claims[**name].is_string())
            .count()
    };

    assert_eq!(cached().await, 2);
    for entries in [1, 0] {
        grant(&server, "dev", json!({ "cache_entries": entries })).await;
        assert_eq!(cached().await, entries);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_must_start_within_the_limits_of_its_action() {
    let server = TestServer::start().await;
    let action = server.create_action("small", POST_LOGIN).await;
    let path = format!("actions/actions/{action}");
    let one_page = json!({ "limits": { "memory_bytes": 65_536 } });
    server.manage("PATCH", &path, one_page).await.expect(200);

    let refused = server.upload(&action, module("scripted")).await.expect(400);
    assert_eq!(refused["problems"][0]["code"], "does_not_start");
    let message = refused["problems"][0]["message"].as_str().unwrap();
    assert!(message.contains("65536"), "{message}");

    let usual = json!({ "limits": null });
    server.manage("PATCH", &path, usual).await.expect(200);
    server.upload(&action, module("scripted")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lowered_limit_is_the_fault_of_an_action_that_was_uploaded_before() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let ada = server.user("ada@example.com").create().await;
    server.bind(POST_LOGIN, [commands(1)]).await;
    login(&server, &app, &ada).await.expect_token();

    let one_page = server_limits([(Limit::MemoryBytes, 65_536)]);
    let server = server.restart_within(one_page).await;

    assert_eq!(
        fault(&server, &login(&server, &app, &ada).await).await,
        "memory"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_may_be_as_large_as_the_server_says() {
    let guest = module("scripted");
    let server =
        TestServer::start_within(server_limits([(Limit::ModuleBytes, guest.len() as u64)])).await;
    let action = server.create_action("large", POST_LOGIN).await;

    server.upload(&action, guest.clone()).await.expect(200);
    let mut longer = guest;
    longer.push(0);
    let refused = server.upload(&action, longer).await.expect(413);
    assert!(
        refused["message"].as_str().unwrap().contains("limit"),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_nested_as_deep_as_the_limit_and_no_deeper() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let ada = server.user("ada@example.com").create().await;
    let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    let script = |deepest: usize| {
        json!([
            ["app_metadata", "fits", nested(deepest)],
            ["app_metadata", "too_deep", nested(deepest + 1)],
            ["access_token", "https://example.com/fits", nested(deepest)],
            [
                "access_token",
                "https://example.com/too_deep",
                nested(deepest + 1)
            ],
        ])
    };
    for (deepest, limits) in [(32, json!({})), (2, json!({ "json_depth": 2 }))] {
        let name = format!("nests-{deepest}");
        let [action] = server
            .bind(POST_LOGIN, [scripted(&name, script(deepest))])
            .await;
        ask_for(&server, &action, limits).await;

        let reply = server.login(&app, &ada).send().await.expect_token();

        let claims = reply.claims();
        assert_eq!(claims["https://example.com/fits"], nested(deepest));
        assert_eq!(claims.get("https://example.com/too_deep"), None);
        let execution = server.execution(&reply).await;
        let refused = [(
            "access_token",
            "https://example.com/too_deep",
            "value_too_deep",
        )];
        assert_eq!(execution.refused(), refused);
        let refused = &execution.results()[0]["refused_commands"];
        assert_eq!(refused.as_array().unwrap().len(), 1);
        assert_eq!(refused[0]["code"], "value_too_deep", "{refused}");
        let metadata = &server.stored_user(&ada).await["app_metadata"];
        assert_eq!(metadata, &json!({ "fits": nested(deepest) }));
    }
}

/// What `claimsmith limits` prints, or why it doesn't.
fn limits_command(arguments: &[&str], variables: &[(&str, &str)]) -> Result<String, String> {
    let mut command = claimsmith();
    command.arg("limits").args(arguments);
    let output = command.envs(variables.iter().copied()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    if output.status.success() {
        Ok(text(output.stdout))
    } else {
        assert_eq!(output.status.code(), Some(2));
        Err(text(output.stderr))
    }
}

#[test]
fn the_documents_and_the_command_line_say_the_same_of_every_limit() {
    let documents = include_str!("../../docs/limits.md");
    let printed = limits_command(&[], &[]).unwrap();
    for limit in Limit::ALL {
        let spec = limit.spec();
        let [default, lowest, highest] =
            [spec.default, spec.lowest, spec.highest].map(|value| spec.shown(value));
        let row = format!(
            "| `{limit}` | {default} | {lowest} to {highest} | {} | {} | {} |",
            spec.bounds, spec.beyond, spec.why
        );
        assert!(
            documents.contains(&row),
            "docs/limits.md lacks the row\n{row}"
        );
        assert!(
            printed.contains(&format!("  {limit} = {default}")),
            "{limit}: {printed}"
        );
        for text in [spec.bounds, spec.beyond, spec.why] {
            assert!(printed.contains(text), "{limit}: {printed}");
        }
    }
    let rows = documents
        .lines()
        .filter(|line| line.starts_with("| `"))
        .count();
    assert_eq!(
        rows,
        Limit::ALL.len(),
        "docs/limits.md has a row that is no limit"
    );
}

#[test]
fn the_command_line_shows_what_its_options_make_of_the_limits() {
    let printed = limits_command(
        &["--limit-max", "deadline_ms=3s"],
        &[("CLAIMSMITH_LIMITS", "memory_bytes=128MiB,deadline_ms=2s")],
    )
    .unwrap();
    assert!(
        printed.contains("memory_bytes = 128 MiB, ceiling 128 MiB"),
        "{printed}"
    );
    assert!(
        printed.contains("deadline_ms = 2000 ms, ceiling 3000 ms"),
        "{printed}"
    );

    for (wrong, word) in [
        (
            ["--limit", "memory=1"],
            "there are deadline_ms, memory_bytes",
        ),
        (["--limit", "memory_bytes=1TB"], "KiB, MiB or GiB"),
        (["--limit", "memory_bytes=2GiB"], "65536 to 1073741824"),
        (["--limit-max", "deadline_ms=500"], "ceiling 500"),
        (["--limit-max", "module_bytes=1MiB"], "no ceiling"),
    ] {
        let error = limits_command(&wrong, &[]).unwrap_err();
        assert!(error.contains(word), "{wrong:?}: {error}");
    }
}

#[test]
fn a_local_run_has_the_limits_that_it_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let event = folder.path().join("event.json");
    std::fs::write(&event, "{}").unwrap();
    let script = json!([["log_many", 3, API]]).to_string();
    let run = |limit: &str| {
        let secret = format!("SCRIPT={script}");
        let arguments = [
            "--trigger",
            "post-login",
            "--secret",
            &secret,
            "--limit",
            limit,
        ];
        let output = run_module(&module_file("scripted"), &event, &arguments);
        serde_json::from_slice::<Value>(&output.stdout).unwrap_or_default()
    };

    assert_eq!(run("log_lines=3")["logs"].as_array().unwrap().len(), 3);
    assert_eq!(run("log_lines=2")["logs"].as_array().unwrap().len(), 2);
    assert_eq!(
        run("cache_entries=2"),
        Value::Null,
        "there is no such limit here"
    );
}
