//! Trying out a draft before it runs for anybody.

use serde_json::{Value, json};

use crate::harness::{
    API, CREDENTIALS_EXCHANGE, POST_LOGIN, TestServer, actions::ActionFixture, scripted,
};

/// An Action with a module and secrets, and nothing deployed.
async fn draft(server: &TestServer, trigger: &str, action: ActionFixture) -> String {
    let id = server.create_action(&action.name, trigger).await;
    let body = json!({"secrets": action.secrets});
    let path = format!("actions/actions/{id}");
    server.manage("PATCH", &path, body).await.expect(200);
    server.upload(&id, action.module).await.expect(200);
    id
}

/// What a trial with this event answers.
async fn try_out(server: &TestServer, id: &str, event: Value) -> Value {
    let path = format!("actions/actions/{id}/test");
    let body = json!({"payload": {"event": event}});
    server.manage("POST", &path, body).await.expect(200)["payload"].take()
}

fn claims(list: &Value, members: [&str; 2]) -> Vec<[String; 2]> {
    let text = |value: &Value| value.as_str().map_or(value.to_string(), str::to_owned);
    let list = list.as_array().unwrap().iter();
    list.map(|claim| members.map(|member| text(&claim[member])))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_that_is_tried_out_shows_what_a_token_of_it_then_holds() {
    let server = TestServer::start().await;
    let (app, ada) = (
        server.app().await,
        server.user("ada@example.com").create().await,
    );
    let script = json!([
        ["log", "info", "trying"],
        ["access_token", "https://example.com/role", "editor"],
        ["access_token", "role", "editor"],
        ["access_token", "https://acme.auth0.com/role", "editor"],
        ["id_token", "https://example.com/theme", "dark"],
        ["id_token", "email", "somebody@example.com"],
        ["add_scope", "read:reports"],
        ["app_metadata", "seen", true],
        ["cache", "key", "kept"],
        ["transaction_metadata", "step", 2],
    ]);
    let id = draft(&server, POST_LOGIN, scripted("draft", script)).await;

    let trial = try_out(
        &server,
        &id,
        json!({
            "user": {"user_id": ada.id, "email": ada.email},
            "resource_server": {"identifier": API},
            "transaction": {"requested_scopes": ["openid", "email"]},
        }),
    )
    .await;

    // Nothing of it was kept, and nothing runs.
    assert_eq!(server.stored_user(&ada).await["app_metadata"], json!({}));
    let before = server.login(&app, &ada).scope("openid email").send().await;
    let before = before.expect_token();
    assert_eq!(before.claims().get("https://example.com/role"), None);

    // The same Action, deployed and bound, does the same.
    let path = format!("actions/actions/{id}/deploy");
    server.manage("POST", &path, Value::Null).await.expect(200);
    let binding = json!([{"ref": {"type": "action_id", "value": id}}]);
    server.set_bindings(POST_LOGIN, binding).await.expect(200);
    let reply = server.login(&app, &ada).scope("openid email").send().await;
    let reply = reply.expect_token();
    let record = server.execution(&reply).await;
    assert_eq!(trial["claims"], record.0["claims"]);
    assert_eq!(trial["outcome"], record.0["outcome"]);
    assert_eq!(trial["warnings"], record.0["warnings"]);
    let run = &record.results()[0];
    for member in ["logs", "refused_commands", "http_calls"] {
        assert_eq!(trial[member], run[member], "{member}");
    }
    assert_eq!(reply.claims()["https://example.com/role"], "editor");
    assert_eq!(
        claims(&trial["claims"]["refused"], ["claim", "code"]),
        [
            ["role", "not_namespaced"],
            ["https://acme.auth0.com/role", "reserved_namespace"],
            ["email", "reserved_name"],
        ]
    );
    for refused in trial["claims"]["refused"].as_array().unwrap() {
        assert!(!refused["remedy"].as_str().unwrap().is_empty(), "{refused}");
    }
    let mut scopes: Vec<&str> = reply.body["scope"].as_str().unwrap().split(' ').collect();
    scopes.sort_unstable();
    assert_eq!(trial["scopes"], json!(["openid", "email", "read:reports"]));
    assert_eq!(scopes, ["email", "openid", "read:reports"]);
    assert_eq!(trial["transaction"]["metadata"], json!({"step": 2}));
    let commands = claims(&trial["commands"], ["command", "key"]);
    assert_eq!(
        commands,
        [["user.set-app-metadata", "seen"], ["cache.set", "key"]]
    );
    assert_eq!(trial.get("error"), None);
    assert!(trial["stats"]["action_duration_us"].as_u64().unwrap() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_reads_the_cache_that_tokens_use_and_writes_none() {
    let server = TestServer::start().await;
    let job = server.job().await;
    let bound = json!([["cache", "key", "of a token"]]);
    server
        .bind(CREDENTIALS_EXCHANGE, [scripted("bound", bound)])
        .await;
    server.exchange(&job).send().await.expect_token();
    let script = json!([
        ["echo_cache", "key", "https://example.com/before"],
        ["cache", "key", "of a trial"],
    ]);
    let id = draft(&server, CREDENTIALS_EXCHANGE, scripted("draft", script)).await;

    for _ in 0..2 {
        let trial = try_out(&server, &id, json!({})).await;

        let admitted = claims(&trial["claims"]["admitted"], ["claim", "value"]);
        assert_eq!(admitted, [["https://example.com/before", "of a token"]]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_the_draft_is_an_answer_with_its_text_and_without_its_claims() {
    let server = TestServer::start().await;
    for (name, last, kind, text) in [
        (
            "fails",
            json!(["fail", "out of milk"]),
            "guest_error",
            "out of milk",
        ),
        ("panics", json!(["panic", "spilt"]), "trap", "unreachable"),
        ("loops", json!(["loop"]), "deadline", "1000 ms"),
    ] {
        let script = json!([["access_token", "https://example.com/a", 1], last]);
        let id = draft(&server, CREDENTIALS_EXCHANGE, scripted(name, script)).await;

        let trial = try_out(&server, &id, json!({})).await;

        assert_eq!(trial["outcome"], "failed", "{trial}");
        assert_eq!(trial["error"]["name"], kind, "{trial}");
        assert_eq!(trial["error"]["blame"], "action", "{trial}");
        let message = trial["error"]["message"].as_str().unwrap();
        assert!(message.contains(text), "{message}");
        assert_eq!(trial["claims"]["admitted"], json!([]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_and_claims_that_no_token_would_show_are_told() {
    let server = TestServer::start().await;
    let script = json!([["deny", "not on Sundays"]]);
    let id = draft(&server, POST_LOGIN, scripted("closed", script)).await;
    let trial = try_out(&server, &id, json!({"user": {"user_id": "auth0|1"}})).await;
    assert_eq!(trial["outcome"], "denied");
    assert_eq!(trial["denial"]["reason"], "not on Sundays");

    let script = json!([
        ["access_token", "https://example.com/a", 1],
        ["id_token", "https://example.com/b", 2],
    ]);
    let id = draft(&server, POST_LOGIN, scripted("unseen", script)).await;
    let trial = try_out(&server, &id, json!({"user": {"user_id": "auth0|1"}})).await;
    assert_eq!(trial["claims"]["admitted"], json!([]));
    let codes = trial["warnings"].as_array().unwrap().iter();
    let codes: Vec<_> = codes.map(|it| it["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["opaque_access_token", "no_id_token"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_needs_a_module_and_an_event_that_is_one() {
    let server = TestServer::start().await;
    let id = server.create_action("pending", POST_LOGIN).await;
    let path = format!("actions/actions/{id}/test");
    let send = async |path: &str, body| server.manage("POST", path, body).await;

    let event = json!({"payload": {"event": {}}});
    let body = send(&path, event.clone()).await.expect(400);
    let message = body["message"].as_str().unwrap();
    assert!(message.contains("no module yet"), "{message}");
    for (wrong, words) in [
        (json!({}), "payload"),
        (json!({"payload": {}}), "event"),
        (json!({"payload": {"event": []}}), "object"),
        (json!({"payload": {"event": {"user": 7}}}), "payload.event"),
        (json!({"payload": {"event": {}}, "draft": true}), "draft"),
    ] {
        let body = send(&path, wrong.clone()).await.expect(400);
        assert_eq!(body["errorCode"], "invalid_body", "{wrong}");
        let message = body["message"].as_str().unwrap();
        assert!(message.contains(words), "{wrong}: {message}");
    }
    let nowhere = "actions/actions/00000000-0000-4000-8000-000000000000/test";
    send(nowhere, event).await.expect(404);
}
