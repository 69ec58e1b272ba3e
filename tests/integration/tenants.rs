//! Several tenants on one server.

use serde_json::{Value, json};

use crate::harness::{
    API, CREDENTIALS_EXCHANGE, POST_LOGIN, TestServer,
    browser::{Authorize, CALLBACK, redeem},
    scripted,
};

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

#[tokio::test(flavor = "multi_thread")]
async fn what_one_tenant_gave_a_user_is_worth_nothing_in_another() {
    let server = TestServer::start_empty().await;
    let acme = server.create_tenant("acme", "http://acme.example/").await;
    let mut of = Vec::new();
    for tenant in [&*server, &acme] {
        let api = tenant.api(API).with("allow_offline_access", true);
        api.create().await;
        let app = tenant
            .client("app")
            .grant_types(&["authorization_code", "refresh_token", "password"])
            .with("callbacks", json!([CALLBACK]))
            .create()
            .await;
        of.push((app, tenant.user("ada@example.com").create().await));
    }
    let [(app, ada), (acme_app, acme_ada)] = &of[..] else {
        unreachable!("there are two tenants");
    };
    let request = |app, scope| Authorize::code(app).with("scope", scope);
    let browser = server.browser();
    let asked = request(app, "openid offline_access").with("audience", API);
    let signed = browser.log_in(&asked, ada).await;
    let unused = browser.callback(&asked).await;
    let signed = redeem(&server, app, signed.code()).await.expect_token();
    let opaque = browser.callback(&request(app, "openid")).await;
    let opaque = redeem(&server, app, opaque.code()).await.expect_token();

    // Access tokens and the ID token, where tokens open something.
    for token in [
        signed.access_token(),
        opaque.access_token(),
        signed.body["id_token"].as_str().unwrap(),
    ] {
        acme.userinfo(token).await.expect(401);
        let users = acme.ask("GET", "/api/v2/users", Some(token), Value::Null);
        users.await.expect(401);
    }
    // The refresh token and the code, by a client that the other tenant knows.
    let refresh = async |tenant: &crate::harness::Tenant, app| {
        let token = signed.body["refresh_token"].as_str().unwrap();
        let request = tenant.token_request().client(app);
        let request = request.with("grant_type", "refresh_token");
        request.with("refresh_token", token).send().await
    };
    let refused = refresh(&acme, acme_app).await;
    refused.expect_error(400, "invalid_grant");
    let refused = redeem(&acme, acme_app, unused.code()).await;
    refused.expect_error(400, "invalid_grant");
    // Nor does the other tenant revoke them.
    for token in ["refresh_token", "access_token"] {
        let token = opaque.body[token].as_str().unwrap_or_default();
        let body = json!({
            "client_id": acme_app.id, "client_secret": acme_app.secret, "token": token,
        });
        acme.ask("POST", "/oauth/revoke", None, body).await;
    }
    // The session's cookie, and the ID token as a hint of who is meant.
    let theirs = acme.browser();
    let cookie = browser.session_cookie().unwrap();
    theirs
        .cookies
        .borrow_mut()
        .insert("claimsmith_session".to_owned(), cookie);
    let asked = request(acme_app, "openid");
    theirs.page(&asked).await.expect_login();
    theirs.cookies.borrow_mut().clear();
    theirs.log_in(&asked, acme_ada).await.code();
    let hint = signed.body["id_token"].as_str().unwrap();
    let page = theirs
        .open(&format!("/oidc/logout?id_token_hint={hint}"))
        .await;
    assert!(page.text.contains("/oidc/logout/confirm"), "{}", page.text);
    theirs.callback(&asked).await.code();

    // In their own tenant all of them are good.
    for token in [signed.access_token(), opaque.access_token()] {
        server.userinfo(token).await.expect(200);
    }
    refresh(&server, app).await.expect_token();
    redeem(&server, app, unused.code()).await.expect_token();
}
