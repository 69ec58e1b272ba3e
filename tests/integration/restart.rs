//! What a restart keeps: everything.

use claimsmith_storage::Storage as _;
use serde_json::{Value, json};

use crate::harness::{CREDENTIALS_EXCHANGE, TestServer, guest, scripted};

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_keys_clients_users_actions_tokens_and_records() {
    let server = TestServer::start().await;
    let (app, ada) = (
        server.app().await,
        server.user("ada@example.com").create().await,
    );
    let job = server.job().await;
    let acme = server
        .create_tenant("acme", "https://login.acme.example")
        .await;
    let (acme_issuer, acme_admin) = (acme.issuer.clone(), acme.admin.clone());
    let script = json!([["echo_secret", "KEY", "https://example.com/key"]]);
    let action = scripted("reads-a-secret", script).secret("KEY", "still here");
    server
        .bind(CREDENTIALS_EXCHANGE, [action, guest("both-triggers")])
        .await;
    server.settings(json!({"friendly_name": "Ours"})).await;
    let before = server.exchange(&job).send().await.expect_token();
    let opaque = server
        .login(&app, &ada)
        .without("audience")
        .scope("openid")
        .send()
        .await;
    let (jwks, management_token) = (server.jwks().await, server.management_token().await);
    let record = server.execution(&before).await.0;

    let server = server.restart().await;

    assert_eq!(server.jwks().await, jwks);
    let after = server.exchange(&job).send().await.expect_token();
    assert_eq!(after.access_jwt().header, before.access_jwt().header);
    assert_eq!(after.claims()["https://example.com/key"], "still here");
    assert_eq!(
        after.claims()["https://example.com/trigger"],
        "credentials-exchange"
    );
    server.login(&app, &ada).send().await.expect_token();
    // What was issued before is good for as long as it says.
    let clients = "/api/v2/clients";
    server
        .ask("GET", clients, Some(&management_token), Value::Null)
        .await
        .expect(200);
    let info = server.userinfo(opaque.access_token()).await.expect(200);
    assert_eq!(info["sub"], ada.id);
    assert_eq!(server.execution(&before).await.0, record);
    assert_eq!(
        server.bound(CREDENTIALS_EXCHANGE).await,
        ["reads-a-secret", "both-triggers"]
    );
    let settings = server
        .manage("GET", "tenants/settings", Value::Null)
        .await
        .expect(200);
    assert_eq!(settings["friendly_name"], "Ours");
    let tenants = server
        .platform("GET", "tenants", Value::Null)
        .await
        .expect(200);
    assert_eq!(tenants["tenants"][0]["issuer"], acme_issuer);
    assert_eq!(tenants["tenants"].as_array().unwrap().len(), 2);
    assert!(!acme_admin.secret.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_made_by_an_earlier_version_gets_the_scopes_that_its_admin_api_has_now() {
    let server = TestServer::start_empty().await;
    let audience = server.management_audience.clone();
    let job = server.client("job").create().await;
    let new = ["read:sessions", "delete:grants", "create:signing_keys"];

    let server = server
        .restart_after(async |storage| {
            let store = storage.tenant(&"dev".parse().unwrap());
            let before = store.resource_server_by_identifier(&audience).await;
            let before = before.unwrap().unwrap();
            let mut after = before.clone();
            after
                .scopes
                .retain(|scope| !new.contains(&scope.value.as_str()));
            assert_eq!(after.scopes.len(), before.scopes.len() - new.len());
            store.update_resource_server(&before, &after).await.unwrap();
        })
        .await;

    let in_path = audience.replace(':', "%3A").replace('/', "%2F");
    let path = format!("resource-servers/{in_path}");
    let api = server.manage("GET", &path, Value::Null).await.expect(200);
    let scopes: Vec<&str> = api["scopes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|scope| scope["value"].as_str().unwrap())
        .collect();
    for scope in new {
        let times = scopes.iter().filter(|there| **there == scope).count();
        assert_eq!(times, 1, "{scope}");
    }
    // And so it can be given to a client.
    let body = json!({"client_id": job.id, "audience": audience, "scope": new});
    let granted = server.manage("POST", "client-grants", body).await;
    granted.expect(201);
}
