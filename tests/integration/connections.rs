//! Connections over the Management API, and the modules of their scripts.

use serde_json::{Value, json};

use crate::harness::{PASSWORD, TestServer, actions::module};

/// Creates a connection; answers its identifier.
async fn connection(server: &TestServer, body: Value) -> String {
    let created = server.manage("POST", "connections", body).await.expect(201);
    created["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_shown_as_it_can_be_sent_back_and_no_secret_with_it() {
    let server = TestServer::start_empty().await;
    let app = server.app().await;
    let body = json!({
        "name": "people",
        "strategy": "auth0",
        "display_name": "People",
        "realms": ["people", "staff"],
        "is_domain_connection": true,
        "enabled_clients": [app.id],
        "metadata": {"region": "eu"},
        "options": {
            "enabledDatabaseCustomization": true,
            "import_mode": false,
            "customScripts": {},
            "configuration": {"KEY": "hunter2", "URL": "https://users.example.com"},
            "allowed_hosts": ["Users.example.com"],
            "limits": {"deadline_ms": 200},
        },
    });

    let created = server
        .manage("POST", "connections", body.clone())
        .await
        .expect(201);

    assert!(created["id"].as_str().unwrap().starts_with("con_"));
    for name in [
        "name",
        "strategy",
        "display_name",
        "realms",
        "is_domain_connection",
        "metadata",
    ] {
        assert_eq!(created[name], body[name], "{name}");
    }
    assert_eq!(created["enabled_clients"], body["enabled_clients"]);
    let options = &created["options"];
    assert_eq!(options["enabledDatabaseCustomization"], true);
    assert_eq!(options["allowed_hosts"], json!(["users.example.com"]));
    assert_eq!(options["limits"], json!({"deadline_ms": 200}));
    let names: Vec<_> = options["configuration"]
        .as_object()
        .unwrap()
        .keys()
        .collect();
    assert_eq!(names, ["KEY", "URL"]);
    assert!(!created.to_string().contains("hunter2"), "{created}");

    // What was shown, sent back, changes nothing; what is named, and no more, is changed.
    let path = format!("connections/{}", created["id"].as_str().unwrap());
    let get = async || server.manage("GET", &path, Value::Null).await.expect(200);
    assert_eq!(get().await, created);
    let mut back = created.clone();
    for fixed in ["id", "name", "strategy"] {
        back.as_object_mut().unwrap().remove(fixed);
    }
    let patch = async |body: Value| server.manage("PATCH", &path, body).await.expect(200);
    assert_eq!(patch(back).await, created);
    let changes = json!({
        "display_name": null,
        "options": {"configuration": {"KEY": null, "TOKEN": "t"}, "allowed_hosts": []},
    });
    let changed = patch(changes).await;
    assert_eq!(changed.get("display_name"), None);
    assert_eq!(changed["options"]["allowed_hosts"], json!([]));
    assert_eq!(changed["options"]["limits"], json!({"deadline_ms": 200}));
    let configuration = changed["options"]["configuration"].as_object().unwrap();
    let names: Vec<_> = configuration.keys().collect();
    assert_eq!(names, ["TOKEN", "URL"]);
    assert_eq!(configuration["URL"], options["configuration"]["URL"]);
    assert_eq!(get().await, changed);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_connection_can_not_be_is_refused_by_name() {
    let server = TestServer::start_empty().await;
    connection(
        &server,
        json!({"name": "people", "strategy": "auth0", "realms": ["staff"]}),
    )
    .await;
    let with = |property: &str, value: Value| {
        let mut body = json!({"name": "more", "strategy": "auth0"});
        body[property] = value;
        body
    };

    for (body, status, text) in [
        (json!({"strategy": "auth0"}), 400, "name"),
        (json!({"name": "more"}), 400, "strategy"),
        (with("name", json!("no spaces")), 400, "on property name"),
        (with("name", json!("people")), 409, "already exists"),
        (with("strategy", json!("ad")), 400, "there are auth0"),
        (with("foo", json!(1)), 400, "foo"),
        (with("realms", json!(["staff"])), 409, "the realm `staff`"),
        (
            with("realms", json!(["Username-Password-Authentication"])),
            409,
            "the realm",
        ),
        (
            with("enabled_clients", json!(["nobody"])),
            400,
            "there is no client `nobody`",
        ),
        (
            with("options", json!({"import_mode": true})),
            400,
            "options.import_mode",
        ),
        (
            with("options", json!({"passwordPolicy": "good"})),
            400,
            "passwordPolicy",
        ),
        (
            with(
                "options",
                json!({"customScripts": {"login": "function login() {}"}}),
            ),
            400,
            "scripts are WebAssembly modules",
        ),
        (
            with(
                "options",
                json!({"allowed_hosts": ["https://a.example/path"]}),
            ),
            400,
            "options.allowed_hosts[0]",
        ),
        (
            with("options", json!({"configuration": {"KEY": 1}})),
            400,
            "options.configuration.KEY",
        ),
    ] {
        let answer = server.manage("POST", "connections", body.clone()).await;
        let answer = answer.expect(status);
        let message = answer["message"].as_str().unwrap();
        assert!(message.contains(text), "{body}: {message}");
    }
    let all = server
        .manage("GET", "connections", Value::Null)
        .await
        .expect(200);
    let names: Vec<_> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["name"])
        .collect();
    assert_eq!(names, ["Username-Password-Authentication", "people"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_realm_means_the_connection_that_lists_it() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let body = json!({
        "name": "people", "strategy": "auth0", "realms": ["staff"], "enabled_clients": ["*"],
    });
    connection(&server, body).await;
    let ada = server.user("ada@example.com").with("connection", "people");
    let ada = ada.create().await;
    let log_in = async |realm: &str| server.login(&app, &ada).with("realm", realm).send().await;

    log_in("staff").await.expect_token();

    for realm in ["people", "Staff", "nobody"] {
        log_in(realm).await.expect_error(400, "invalid_request");
    }
    let elsewhere = log_in("Username-Password-Authentication").await;
    elsewhere.expect_error(400, "invalid_grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_connection_takes_its_users_along_and_leaves_the_others() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let body = json!({"name": "people", "strategy": "auth0", "enabled_clients": ["*"]});
    let id = connection(&server, body.clone()).await;
    let ada = server.user("ada@example.com").create().await;
    let eve = server.user("eve@example.com").with("connection", "people");
    let eve = eve.create().await;
    let log_in = async || {
        server
            .login(&app, &eve)
            .with("realm", "people")
            .send()
            .await
    };
    let grant = log_in().await.expect_token();
    assert_eq!(grant.claims()["sub"], eve.id);

    let path = format!("connections/{id}");
    server
        .manage("DELETE", &path, Value::Null)
        .await
        .expect(204);

    server.manage("GET", &path, Value::Null).await.expect(404);
    server
        .manage("DELETE", &path, Value::Null)
        .await
        .expect(204);
    log_in().await.expect_error(400, "invalid_request");
    let users = server.manage("GET", "users", Value::Null).await.expect(200);
    let ids: Vec<_> = users
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["user_id"])
        .collect();
    assert_eq!(ids, [ada.id.as_str()]);
    let user = json!({"connection": "people", "email": "eve@example.com", "password": PASSWORD});
    server.manage("POST", "users", user).await.expect(400);
    server.login(&app, &ada).send().await.expect_token();

    // Another of that name begins without users.
    connection(&server, body).await;
    log_in().await.expect_error(400, "invalid_grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scripts_module_is_checked_shown_given_back_and_removed() {
    let server = TestServer::start_empty().await;
    let id = connection(&server, json!({"name": "people", "strategy": "auth0"})).await;
    let scripts = format!("connections/{id}/scripts");
    let get = async |path: &str| server.manage("GET", path, Value::Null).await;
    let put = async |script: &str, bytes: Vec<u8>| {
        server
            .put_module(&format!("{scripts}/{script}/module"), bytes)
            .await
    };

    for (what, bytes, code) in [
        ("text", b"function login() {}".to_vec(), "not_wasm"),
        ("an Action", module("role"), "import_not_offered"),
        (
            "a component without handler",
            wat::parse_str("(component)").unwrap(),
            "no_trigger",
        ),
    ] {
        let body = put("login", bytes).await.expect(400);
        assert_eq!(body["errorCode"], "invalid_module", "{what}");
        let problems = body["problems"].as_array().unwrap();
        assert!(
            problems.iter().any(|it| it["code"] == code),
            "{what}: {body}"
        );
    }
    assert_eq!(get(&scripts).await.expect(200), json!({}));
    put("change_password", module("user-database"))
        .await
        .expect(400);

    let shown = put("get_user", module("user-database")).await.expect(200);

    assert_eq!(shown["size_bytes"], module("user-database").len());
    assert_eq!(shown["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(shown["contract_version"], "0.1.0");
    let imports = shown["imports"].as_array().unwrap();
    assert!(imports.contains(&json!("claimsmith:actions/secrets@0.1.0")));
    assert_eq!(get(&scripts).await.expect(200), json!({"get_user": shown}));
    let one = format!("{scripts}/get_user");
    assert_eq!(get(&one).await.expect(200), shown);
    let download = get(&format!("{one}/module")).await;
    assert_eq!(download.bytes, module("user-database"));
    assert_eq!(download.header("content-type"), "application/wasm");
    assert_eq!(
        put("get_user", module("user-database")).await.expect(200),
        shown
    );

    server.manage("DELETE", &one, Value::Null).await.expect(204);
    get(&one).await.expect(404);
    get(&format!("{one}/module")).await.expect(404);
    server.manage("DELETE", &one, Value::Null).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_is_no_action_and_another_script_is_not_the_one_that_is_asked_for() {
    let server = TestServer::start().await;
    let action = server.create_action("script", "post-login").await;
    let refused = server
        .upload(&action, module("user-database"))
        .await
        .expect(400);
    assert_eq!(refused["problems"][0]["code"], "wrong_trigger");

    let id = connection(&server, json!({"name": "people", "strategy": "auth0"})).await;
    let only_create = wat::parse_str(
        r#"(component
            (core module $m
                (memory (export "memory") 1)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 8))
                (func (export "run") (param i32 i32) (result i32) (i32.const 0)))
            (core instance $i (instantiate $m))
            (func $run (param "identifier" string) (result (result (option string) (error string)))
                (canon lift (core func $i "run") (memory (core memory $i "memory"))
                    (realloc (core func $i "realloc"))))
            (instance $handler (export "on-execute-database-get-user" (func $run)))
            (export "claimsmith:actions/database-get-user-handler@0.1.0" (instance $handler)))"#,
    );
    let path = format!("connections/{id}/scripts/login/module");
    let refused = server
        .put_module(&path, only_create.unwrap())
        .await
        .expect(400);
    assert_eq!(refused["problems"][0]["code"], "wrong_script");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_changed_by_those_who_may_and_in_their_own_tenant_only() {
    let server = TestServer::start_empty().await;
    let other = server.create_tenant("other", "http://other.test/").await;
    let id = connection(&server, json!({"name": "people", "strategy": "auth0"})).await;
    let reader = server
        .client("reader")
        .may_call(&server.management_audience, &["read:connections"])
        .create()
        .await;
    let token = server
        .exchange(&reader)
        .audience(&server.management_audience);
    let token = token.send().await.expect_token().access_token().to_owned();
    let path = format!("/api/v2/connections/{id}");

    let read = server.ask("GET", &path, Some(&token), Value::Null).await;
    read.expect(200);
    for (method, path, scope) in [
        ("POST", "/api/v2/connections", "create:connections"),
        ("PATCH", path.as_str(), "update:connections"),
        ("DELETE", path.as_str(), "delete:connections"),
    ] {
        let body = json!({"name": "more", "strategy": "auth0"});
        let refused = server
            .ask(method, path, Some(&token), body)
            .await
            .expect(403);
        assert!(
            refused["message"].as_str().unwrap().ends_with(scope),
            "{refused}"
        );
    }
    let path = format!("connections/{id}");
    other.manage("GET", &path, Value::Null).await.expect(404);
    other
        .manage("PATCH", &path, json!({"realms": ["x"]}))
        .await
        .expect(404);
    other.manage("DELETE", &path, Value::Null).await.expect(204);
    server.manage("GET", &path, Value::Null).await.expect(200);
}
