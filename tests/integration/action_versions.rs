//! The versions of an Action: looking at them, getting their modules, going back.

use aws_lc_rs::digest::{SHA256, digest};
use http::{HeaderMap, header};
use serde_json::{Value, json};

use crate::harness::{
    CREDENTIALS_EXCHANGE, POST_LOGIN, TestServer, actions::module, guest, scripted,
};

const CLAIM: &str = "https://example.com/version";

/// Gives a scripted Action's draft another script.
async fn write(server: &TestServer, id: &str, script: Value) {
    let secrets = json!([{"name": "SCRIPT", "value": script.to_string()}]);
    let path = format!("actions/actions/{id}");
    let body = json!({"secrets": secrets});
    server.manage("PATCH", &path, body).await.expect(200);
}

async fn versions(server: &TestServer, id: &str) -> Vec<Value> {
    let path = format!("actions/actions/{id}/versions?per_page=100");
    let mut list = server.manage("GET", &path, Value::Null).await.expect(200);
    serde_json::from_value(list["versions"].take()).unwrap()
}

fn numbers(versions: &[Value]) -> Vec<u64> {
    let numbers = versions.iter().map(|version| version["number"].as_u64());
    numbers.map(Option::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_version_becomes_a_new_one_and_runs_with_the_next_token() {
    let server = TestServer::start().await;
    let job = server.job().await;
    let claim = async || {
        let reply = server.exchange(&job).send().await.expect_token();
        reply.claims()[CLAIM].clone()
    };
    let first = json!([["access_token", CLAIM, "first"]]);
    let [id] = server
        .bind(CREDENTIALS_EXCHANGE, [scripted("versioned", first.clone())])
        .await;
    let path = format!("actions/actions/{id}");
    write(&server, &id, json!([["access_token", CLAIM, "second"]])).await;
    server
        .manage("POST", &format!("{path}/deploy"), Value::Null)
        .await
        .expect(200);
    assert_eq!(claim().await, "second");
    let of_first = versions(&server, &id).await[1]["id"].clone();
    let again = format!("{path}/versions/{}/deploy", of_first.as_str().unwrap());

    let third = server.manage("POST", &again, Value::Null).await.expect(200);

    assert_eq!(third["number"], 3);
    assert_ne!(third["id"], of_first);
    assert_eq!(third["deployed"], true);
    assert_eq!(claim().await, "first");
    assert_eq!(numbers(&versions(&server, &id).await), [3, 2, 1]);
    // The draft is still the second.
    let action = server.manage("GET", &path, Value::Null).await.expect(200);
    assert_eq!(action["all_changes_deployed"], false);

    // What runs already makes no version, unless the draft is to change as well.
    let again = format!("{path}/versions/{}/deploy", third["id"].as_str().unwrap());
    let same = server.manage("POST", &again, json!({})).await.expect(200);
    assert_eq!(same["id"], third["id"]);
    let update = json!({"update_draft": true});
    let fourth = server.manage("POST", &again, update).await.expect(200);
    assert_eq!(fourth["number"], 4);
    let action = server.manage("GET", &path, Value::Null).await.expect(200);
    assert_eq!(action["all_changes_deployed"], true);
    assert_eq!(claim().await, "first");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_not_deployed_over_another_action_or_with_a_wrong_body() {
    let server = TestServer::start().await;
    let [one, other] = server
        .bind(POST_LOGIN, [guest("role"), guest("both-triggers")])
        .await;
    let version = versions(&server, &one).await[0]["id"].clone();
    let version = version.as_str().unwrap();

    let path = format!("actions/actions/{other}/versions/{version}/deploy");
    server.manage("POST", &path, Value::Null).await.expect(404);
    let path = format!("actions/actions/{one}/versions/{version}/deploy");
    for (wrong, words) in [
        (json!({"update_draft": "yes"}), "update_draft"),
        (json!({"force": true}), "force"),
    ] {
        let body = server.manage("POST", &path, wrong).await.expect(400);
        let message = body["message"].as_str().unwrap();
        assert!(message.contains(words), "{message}");
    }
    assert_eq!(numbers(&versions(&server, &one).await), [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_versions_are_kept_and_the_oldest_makes_room() {
    let server = TestServer::start().await;
    let [id] = server.bind(POST_LOGIN, [scripted("many", json!([]))]).await;
    let path = format!("actions/actions/{id}/deploy");
    let deploy = async |number: u32| {
        write(&server, &id, json!([["log", "info", number.to_string()]])).await;
        server.manage("POST", &path, Value::Null).await.expect(200);
    };
    for number in 2..=50 {
        deploy(number).await;
    }
    assert_eq!(versions(&server, &id).await.len(), 50);

    deploy(51).await;

    let kept = numbers(&versions(&server, &id).await);
    assert_eq!((kept.len(), kept[0], kept[49]), (50, 51, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_comes_back_as_it_was_uploaded_and_not_twice() {
    let server = TestServer::start().await;
    let [id] = server.bind(POST_LOGIN, [guest("role")]).await;
    server
        .upload(&id, module("both-triggers"))
        .await
        .expect(200);
    let version = versions(&server, &id).await[0].clone();
    let token = server.management_token().await;
    let get = async |path: &str, known: Option<&str>| {
        let mut headers = HeaderMap::new();
        let bearer = format!("Bearer {token}").parse().unwrap();
        headers.insert(header::AUTHORIZATION, bearer);
        if let Some(known) = known {
            headers.insert(header::IF_NONE_MATCH, known.parse().unwrap());
        }
        let path = format!("/api/v2/actions/actions/{id}/{path}");
        server.send("GET", &path, headers, "").await
    };
    let of_version = format!("versions/{}/module", version["id"].as_str().unwrap());

    for (path, bytes) in [
        ("module", module("both-triggers")),
        (of_version.as_str(), module("role")),
    ] {
        let answer = get(path, None).await;

        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), "application/wasm");
        assert_eq!(answer.bytes, bytes, "{path}");
        let digest: String = digest(&SHA256, &bytes)
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(answer.header("etag"), format!("\"{digest}\""));
        let again = get(path, Some(answer.header("etag"))).await;
        assert_eq!((again.status.as_u16(), again.bytes.len()), (304, 0));
    }

    let empty = server.create_action("empty", POST_LOGIN).await;
    let path = format!("actions/actions/{empty}/module");
    let body = server.manage("GET", &path, Value::Null).await.expect(404);
    assert_eq!(body["message"], "That action has no module yet.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_says_what_its_module_is_and_what_made_it() {
    let server = TestServer::start().await;
    let ids = server
        .bind(POST_LOGIN, [guest("role"), guest("c"), guest("python")])
        .await;

    // The others were made without an SDK of ours.
    for (id, sdk, folder) in [
        (&ids[0], json!("actions-sdk 0.1.0"), "role"),
        (&ids[1], Value::Null, "c"),
        (&ids[2], Value::Null, "python"),
    ] {
        let version = &versions(&server, id).await[0];

        let about = &version["module"];
        assert_eq!(about["size_bytes"], module(folder).len(), "{about}");
        assert_eq!(about["sha256"].as_str().unwrap().len(), 64);
        assert_eq!(about["contract_version"], "0.1.0");
        assert!(!about["imports"].as_array().unwrap().is_empty());
        assert_eq!(about["sdk"], sdk, "{folder}: {about}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_no_shared_modules_and_the_list_says_so() {
    let server = TestServer::start_empty().await;

    let list = server.manage("GET", "actions/modules?page=0&per_page=100", Value::Null);

    assert_eq!(
        list.await.expect(200),
        json!({"modules": [], "total": 0, "page": 0, "per_page": 100})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_actions_is_narrowed_by_trigger_name_and_deployment() {
    let server = TestServer::start_empty().await;
    server.deploy(POST_LOGIN, guest("role")).await;
    server
        .deploy(CREDENTIALS_EXCHANGE, guest("department"))
        .await;
    server.create_action("pending", POST_LOGIN).await;

    for (query, expected) in [
        ("", vec!["role", "department", "pending"]),
        ("triggerId=post-login", vec!["role", "pending"]),
        ("triggerId=post-login&deployed=true", vec!["role"]),
        ("deployed=false", vec!["pending"]),
        ("actionName=department", vec!["department"]),
        ("actionName=depart", vec![]),
        ("installed=false", vec!["role", "department", "pending"]),
        ("installed=true", vec![]),
    ] {
        let path = format!("actions/actions?{query}");
        let list = server.manage("GET", &path, Value::Null).await.expect(200);

        let names = list["actions"].as_array().unwrap().iter();
        let names: Vec<_> = names.map(|it| it["name"].as_str().unwrap()).collect();
        assert_eq!(names, expected, "{query}");
    }
    let wrong = server.manage("GET", "actions/actions?triggerId=login", Value::Null);
    wrong.await.expect(400);
}
