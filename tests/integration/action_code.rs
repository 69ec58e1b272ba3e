//! An Action's `code`: its module as text, or by name, or what can't run.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::harness::{CREDENTIALS_EXCHANGE, TestServer, actions::module};

fn data_url(module: &[u8]) -> String {
    format!("data:application/wasm;base64,{}", STANDARD.encode(module))
}

fn name(module: &[u8]) -> String {
    let digest = digest(&SHA256, module);
    let hex = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
    format!("sha256:{}", hex.collect::<String>())
}

fn action(name: &str, code: &str) -> Value {
    let trigger = json!({"id": CREDENTIALS_EXCHANGE, "version": "v2"});
    json!({"name": name, "supported_triggers": [trigger], "code": code})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_goes_in_and_out_as_code_and_the_same_again_changes_nothing() {
    let server = TestServer::start_empty().await;
    let code = data_url(&module("department"));
    let mut body = action("department", &format!("{code}\n"));
    body["deploy"] = json!(true);

    let created = server
        .manage("POST", "actions/actions", body)
        .await
        .expect(201);

    assert_eq!(created["status"], "built");
    assert_eq!(created["all_changes_deployed"], true);
    assert_eq!(created["code"], code);
    let version = &created["deployed_version"];
    assert_eq!(version["number"], 1);
    assert_eq!(version["code"], name(&module("department")));

    let path = format!("actions/actions/{}", created["id"].as_str().unwrap());
    for same in [created["code"].clone(), version["code"].clone()] {
        let again = server.manage("PATCH", &path, json!({"code": same})).await;
        assert_eq!(again.expect(200)["updated_at"], created["updated_at"]);
    }
    let deploy = format!("{path}/deploy");
    let again = server
        .manage("POST", &deploy, Value::Null)
        .await
        .expect(200);
    assert_eq!(again["id"], version["id"], "no new version");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_module_as_code_is_refused_and_stores_nothing() {
    let server = TestServer::start_empty().await;
    let wrong = data_url(b"not wasm at all");
    let other_trigger = data_url(&module("role"));

    for code in [&wrong, &other_trigger] {
        let refused = server.manage("POST", "actions/actions", action("a", code));
        let refused = refused.await.expect(400);
        assert_eq!(refused["errorCode"], "invalid_module", "{refused}");
    }

    let list = server.manage("GET", "actions/actions", Value::Null).await;
    assert_eq!(list.expect(200)["actions"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn code_that_can_not_run_is_stored_as_failed_with_what_to_do() {
    let server = TestServer::start_empty().await;
    let javascript = "exports.onExecuteCredentialsExchange = async () => {};";
    let unknown = name(&module("department"));

    for (code, id) in [(javascript, "not_a_module"), (&unknown, "unknown_module")] {
        let created = server.manage("POST", "actions/actions", action(id, code));
        let created = created.await.expect(201);
        assert_eq!(created["status"], "failed");
        assert_eq!(created["code"], code);
        assert_eq!(created["errors"][0]["id"], id);
        let path = format!("actions/actions/{}", created["id"].as_str().unwrap());
        for call in ["deploy", "test"] {
            let body = json!({"payload": {"event": {}}});
            let refused = server.manage("POST", &format!("{path}/{call}"), body).await;
            let message = refused.expect(400)["message"].to_string();
            assert!(message.contains("The draft can't run: "), "{message}");
            // What Auth0's deploy tool waits for.
            assert!(!message.contains("'built' state"), "{message}");
        }

        let uploaded = server.upload(created["id"].as_str().unwrap(), module("both-triggers"));
        let built = uploaded.await.expect(200);
        assert_eq!(
            (&built["status"], &built["errors"]),
            (&json!("built"), &Value::Null)
        );
        assert_eq!(built["code"], data_url(&module("both-triggers")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn text_in_the_place_of_a_module_ends_the_draft_and_not_what_runs() {
    let server = TestServer::start_empty().await;
    let mut body = action("department", &data_url(&module("department")));
    body["deploy"] = json!(true);
    let created = server
        .manage("POST", "actions/actions", body)
        .await
        .expect(201);
    let path = format!("actions/actions/{}", created["id"].as_str().unwrap());

    let text = json!({"code": "exports.onExecuteCredentialsExchange = 1;"});
    let failed = server.manage("PATCH", &path, text).await.expect(200);

    assert_eq!(failed["status"], "failed");
    assert_eq!(failed["module"], Value::Null);
    assert_eq!(failed["all_changes_deployed"], false);
    assert_eq!(failed["deployed_version"]["status"], "built");
    // Back by name, because a version still has the module.
    let back = json!({"code": failed["deployed_version"]["code"]});
    let back = server.manage("PATCH", &path, back).await.expect(200);
    assert_eq!(back["all_changes_deployed"], true);
    assert_eq!(back["code"], created["code"]);
}
