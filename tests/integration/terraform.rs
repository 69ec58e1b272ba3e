//! What Terraform's provider of the reference product asks for, call by call, as its
//! recorded traffic shows; the provider itself is in no package registry.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::harness::{CREDENTIALS_EXCHANGE, TestServer, actions::module};

#[tokio::test(flavor = "multi_thread")]
async fn terraforms_sequence_makes_binds_changes_and_destroys_an_action() {
    let server = TestServer::start_empty().await;
    let ask = async |method: &str, path: &str, body: Value, status: u16| {
        server.manage(method, path, body).await.expect(status)
    };
    let get = async |path: &str| ask("GET", path, Value::Null, 200).await;
    let code = |folder: &str| {
        format!(
            "data:application/wasm;base64,{}",
            STANDARD.encode(module(folder))
        )
    };
    let mut resource = json!({
        "name": "department",
        "supported_triggers": [{"id": CREDENTIALS_EXCHANGE, "version": "v2"}],
        "code": code("department"),
        "runtime": "wasm",
        "secrets": [{"name": "KEY", "value": "value"}],
    });

    // Create, wait for the build, deploy, wait for the deployment, read.
    let created = ask("POST", "actions/actions", resource.clone(), 201).await;
    let id = created["id"].as_str().unwrap();
    let action = format!("actions/actions/{id}");
    assert_eq!(
        get(&action).await["status"],
        "built",
        "the first look is enough"
    );
    let deploy = format!("{action}/deploy");
    let version = ask("POST", &deploy, Value::Null, 200).await;
    let read = get(&action).await;
    assert_eq!(read["deployed_version"]["id"], version["id"]);
    assert_eq!(read["deployed_version"]["deployed"], true);
    assert_eq!(read["deployed_version"]["number"], 1);
    for property in ["name", "supported_triggers", "code", "runtime"] {
        assert_eq!(
            read[property], resource[property],
            "no difference to plan for"
        );
    }

    // Bind, and read page by page until one is empty.
    let bindings = format!("actions/triggers/{CREDENTIALS_EXCHANGE}/bindings");
    let bound = json!({"bindings": [
        {"ref": {"type": "action_id", "value": id}, "display_name": "Department"},
    ]});
    ask("PATCH", &bindings, bound, 200).await;
    let first = get(&format!("{bindings}?page=0&per_page=100")).await;
    assert_eq!(first["total"], 1);
    assert_eq!(first["bindings"][0]["action"]["id"], id);
    let second = get(&format!("{bindings}?page=1&per_page=100")).await;
    assert_eq!(second["bindings"], json!([]));

    // Another module is another version; the same resource again is none.
    resource["code"] = json!(code("both-triggers"));
    for expected in [2, 2] {
        ask("PATCH", &action, resource.clone(), 200).await;
        assert_eq!(get(&action).await["status"], "built");
        let version = ask("POST", &deploy, Value::Null, 200).await;
        assert_eq!(version["number"], expected);
    }

    // Destroy: unbind, delete, and see that it is gone.
    ask("PATCH", &bindings, json!({"bindings": []}), 200).await;
    ask("DELETE", &action, Value::Null, 204).await;
    let gone = ask("GET", &action, Value::Null, 404).await;
    assert_eq!(gone["message"], "That action does not exist.");
}

#[tokio::test(flavor = "multi_thread")]
async fn terraform_is_told_at_its_first_look_that_code_can_not_be_built() {
    let server = TestServer::start_empty().await;
    let resource = json!({
        "name": "javascript",
        "supported_triggers": [{"id": CREDENTIALS_EXCHANGE, "version": "v2"}],
        "code": "exports.onExecuteCredentialsExchange = async () => {};",
    });

    let created = server.manage("POST", "actions/actions", resource).await;
    let created = created.expect(201);

    let path = format!("actions/actions/{}", created["id"].as_str().unwrap());
    let action = server.manage("GET", &path, Value::Null).await.expect(200);
    assert_eq!(
        action["status"], "failed",
        "and not pending, for which it waits"
    );
    let why = action["errors"][0]["msg"].as_str().unwrap();
    assert!(why.contains("WebAssembly module"), "{why}");
}
