//! Several tenants on one server.

use serde_json::{Value, json};

use crate::harness::{API, CREDENTIALS_EXCHANGE, POST_LOGIN, TestServer, scripted};

#[tokio::test(flavor = "multi_thread")]
async fn the_host_header_chooses_the_tenant_and_nothing_crosses_over() {
    let server = TestServer::start().await;
    let acme = server
        .create_tenant("acme", "https://login.acme.example")
        .await;
    acme.api(API).create().await;
    assert_eq!(acme.issuer, "https://login.acme.example/");
    let (dev_job, acme_job) = (server.job().await, acme.job().await);
    let ada = server.user("ada@example.com").create().await;
    let acme_app = acme.app().await;
    let script = json!([["access_token", "https://example.com/tenant", "dev"]]);
    let [action] = server
        .bind(CREDENTIALS_EXCHANGE, [scripted("of-dev", script)])
        .await;

    // Each issues its own tokens, with its own keys and Actions.
    let of_dev = server.exchange(&dev_job).send().await.expect_token();
    let of_acme = acme.exchange(&acme_job).send().await.expect_token();
    assert_eq!(of_dev.claims()["https://example.com/tenant"], "dev");
    assert_eq!(of_acme.claims().get("https://example.com/tenant"), None);
    assert!(!of_dev.access_jwt().is_signed_by(&acme.jwks().await));
    assert!(!of_acme.access_jwt().is_signed_by(&server.jwks().await));

    // Clients, users and admins of one are nobody in the other.
    acme.exchange(&dev_job)
        .send()
        .await
        .expect_error(401, "invalid_client");
    acme.login(&acme_app, &ada)
        .send()
        .await
        .expect_error(400, "invalid_grant");
    let token = server.management_token().await;
    acme.ask("GET", "/api/v2/clients", Some(&token), Value::Null)
        .await
        .expect(401);
    let path = format!("actions/executions/{}", of_dev.execution_id());
    acme.manage("GET", &path, Value::Null).await.expect(404);
    acme.manage("GET", &format!("actions/actions/{action}"), Value::Null)
        .await
        .expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_host_is_told_so() {
    let server = TestServer::start().await;
    let acme = server
        .create_tenant("acme", "https://login.acme.example")
        .await;
    let job = server.job().await;

    server
        .platform("DELETE", "tenants/acme", Value::Null)
        .await
        .expect(204);

    for path in [
        "/.well-known/openid-configuration",
        "/.well-known/jwks.json",
        "/userinfo",
    ] {
        let body = acme.get(path).await.expect(404);
        assert!(
            body["message"]
                .as_str()
                .unwrap()
                .contains("login.acme.example"),
            "{body}"
        );
    }
    server.exchange(&job).send().await.expect_token();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_platform_api_wants_the_operators_token() {
    let server = TestServer::start().await;
    let management_token = server.management_token().await;

    for token in [None, Some("wrong"), Some(management_token.as_str())] {
        let answer = server
            .ask("GET", "/platform/v1/tenants", token, Value::Null)
            .await;
        answer.expect(401);
    }

    let list = server
        .platform("GET", "tenants", Value::Null)
        .await
        .expect(200);
    assert_eq!(list["tenants"][0]["id"], "dev");
    assert_eq!(
        list["tenants"][0]["domains"],
        json!(["localhost", "127.0.0.1", "[::1]"])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_hosts_belong_to_one_tenant_only() {
    let server = TestServer::start().await;
    server
        .create_tenant("acme", "https://login.acme.example")
        .await;
    let create = async |body: Value| {
        server
            .platform("POST", "tenants", body)
            .await
            .status
            .as_u16()
    };

    let same_name = json!({"id": "acme", "public_url": "https://other.example"});
    assert_eq!(create(same_name).await, 409);
    let same_host = json!({"id": "other", "public_url": "https://login.acme.example"});
    assert_eq!(create(same_host).await, 409);
    let same_domain = json!({
        "id": "other", "public_url": "https://other.example", "domains": ["login.acme.example"],
    });
    assert_eq!(create(same_domain).await, 409);
    let no_url = json!({"id": "other", "public_url": "login.other.example"});
    assert_eq!(create(no_url).await, 400);

    let list = server
        .platform("GET", "tenants", Value::Null)
        .await
        .expect(200);
    assert_eq!(list["tenants"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_locked_itself_out_is_let_back_in_by_the_platform_api() {
    let server = TestServer::start().await;
    let fails = scripted("always-fails", json!([["fail", "on every exchange"]]));
    server.bind(CREDENTIALS_EXCHANGE, [fails]).await;
    server
        .bind(POST_LOGIN, [scripted("unrelated", json!([]))])
        .await;
    let get_token = || {
        server
            .exchange(&server.admin)
            .audience(&server.management_audience)
            .send()
    };

    get_token().await.expect_error(400, "access_denied");

    let path = "tenants/dev/triggers/credentials-exchange/bindings";
    let bound = server.platform("GET", path, Value::Null).await.expect(200);
    assert_eq!(bound["bindings"][0]["action"]["name"], "always-fails");
    server
        .platform("PATCH", path, json!({"bindings": []}))
        .await
        .expect(200);

    let token = get_token().await.expect_token().access_token().to_owned();
    server
        .ask("GET", "/api/v2/clients", Some(&token), Value::Null)
        .await
        .expect(200);
    assert_eq!(server.bound(CREDENTIALS_EXCHANGE).await, [""; 0]);
    assert_eq!(server.bound(POST_LOGIN).await, ["unrelated"]);
}
