//! The connections whose users may log in to an organization.

use serde_json::{Value, json};

use crate::harness::{API, PASSWORD, POST_LOGIN, TestServer, scripted};

#[tokio::test(flavor = "multi_thread")]
async fn only_users_of_its_enabled_connections_log_in_to_an_organization() {
    let server = TestServer::start().await;
    let app = server.client("app").grant_types(&["password"]);
    let app = app.with("organization_usage", "allow").create().await;
    let staff = json!({"name": "staff", "strategy": "auth0", "enabled_clients": [app.id]});
    let staff = server
        .manage("POST", "connections", staff)
        .await
        .expect(201);
    let ada = server.user("ada@example.com").create().await;
    let acme = server.organization("acme", &[&ada]).await;
    let login = async || {
        let login = server.login(&app, &ada).with("organization", "acme");
        login.with("password", PASSWORD).send().await
    };
    login().await.expect_token();

    let path = format!("organizations/{acme}/enabled_connections");
    let list = async || {
        let list = server.manage("GET", &path, Value::Null).await.expect(200);
        let names = list.as_array().unwrap().iter();
        names
            .map(|one| one["connection"]["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        list().await,
        ["Username-Password-Authentication", "staff"],
        "none was named yet"
    );
    let enabled = server
        .manage("POST", &path, json!({"connection_id": staff["id"]}))
        .await
        .expect(201);
    assert_eq!(enabled["connection"]["strategy"], "auth0");
    assert_eq!(list().await, ["staff"]);
    let refused = login().await;
    let why = refused.expect_error(400, "access_denied");
    assert!(why.contains("enabled connections"), "{why}");

    let one = format!("{path}/{}", staff["id"].as_str().unwrap());
    server.manage("DELETE", &one, Value::Null).await.expect(204);
    assert_eq!(
        list().await,
        [""; 0],
        "the last one that goes opens nothing"
    );
    login().await.expect_error(400, "access_denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_is_created_with_its_connections_and_how_they_are_is_checked() {
    let server = TestServer::start_empty().await;
    let list = server.manage("GET", "connections", Value::Null).await;
    let connection = list.expect(200)[0]["id"].clone();
    let acme = json!({
        "name": "acme",
        "enabled_connections": [{"connection_id": connection, "show_as_button": true}],
    });
    let acme = server.manage("POST", "organizations", acme).await;
    let acme = acme.expect(201)["id"].as_str().unwrap().to_owned();

    let path = format!("organizations/{acme}/connections");
    let with_total = format!("{path}?include_totals=true");
    let list = server
        .manage("GET", &with_total, Value::Null)
        .await
        .expect(200);
    assert_eq!(
        (&list["total"], &list["connections"][0]["connection_id"]),
        (&json!(1), &connection)
    );

    let one = format!("{path}/{}", connection.as_str().unwrap());
    let as_shown = list["connections"][0].clone();
    for (name, value, status) in [
        ("assign_membership_on_login", json!(false), 200),
        ("assign_membership_on_login", json!("yes"), 400),
        ("is_signup_enabled", json!(true), 400),
        ("foo", json!(1), 400),
    ] {
        let patched = server.manage("PATCH", &one, json!({name: value})).await;
        patched.expect(status);
    }
    let shown = server.manage("GET", &one, Value::Null).await.expect(200);
    assert_eq!(shown, as_shown);
    for unknown in ["con_nothing", "nothing"] {
        let body = json!({"connection_id": unknown});
        let answer = server.manage("POST", &path, body).await;
        assert!([400, 404].contains(&answer.status.as_u16()), "{unknown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn users_of_a_joining_connection_become_members_by_a_login_that_gives_tokens() {
    let server = TestServer::start_empty().await;
    server
        .api(API)
        .with("allow_offline_access", true)
        .create()
        .await;
    let app = server.client("app");
    let app = app.grant_types(&["password", "refresh_token"]);
    let app = app.with("organization_usage", "allow").create().await;
    let ada = server.user("ada@example.com").create().await;
    let acme = server.organization("acme", &[]).await;
    let connections = server.manage("GET", "connections", Value::Null).await;
    let connection = connections.expect(200)[0]["id"].clone();
    let path = format!("organizations/{acme}/enabled_connections");
    let login = async || {
        let login = server.login(&app, &ada).audience(API);
        let login = login.with("organization", "acme");
        login.with("scope", "openid offline_access").send().await
    };
    let members = async || {
        let path = format!("organizations/{acme}/members");
        let members = server.manage("GET", &path, Value::Null).await.expect(200);
        members.as_array().unwrap().len()
    };
    login().await.expect_error(400, "access_denied");

    let joining = json!({"connection_id": connection, "assign_membership_on_login": true});
    let enabled = server.manage("POST", &path, joining).await.expect(201);
    assert_eq!(enabled["assign_membership_on_login"], true);
    let listed = server.manage("GET", &path, Value::Null).await.expect(200);
    assert_eq!(listed[0]["assign_membership_on_login"], true);

    // No token, no membership.
    let script = json!([["deny", "not today"]]);
    server.bind(POST_LOGIN, [scripted("denies", script)]).await;
    login().await.expect_error(400, "access_denied");
    assert_eq!(members().await, 0);
    server.set_bindings(POST_LOGIN, json!([])).await.expect(200);

    let given = login().await;
    let token = given.expect_token();
    let refresh_token = token.body["refresh_token"].as_str().unwrap();
    assert_eq!(token.claims()["org_id"], acme.as_str());
    assert_eq!(members().await, 1);
    login().await.expect_token();
    assert_eq!(members().await, 1);

    // Who was removed doesn't come back by a token of before.
    let gone = json!({"members": [ada.id]});
    let path = format!("organizations/{acme}/members");
    server.manage("DELETE", &path, gone).await.expect(204);
    let refresh = server.token_request().client(&app);
    let refresh = refresh.with("grant_type", "refresh_token");
    let refused = refresh.with("refresh_token", refresh_token).send().await;
    refused.expect_error(400, "invalid_grant");
    assert_eq!(members().await, 0);

    let one = format!(
        "organizations/{acme}/enabled_connections/{}",
        connection.as_str().unwrap()
    );
    let not_joining = json!({"assign_membership_on_login": false});
    let patched = server.manage("PATCH", &one, not_joining).await.expect(200);
    assert_eq!(patched["assign_membership_on_login"], false);
    login().await.expect_error(400, "access_denied");
    assert_eq!(members().await, 0);
}
