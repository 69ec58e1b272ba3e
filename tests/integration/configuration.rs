//! What a token request finds in memory of clients, APIs and grants is what was
//! configured last.

use serde_json::{Value, json};

use crate::harness::{API, Client, Tenant, TestServer};

/// A tenant whose one job has just had a token, so that all of it is in memory.
async fn used() -> (TestServer, Client) {
    let server = TestServer::start().await;
    let job = server.client("job").may_call(API, &["read:reports"]);
    let job = job.create().await;
    server.exchange(&job).send().await.expect_token();
    (server, job)
}

async fn grant_id(tenant: &Tenant, job: &Client) -> String {
    let path = format!("client-grants?client_id={}", job.id);
    let grants = tenant.manage("GET", &path, Value::Null).await;
    let grants = grants.expect(200);
    grants[0]["id"].as_str().unwrap().to_owned()
}

async fn api_id(tenant: &Tenant) -> String {
    let apis = tenant.manage("GET", "resource-servers", Value::Null).await;
    let apis = apis.expect(200);
    let mut apis = apis.as_array().unwrap().iter();
    let api = apis.find(|api| api["identifier"] == API).unwrap();
    api["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_secret_holds_for_the_next_token() {
    let (server, job) = used().await;

    let path = format!("clients/{}/rotate-secret", job.id);
    let rotated = server.manage("POST", &path, Value::Null).await.expect(200);

    let with_old = server.exchange(&job).send().await;
    with_old.expect_error(401, "invalid_client");
    let new = rotated["client_secret"].as_str().unwrap();
    let with_new = server.exchange(&job).with("client_secret", new);
    with_new.send().await.expect_token();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_client_gets_no_further_token() {
    let (server, job) = used().await;

    let path = format!("clients/{}", job.id);
    server.manage("DELETE", &path, Value::Null).await;

    let reply = server.exchange(&job).send().await;
    reply.expect_error(401, "invalid_client");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_grant_holds_for_the_next_token_and_a_deleted_one_gives_none() {
    let (server, job) = used().await;
    let path = format!("client-grants/{}", grant_id(&server, &job).await);

    let change = json!({ "scope": ["write:reports"] });
    server.manage("PATCH", &path, change).await.expect(200);
    let changed = server.exchange(&job).send().await.expect_token();
    server.manage("DELETE", &path, Value::Null).await;
    let deleted = server.exchange(&job).send().await;

    assert_eq!(changed.body["scope"], "write:reports");
    deleted.expect_error(400, "unauthorized_client");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_api_holds_for_the_next_token_and_a_deleted_one_gives_none() {
    let (server, job) = used().await;
    let path = format!("resource-servers/{}", api_id(&server).await);

    let change = json!({ "token_lifetime": 60 });
    server.manage("PATCH", &path, change).await.expect(200);
    let changed = server.exchange(&job).send().await.expect_token();
    server.manage("DELETE", &path, Value::Null).await;
    let deleted = server.exchange(&job).send().await;

    assert_eq!(changed.body["expires_in"], 60);
    deleted.expect_error(400, "invalid_target");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_is_made_anew_knows_no_client_of_the_one_before() {
    let server = TestServer::start().await;
    let other = server.create_tenant("other", "http://other.example/").await;
    other.api(API).create().await;
    let job = other.client("job").may_call(API, &[]).create().await;
    other.exchange(&job).send().await.expect_token();

    let deleted = server.platform("DELETE", "tenants/other", Value::Null);
    deleted.await;
    let anew = server.create_tenant("other", "http://other.example/").await;

    let reply = anew.exchange(&job).send().await;
    reply.expect_error(401, "invalid_client");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_two_tenants_are_never_mixed_up() {
    let (server, job) = used().await;
    let other = server.create_tenant("other", "http://other.example/").await;

    let reply = other.exchange(&job).send().await;

    reply.expect_error(401, "invalid_client");
}
