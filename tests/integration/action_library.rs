//! Uploading, deploying and binding Actions, and what is refused.

use serde_json::{Value, json};

use crate::harness::{CREDENTIALS_EXCHANGE, POST_LOGIN, TestServer, actions::module, guest};

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_no_action_is_refused_with_what_is_wrong_and_changes_nothing() {
    let server = TestServer::start_empty().await;
    let id = server
        .create_action("department", CREDENTIALS_EXCHANGE)
        .await;
    let path = format!("actions/actions/{id}");
    let get = async || server.manage("GET", &path, Value::Null).await.expect(200);
    server.upload(&id, module("department")).await.expect(200);
    server
        .manage("POST", &format!("{path}/deploy"), Value::Null)
        .await
        .expect(200);
    let before = get().await;
    let mut truncated = module("department");
    truncated.truncate(truncated.len() / 2);

    for (what, bytes, code) in [
        ("text", b"console.log('hello')".to_vec(), "not_wasm"),
        ("nothing", Vec::new(), "not_wasm"),
        ("half a module", truncated, "malformed"),
        (
            "a module without contract",
            wat::parse_str("(module)").unwrap(),
            "no_contract",
        ),
        (
            "a component without trigger",
            wat::parse_str("(component)").unwrap(),
            "no_trigger",
        ),
        (
            "an import that isn't offered",
            wat::parse_str(r#"(component (import "acme:vault/keys@1.0.0" (instance)))"#).unwrap(),
            "import_not_offered",
        ),
        ("another trigger's module", module("role"), "wrong_trigger"),
    ] {
        let body = server.upload(&id, bytes).await.expect(400);

        assert_eq!(body["errorCode"], "invalid_module", "{what}");
        let problems = body["problems"].as_array().unwrap();
        assert!(
            problems.iter().any(|it| it["code"] == code),
            "{what}: {body}"
        );
        let message = body["message"].as_str().unwrap();
        assert!(message.contains("nothing was stored"), "{what}: {message}");
        for problem in problems {
            assert!(
                message.contains(problem["message"].as_str().unwrap()),
                "{what}: {message}"
            );
        }
        assert_eq!(get().await, before, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_100_megabytes_is_refused() {
    let server = TestServer::start_empty().await;
    let id = server.create_action("huge", CREDENTIALS_EXCHANGE).await;

    let body = server.upload(&id, vec![0; 100 << 20]).await.expect(413);

    assert!(
        body["message"].as_str().unwrap().contains("bytes"),
        "{body}"
    );
    let action = server
        .manage("GET", &format!("actions/actions/{id}"), Value::Null)
        .await;
    assert_eq!(action.expect(200)["status"], "pending");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_uploaded_draft_is_built_and_runs_once_deployed() {
    let server = TestServer::start_empty().await;
    let id = server
        .create_action("department", CREDENTIALS_EXCHANGE)
        .await;
    let path = format!("actions/actions/{id}");

    let uploaded = server.upload(&id, module("department")).await.expect(200);
    assert_eq!(uploaded["status"], "built");
    assert_eq!(uploaded["runtime"], "wasm");
    assert_eq!(
        uploaded["module"]["triggers"],
        json!(["credentials-exchange"])
    );
    assert_eq!(uploaded.get("deployed_version"), None);
    assert_eq!(uploaded["all_changes_deployed"], false);

    server
        .manage("POST", &format!("{path}/deploy"), Value::Null)
        .await
        .expect(200);
    let deployed = server.manage("GET", &path, Value::Null).await.expect(200);
    assert_eq!(deployed["deployed_version"]["number"], 1);
    assert_eq!(deployed["all_changes_deployed"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_deployed_can_be_bound() {
    let server = TestServer::start_empty().await;
    let pending = server.create_action("pending", POST_LOGIN).await;
    server.bind(POST_LOGIN, [guest("role")]).await;
    let by = |kind: &str, value: &str| json!([{"ref": {"type": kind, "value": value}}]);

    for (bindings, words) in [
        (by("action_id", &pending), "not been deployed"),
        (by("action_name", "pending"), "not been deployed"),
        (by("action_name", "nowhere"), "nowhere"),
        (
            by("action_id", "00000000-0000-4000-8000-000000000000"),
            "no action",
        ),
        (
            by("binding_id", "00000000-0000-4000-8000-000000000000"),
            "no binding",
        ),
        (by("action_key", "role"), "oneOf"),
        (json!([{}]), "ref"),
        (
            json!([{"ref": {"type": "action_name", "value": "role"}, "on_error": "shrug"}]),
            "on_error",
        ),
    ] {
        let body = server
            .set_bindings(POST_LOGIN, bindings.clone())
            .await
            .expect(400);
        let message = body["message"].as_str().unwrap();
        assert!(message.contains(words), "{bindings}: {message}");
    }

    let role = by("action_name", "role");
    let body = server
        .set_bindings(CREDENTIALS_EXCHANGE, role)
        .await
        .expect(400);
    assert!(
        body["message"]
            .as_str()
            .unwrap()
            .contains("credentials-exchange"),
        "{body}"
    );
    assert_eq!(server.bound(POST_LOGIN).await, ["role"]);
    assert_eq!(server.bound(CREDENTIALS_EXCHANGE).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn bindings_that_somebody_else_changed_are_not_overwritten() {
    let server = TestServer::start_empty().await;
    server.bind(POST_LOGIN, [guest("role")]).await;
    let path = "/api/v2/actions/triggers/post-login/bindings";
    let token = server.management_token().await;
    let get = async || server.ask("GET", path, Some(&token), Value::Null).await;
    let replace = async |etag: &str| {
        let mut headers = ::http::HeaderMap::new();
        headers.insert(
            ::http::header::AUTHORIZATION,
            format!("Bearer {token}").parse().unwrap(),
        );
        headers.insert(
            ::http::header::CONTENT_TYPE,
            "application/json".parse().unwrap(),
        );
        headers.insert(::http::header::IF_MATCH, etag.parse().unwrap());
        server
            .send("PATCH", path, headers, r#"{"bindings":[]}"#)
            .await
    };
    let known = get().await.header("etag").to_owned();
    server.bind(POST_LOGIN, [guest("both-triggers")]).await;

    replace(&known).await.expect(412);
    assert_eq!(server.bound(POST_LOGIN).await, ["both-triggers"]);

    let now = get().await.header("etag").to_owned();
    replace(&now).await.expect(200);
    assert_eq!(server.bound(POST_LOGIN).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_without_a_module_can_not_be_deployed() {
    let server = TestServer::start_empty().await;
    let id = server.create_action("pending", POST_LOGIN).await;

    let path = format!("actions/actions/{id}/deploy");
    let body = server.manage("POST", &path, Value::Null).await.expect(400);

    let message = body["message"].as_str().unwrap();
    assert!(message.contains("has no module yet"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bound_action_is_deleted_only_by_force_and_its_binding_with_it() {
    let server = TestServer::start().await;
    let (app, ada) = (
        server.app().await,
        server.user("ada@example.com").create().await,
    );
    let [role, _] = server
        .bind(POST_LOGIN, [guest("role"), guest("both-triggers")])
        .await;
    let path = format!("actions/actions/{role}");

    let body = server
        .manage("DELETE", &path, Value::Null)
        .await
        .expect(409);
    let message = body["message"].as_str().unwrap();
    assert!(
        message.contains("Unable to delete an action bound to a trigger."),
        "{message}"
    );
    assert_eq!(server.bound(POST_LOGIN).await, ["role", "both-triggers"]);

    server
        .manage("DELETE", &format!("{path}?force=true"), Value::Null)
        .await
        .expect(204);
    server.manage("GET", &path, Value::Null).await.expect(404);
    assert_eq!(server.bound(POST_LOGIN).await, ["both-triggers"]);
    let reply = server.login(&app, &ada).send().await.expect_token();
    assert_eq!(server.execution(&reply).await.actions(), ["both-triggers"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admin_api_wants_a_token_with_the_right_scope() {
    let server = TestServer::start_empty().await;
    let audience = server.management_audience.clone();
    let reader = server
        .client("reader")
        .may_call(&audience, &["read:actions"])
        .create()
        .await;
    let reply = server
        .exchange(&reader)
        .audience(&audience)
        .send()
        .await
        .expect_token();
    let token = reply.access_token();
    let path = "/api/v2/actions/actions";

    server.ask("GET", path, None, Value::Null).await.expect(401);
    server
        .ask("GET", path, Some("nonsense"), Value::Null)
        .await
        .expect(401);
    server
        .ask("GET", path, Some(token), Value::Null)
        .await
        .expect(200);
    let body = server
        .ask("POST", path, Some(token), json!({"name": "x"}))
        .await
        .expect(403);
    assert_eq!(body["errorCode"], "insufficient_scope");
    assert!(
        body["message"].as_str().unwrap().contains("create:actions"),
        "{body}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_never_shown() {
    let server = TestServer::start_empty().await;
    let action = guest("role").secret("KEY", "s3cret-value");
    let [id] = server.bind(POST_LOGIN, [action]).await;

    for path in [
        format!("actions/actions/{id}"),
        format!("actions/actions/{id}/versions"),
        "actions/actions".to_owned(),
        "actions/triggers/post-login/bindings".to_owned(),
    ] {
        let answer = server.manage("GET", &path, Value::Null).await;
        assert_eq!(answer.status, 200);
        assert!(!answer.text.contains("s3cret-value"), "{path}");
    }
    let shown = server
        .manage("GET", &format!("actions/actions/{id}"), Value::Null)
        .await;
    assert_eq!(shown.expect(200)["secrets"][0]["name"], "KEY");
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_properties_and_invalid_json_are_refused_and_create_nothing() {
    let server = TestServer::start_empty().await;
    let before = server
        .manage("GET", "clients", Value::Null)
        .await
        .expect(200);

    let body = json!({"name": "app", "grant_type": ["password"]});
    let body = server.manage("POST", "clients", body).await.expect(400);
    assert_eq!(body["errorCode"], "invalid_body");
    assert!(
        body["message"].as_str().unwrap().contains("grant_type"),
        "{body}"
    );
    let body = server
        .manage("POST", "clients", json!({"name": "<app>"}))
        .await
        .expect(400);
    assert!(body["message"].as_str().unwrap().contains("name"), "{body}");

    let mut headers = ::http::HeaderMap::new();
    let token = format!("Bearer {}", server.management_token().await);
    headers.insert(::http::header::AUTHORIZATION, token.parse().unwrap());
    headers.insert(
        ::http::header::CONTENT_TYPE,
        "application/json".parse().unwrap(),
    );
    let body = server
        .send("POST", "/api/v2/clients", headers, "{\"name\":")
        .await
        .expect(400);
    assert!(
        body["message"].as_str().unwrap().contains("Invalid JSON"),
        "{body}"
    );

    assert_eq!(
        server
            .manage("GET", "clients", Value::Null)
            .await
            .expect(200),
        before
    );
}
