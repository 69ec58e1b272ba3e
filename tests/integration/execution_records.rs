//! What can be read of an execution.

use serde_json::{Value, json};

use crate::harness::{CREDENTIALS_EXCHANGE, POST_LOGIN, TestServer, scripted};

#[tokio::test(flavor = "multi_thread")]
async fn a_record_has_timings_logs_and_claims_and_is_readable_at_once() {
    let server = TestServer::start().await;
    let (app, ada) = (
        server.app().await,
        server.user("ada@example.com").create().await,
    );
    let script = json!([
        ["log", "debug", "looking"],
        ["access_token", "https://example.com/role", "editor"],
        ["log", "info", "two\nlines"],
        ["access_token", "sub", "somebody else"],
        ["id_token", "https://example.com/theme", {"dark": true}],
        ["log", "warn", "careful"],
        ["log", "error", "oh"],
    ]);
    let ids = server.bind(POST_LOGIN, [scripted("chatty", script)]).await;
    let bound = server
        .manage("GET", "actions/triggers/post-login/bindings", Value::Null)
        .await;
    let bound = bound.expect(200);

    let reply = server
        .login(&app, &ada)
        .scope("openid")
        .send()
        .await
        .expect_token();
    let execution = server.execution(&reply).await;

    let record = &execution.0;
    assert_eq!(record["id"], reply.execution_id());
    assert_eq!(record["trigger_id"], POST_LOGIN);
    assert_eq!(record["status"], "final");
    assert_eq!(record["outcome"], "issued");
    assert_eq!(record["client_id"], app.id);
    assert_eq!(record["user_id"], ada.id);
    assert_eq!(record["grant_type"], "password");
    assert_eq!(execution.actions(), ["chatty"]);
    assert_eq!(
        execution.logs(0),
        [
            ("debug", "looking"),
            ("info", "two\nlines"),
            ("warn", "careful"),
            ("error", "oh")
        ]
    );
    assert_eq!(
        execution.admitted(),
        [
            ("access_token", "https://example.com/role", &json!("editor")),
            (
                "id_token",
                "https://example.com/theme",
                &json!({"dark": true})
            ),
        ]
    );
    assert_eq!(
        execution.refused(),
        [("access_token", "sub", "reserved_name")]
    );

    let run = &execution.results()[0];
    assert_eq!(run["binding_id"], bound["bindings"][0]["id"]);
    let action = server
        .manage("GET", &format!("actions/actions/{}", ids[0]), Value::Null)
        .await;
    assert_eq!(
        run["version_id"],
        action.expect(200)["deployed_version"]["id"]
    );
    let stats = &run["response"]["stats"];
    assert!(stats["action_duration_us"].as_u64().unwrap() > 0, "{stats}");
    assert!(
        stats["memory_bytes_peak"].as_u64().unwrap() >= 65_536,
        "{stats}"
    );
    assert_eq!(run.get("error"), None);
    assert!(record["created_at"].as_str().unwrap() <= record["updated_at"].as_str().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_and_its_reason_are_in_the_record() {
    let server = TestServer::start().await;
    let (app, ada) = (
        server.app().await,
        server.user("ada@example.com").create().await,
    );
    let script = json!([
        ["access_token", "https://example.com/role", "editor"],
        ["deny", "not on Sundays"],
        ["log", "info", "after denying"],
    ]);
    server.bind(POST_LOGIN, [scripted("closed", script)]).await;

    let reply = server.login(&app, &ada).send().await;

    reply.expect_error(400, "access_denied");
    let execution = server.execution(&reply).await;
    assert_eq!(execution.0["outcome"], "denied");
    assert_eq!(execution.0["denial"]["reason"], "not on Sundays");
    assert_eq!(execution.logs(0), [("info", "after denying")]);
    assert_eq!(execution.admitted(), [], "no token, so no claim is in one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_beyond_its_limit_is_cut_and_the_record_says_how_much() {
    let server = TestServer::start().await;
    let job = server.job().await;
    let line = "x".repeat(1_024);

    // The limit is 64 KiB.
    for (written, dropped) in [(64, 0), (65, 1_024)] {
        let script = json!([["log_many", written, line]]);
        let name = format!("writes-{written}-lines");
        server
            .bind(CREDENTIALS_EXCHANGE, [scripted(&name, script)])
            .await;
        let reply = server.exchange(&job).send().await.expect_token();

        let execution = server.execution(&reply).await;
        assert_eq!(execution.logs(0).len(), 64);
        assert_eq!(execution.results()[0]["log_bytes_dropped"], dropped);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_execution_is_not_found() {
    let server = TestServer::start().await;
    let job = server.job().await;
    let reply = server.exchange(&job).send().await.expect_token();
    let mut id = reply.execution_id().to_owned();
    let last = id.pop().unwrap();
    id.push(if last == '0' { '1' } else { '0' });

    let answer = server
        .manage("GET", &format!("actions/executions/{id}"), Value::Null)
        .await;

    assert_eq!(
        answer.expect(404)["message"],
        "That execution does not exist."
    );
}
