//! A disk that takes no writes for a while: what goes on, what is refused, and that
//! nothing has to be restarted afterwards.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use claimsmith_storage::value::sha256_hex;
use serde_json::{Value, json};

use crate::harness::{CREDENTIALS_EXCHANGE, actions::module, process::ServerProcess, scrape::Page};

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_changes_are_refused_and_everything_else_goes_on_until_there_is_room() {
    let server = ServerProcess::start_on_a_disk_that_can_fail().await;
    let job = server.job().await;
    // The first token of an algorithm makes and stores its key.
    server.exchange(&job).send().await.expect_token();
    let user = server.user("ann@example.com").create().await;
    let web = server.client("Web").grant_types(&["password"]);
    let web = web.create().await;
    server
        .manage("POST", "roles", role("before"))
        .await
        .expect(200);

    let action = server.create_action("department", CREDENTIALS_EXCHANGE);
    let action = action.await;

    server.disk().fill();
    let refused = server.manage("POST", "roles", role("one too many")).await;
    let upload = server.upload(&action, module("department")).await;
    let login = server.login(&web, &user).send().await;

    upload.expect(507);
    let refused = refused.expect(507);
    assert_eq!(refused["error"], "Insufficient Storage");
    assert_eq!(
        refused["message"],
        "the server's disk is full; nothing was stored; make room on the disk of the data folder, \
         and writes go on by themselves"
    );
    let text = login.expect_error(500, "server_error");
    assert!(text.starts_with("the server's disk is full"), "{text}");
    server.exchange(&job).send().await.expect_token();
    assert_eq!(roles(&server).await, ["before"]);
    not_ready(&server, "the disk is full").await;

    server.disk().heal();
    writes_again(&server).await;
    server.login(&web, &user).send().await.expect_token();
    let upload = server.upload(&action, module("department")).await;
    upload.expect(200);
    has_both_after_a_restart(server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_disk_that_became_read_only_reads_and_tokens_go_on_until_it_can_be_written() {
    let server = ServerProcess::start_on_a_disk_that_can_fail().await;
    let job = server.job().await;
    server.exchange(&job).send().await.expect_token();
    server
        .manage("POST", "roles", role("before"))
        .await
        .expect(200);

    server.disk().make_read_only();
    let refused = server.manage("POST", "roles", role("one too many")).await;

    assert_eq!(
        refused.expect(500)["message"],
        "the server's data folder can't be written; nothing was stored; make the data folder \
         writable for the server, and writes go on by themselves"
    );
    server.exchange(&job).send().await.expect_token();
    assert_eq!(roles(&server).await, ["before"]);
    not_ready(&server, "the data folder can't be written").await;

    server.disk().heal();
    writes_again(&server).await;
    has_both_after_a_restart(server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_on_a_full_disk_leaves_the_tenant_as_it_was_and_can_be_repeated() {
    let server = ServerProcess::start_on_a_disk_that_can_fail().await;
    let export = async |server: &ServerProcess| {
        let exported = server.manage("GET", "tenants/export", Value::Null).await;
        exported.expect(200)
    };
    // What the harness adds to a new tenant.
    let apis = server.manage("GET", "resource-servers", Value::Null);
    for api in apis.await.expect(200).as_array().unwrap() {
        if api["is_system"] == false {
            let path = format!("resource-servers/{}", api["id"].as_str().unwrap());
            server
                .manage("DELETE", &path, Value::Null)
                .await
                .expect(204);
        }
    }
    let before = export(&server).await;
    let module = module("department");
    let sha256 = sha256_hex(&module);
    let mut document = before.clone();
    document["roles"] = json!([{ "id": "rol_editor", "name": "editor", "permissions": [] }]);
    document["modules"] = json!({ &sha256: STANDARD.encode(module) });
    document["actions"] = json!([{
        "id": "department", "name": "department",
        "supported_triggers": [{ "id": CREDENTIALS_EXCHANGE, "version": "v2" }],
        "module": sha256, "allowed_hosts": [],
        "deployed_version": { "id": "first", "number": 3, "module": sha256, "allowed_hosts": [] },
    }]);
    document["bindings"][CREDENTIALS_EXCHANGE] = json!([{
        "id": "bound", "ref": { "type": "action_id", "value": "department" },
        "display_name": "department", "on_error": "deny",
    }]);
    let import = async || {
        let document = document.clone();
        server.manage("POST", "tenants/import", document).await
    };

    server.disk().fill();
    import().await.expect(507);
    assert_eq!(roles(&server).await, Vec::<String>::new());

    server.disk().heal();
    becomes_ready(&server).await;
    assert_eq!(export(&server).await, before);
    import().await.expect(201);
    assert_eq!(export(&server).await, document);
    let server = server.kill_and_restart();
    assert_eq!(export(&server).await, document);
    assert_eq!(server.bound(CREDENTIALS_EXCHANGE).await, ["department"]);
}

/// sled keeps such an error until it is opened again.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_fails_is_told_as_unknown_and_the_database_is_opened_anew_in_place() {
    let server = ServerProcess::start(&[]).await;
    let job = server.job().await;
    server.exchange(&job).send().await.expect_token();
    let before: Vec<_> = (0..20)
        .map(|number| format!("before {number:02}"))
        .collect();
    for name in &before {
        server.manage("POST", "roles", role(name)).await.expect(200);
    }

    for round in 0..3 {
        server.let_its_writes_fail(true);
        let failed = server
            .manage("POST", "roles", role(&format!("failed {round}")))
            .await;
        let refused = server
            .manage("POST", "roles", role(&format!("refused {round}")))
            .await;

        let failed = failed.expect(507);
        let text = failed["message"].as_str().unwrap();
        assert!(
            text.contains("whether this was stored is unknown"),
            "{text}"
        );
        let refused = refused.expect(507);
        let text = refused["message"].as_str().unwrap();
        assert!(text.contains("nothing was stored"), "{text}");
        server.exchange(&job).send().await.expect_token();
        let answer = not_ready(&server, "the disk is full").await;
        // Nothing of the error's own text, which names files.
        assert!(!answer.to_string().contains("db"), "{answer}");
        server.get("/healthz").await.expect(200);

        server.let_its_writes_fail(false);
        becomes_ready(&server).await;
        let after = format!("after {round}");
        server
            .manage("POST", "roles", role(&after))
            .await
            .expect(200);
        server.exchange(&job).send().await.expect_token();
    }

    let found = roles(&server).await;
    let server = server.kill_and_restart();
    assert_eq!(roles(&server).await, found);
    for name in before
        .iter()
        .map(String::as_str)
        .chain(["after 0", "after 1", "after 2"])
    {
        assert!(found.iter().any(|it| it == name), "{name}: {found:?}");
    }
    assert!(
        !found.iter().any(|it| it.starts_with("refused")),
        "{found:?}"
    );
}

fn role(name: &str) -> Value {
    json!({ "name": name })
}

async fn roles(server: &ServerProcess) -> Vec<String> {
    let roles = server
        .manage("GET", "roles?per_page=100", Value::Null)
        .await;
    let roles = roles.expect(200);
    let names = roles.as_array().unwrap().iter().map(|role| &role["name"]);
    let mut names: Vec<String> = names.map(|it| it.as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// What `/readyz` and the metrics say while nothing can be stored.
async fn not_ready(server: &ServerProcess, reason: &str) -> Value {
    let answer = server.get("/readyz").await.expect(503);
    assert_eq!(answer["ready"], false);
    let parts = answer["not_ready"].as_array().unwrap();
    let storage = parts.iter().find(|it| it["part"] == "storage").unwrap();
    let text = storage["reason"].as_str().unwrap();
    assert!(text.starts_with(reason), "{text}");
    assert!(text.contains("by itself"), "{text}");
    let token = server.platform_token();
    let metrics = server
        .ask("GET", "/metrics", Some(&token), Value::Null)
        .await;
    let page = Page::read(&metrics);
    assert_eq!(page.value("claimsmith_storage_failed"), 1.0);
    assert_eq!(page.value("claimsmith_ready"), 0.0);
    answer
}

async fn writes_again(server: &ServerProcess) {
    becomes_ready(server).await;
    let created = server.manage("POST", "roles", role("after")).await;
    created.expect(200);
}

/// What was stored before the disk failed, and after it was healed.
async fn has_both_after_a_restart(server: ServerProcess) {
    let server = server.kill_and_restart();
    assert_eq!(roles(&server).await, ["after", "before"]);
}

/// Asks until it is ready, of which it takes notice within seconds.
async fn becomes_ready(server: &ServerProcess) {
    while server.get("/readyz").await.status != 200 {}
    let token = server.platform_token();
    let metrics = server
        .ask("GET", "/metrics", Some(&token), Value::Null)
        .await;
    assert_eq!(Page::read(&metrics).value("claimsmith_storage_failed"), 0.0);
}
