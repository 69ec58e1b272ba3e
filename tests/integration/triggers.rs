//! What runs at a trigger, and in which order.

use serde_json::{Value, json};

use crate::harness::{CREDENTIALS_EXCHANGE, POST_LOGIN, TestServer, scripted};

const WHO: &str = "https://example.com/who";

fn signs(name: &str) -> crate::harness::actions::ActionFixture {
    scripted(name, json!([["access_token", WHO, name]]))
}

#[tokio::test(flavor = "multi_thread")]
async fn actions_run_in_the_order_of_their_bindings() {
    let server = TestServer::start().await;
    let job = server.job().await;
    server
        .bind(CREDENTIALS_EXCHANGE, [signs("a"), signs("b"), signs("c")])
        .await;

    let reply = server.exchange(&job).send().await.expect_token();
    assert_eq!(server.execution(&reply).await.actions(), ["a", "b", "c"]);
    assert_eq!(reply.claims()[WHO], "c");

    // The next token runs the new order.
    let by_name = |name: &str| json!({"ref": {"type": "action_name", "value": name}});
    let bindings = json!([by_name("c"), by_name("a")]);
    server
        .set_bindings(CREDENTIALS_EXCHANGE, bindings)
        .await
        .expect(200);
    let reply = server.exchange(&job).send().await.expect_token();
    assert_eq!(server.execution(&reply).await.actions(), ["c", "a"]);
    assert_eq!(reply.claims()[WHO], "a");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_sees_the_claims_that_earlier_ones_set_on_the_access_token() {
    let server = TestServer::start().await;
    let job = server.job().await;
    let adds = scripted("adds", json!([["add_scope", "write:reports"]]));
    let sees = scripted("sees", json!([["echo", "/transaction/target_scopes", WHO]]));
    server.bind(CREDENTIALS_EXCHANGE, [adds, sees]).await;
    let job_with_both = server
        .client("both")
        .may_call(crate::harness::API, &["read:reports", "write:reports"])
        .create()
        .await;

    let narrow = server.exchange(&job).send().await.expect_token();
    assert_eq!(narrow.claims()[WHO], json!(["read:reports"]));
    let wide = server
        .exchange(&job_with_both)
        .scope("read:reports")
        .send()
        .await
        .expect_token();
    assert_eq!(wide.claims()[WHO], json!(["read:reports", "write:reports"]));
    assert_eq!(wide.claims()["scope"], "read:reports write:reports");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_may_change_the_scopes_of_a_login() {
    let server = TestServer::start().await;
    let (app, ada) = (
        server.app().await,
        server.user("ada@example.com").create().await,
    );
    let script = json!([["add_scope", "vip"], ["remove_scope", "read:reports"]]);
    server
        .bind(POST_LOGIN, [scripted("changes-scopes", script)])
        .await;

    let reply = server
        .login(&app, &ada)
        .scope("openid read:reports")
        .send()
        .await
        .expect_token();

    assert_eq!(reply.claims()["scope"], "openid vip");
    assert_eq!(reply.body["scope"], "openid vip");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_bound_to_one_trigger_does_not_run_at_the_other() {
    let server = TestServer::start().await;
    let (app, ada) = (
        server.app().await,
        server.user("ada@example.com").create().await,
    );
    let job = server.job().await;
    server.bind(POST_LOGIN, [signs("login")]).await;
    server.bind(CREDENTIALS_EXCHANGE, [signs("exchange")]).await;

    let login = server.login(&app, &ada).send().await.expect_token();
    let exchange = server.exchange(&job).send().await.expect_token();

    assert_eq!(login.claims()[WHO], "login");
    assert_eq!(exchange.claims()[WHO], "exchange");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_action_caches_is_seen_by_later_executions_of_its_trigger_and_tenant_only() {
    let server = TestServer::start().await;
    let acme = server
        .create_tenant("acme", "https://login.acme.example")
        .await;
    acme.api(crate::harness::API).create().await;
    let (job, acme_job) = (server.job().await, acme.job().await);
    let (app, ada) = (
        server.app().await,
        server.user("ada@example.com").create().await,
    );
    let reads = json!(["echo_cache", "rate", WHO]);
    let caches = json!([reads, ["cache", "rate", "1.25"]]);
    server
        .bind(CREDENTIALS_EXCHANGE, [scripted("caches", caches.clone())])
        .await;
    server
        .bind(POST_LOGIN, [scripted("reads", json!([reads]))])
        .await;
    acme.bind(CREDENTIALS_EXCHANGE, [scripted("reads", json!([reads]))])
        .await;
    // Every exchange runs the Action, those for the Management API too.
    let exchange = async || server.exchange(&job).send().await.expect_token().claims()[WHO].clone();

    exchange().await;

    assert_eq!(exchange().await, "1.25");
    assert_eq!(
        server.login(&app, &ada).send().await.claims()[WHO],
        Value::Null
    );
    assert_eq!(
        acme.exchange(&acme_job).send().await.claims()[WHO],
        Value::Null
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_runs_from_the_moment_it_is_deployed() {
    let server = TestServer::start().await;
    let job = server.job().await;
    let [id] = server.bind(CREDENTIALS_EXCHANGE, [signs("first")]).await;
    let who = async || server.exchange(&job).send().await.expect_token().claims()[WHO].clone();

    let script = json!([["access_token", WHO, "second"]]).to_string();
    let secrets = json!({"secrets": [{"name": "SCRIPT", "value": script}]});
    let path = format!("actions/actions/{id}");
    let drafted = server.manage("PATCH", &path, secrets).await.expect(200);
    assert_eq!(drafted["all_changes_deployed"], false);
    assert_eq!(who().await, "first", "a draft doesn't run");

    let path = format!("{path}/deploy");
    let version = server.manage("POST", &path, Value::Null).await.expect(200);
    assert_eq!(version["number"], 2);
    assert_eq!(who().await, "second");
}
