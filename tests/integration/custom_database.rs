//! Custom databases: users who are in a store of the tenant's own, reached by scripts over
//! a real user service.

use claimsmith_server::OutgoingConfig;
use serde_json::{Value, json};

use crate::harness::{
    API, Client, POST_LOGIN, Reply, TestServer,
    actions::module,
    guest,
    http::Answer,
    scripted,
    user_service::{KEY, UserService},
};

/// A server whose operator permits calls to this machine, with a client `app`.
struct World {
    server: TestServer,
    service: UserService,
    app: Client,
    /// The connection's identifier.
    connection: String,
}

impl World {
    /// A connection `people` with the scripts of the example.
    async fn start() -> Self {
        let service = UserService::start().await;
        let hosts = json!([service.origin()]);
        let configuration = json!({"USERS_URL": service.origin(), "USERS_KEY": KEY});
        Self::with("user-database", service, hosts, configuration).await
    }

    /// One with scripts that do what the login says.
    async fn of_hostile_scripts() -> Self {
        let service = UserService::start().await;
        Self::with("database", service, json!([]), json!({})).await
    }

    async fn with(module: &str, service: UserService, hosts: Value, secrets: Value) -> Self {
        let outgoing = OutgoingConfig {
            allow: vec!["127.0.0.0/8".parse().unwrap()],
            ca_file: None,
        };
        let server = TestServer::start_with(|config| config.outgoing = outgoing).await;
        server.api(API).create().await;
        let app = server.app().await;
        let body = json!({
            "name": "people",
            "strategy": "auth0",
            "enabled_clients": [app.id],
            "options": {
                "enabledDatabaseCustomization": true,
                "configuration": secrets,
                "allowed_hosts": hosts,
            },
        });
        let created = server.manage("POST", "connections", body).await.expect(201);
        let world = Self {
            server,
            service,
            app,
            connection: created["id"].as_str().unwrap().to_owned(),
        };
        for script in ["login", "get_user", "create"] {
            world.upload(script, module).await.expect(200);
        }
        world
    }

    async fn upload(&self, script: &str, name: &str) -> Answer {
        let path = format!("connections/{}/scripts/{script}/module", self.connection);
        self.server.put_module(&path, module(name)).await
    }

    async fn connection(&self, method: &str, body: Value) -> Answer {
        let path = format!("connections/{}", self.connection);
        self.server.manage(method, &path, body).await
    }

    async fn log_in(&self, identifier: &str, password: &str) -> Reply {
        let request = self.server.token_request().client(&self.app);
        request
            .with("grant_type", "password")
            .with("realm", "people")
            .with("username", identifier)
            .with("password", password)
            .audience(API)
            .scope("openid")
            .send()
            .await
    }

    /// What the record of a login says of its script.
    async fn script(&self, reply: &Reply) -> Value {
        let record = self.server.execution(reply).await.0;
        assert_eq!(record["trigger_id"], "database-login", "{record}");
        assert_eq!(record["client_id"], self.app.id.as_str());
        record["script"].clone()
    }

    async fn user(&self, id: &str) -> Answer {
        let path = format!("users/{}", id.replace('|', "%7C"));
        self.server.manage("GET", &path, Value::Null).await
    }

    async fn create_user(&self, body: Value) -> Answer {
        self.server.manage("POST", "users", body).await
    }
}

fn ada() -> Value {
    json!({
        "user_id": "7",
        "email": "ada@example.com",
        "email_verified": true,
        "name": "Ada Example",
        "favorite_color": "green",
        "app_metadata": {"role": "editor"},
        "user_metadata": {"preferred_contact": "email"},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn users_of_the_tenants_own_store_log_in_and_their_profile_reaches_actions_and_claims() {
    let world = World::start().await;
    world.service.keep("ada", "correct horse", ada());
    let shows = scripted(
        "shows",
        json!([
            ["echo", "/user", "urn:test:user"],
            ["echo", "/connection/name", "urn:test:connection"]
        ]),
    );
    world
        .server
        .bind(POST_LOGIN, [shows, guest("role"), guest("login-profile")])
        .await;

    let reply = world.log_in("ada", "correct horse").await.expect_token();

    let claims = reply.claims();
    assert_eq!(claims["sub"], "auth0|7");
    assert_eq!(claims["https://example.com/role"], "editor");
    assert_eq!(claims["urn:test:connection"], "people");
    let seen = &claims["urn:test:user"];
    for (name, value) in ada().as_object().unwrap() {
        if name != "user_id" {
            assert_eq!(seen[name], *value, "{name}");
        }
    }
    let identity = json!([
        {"connection": "people", "provider": "auth0", "user_id": "7", "isSocial": false},
    ]);
    assert_eq!(seen["identities"], identity);
    let id_token = reply.id_claims();
    assert_eq!(id_token["https://example.com/favorite_color"], "green");
    assert_eq!(id_token["https://example.com/preferred_contact"], "email");

    let stored = world.user("auth0|7").await.expect(200);
    assert_eq!(stored["logins_count"], 1);
    assert_eq!(stored["name"], "Ada Example");
    // The trigger's record names the script's.
    let record = world.server.execution(&reply).await.0;
    let path = format!(
        "actions/executions/{}",
        record["login_execution_id"].as_str().unwrap()
    );
    let login = world
        .server
        .manage("GET", &path, Value::Null)
        .await
        .expect(200);
    assert_eq!(login["trigger_id"], "database-login");
    assert_eq!(login["outcome"], "answered");
    assert_eq!(login["user_id"], "auth0|7");
    let script = &login["script"];
    assert_eq!(
        (&script["connection"], &script["result"]),
        (&json!("people"), &json!("profile"))
    );
    assert_eq!(script["http_calls"][0]["origin"], world.service.origin());
    assert!(!login.to_string().contains("correct horse"), "{login}");
    assert!(!login.to_string().contains("ada@example.com"), "{login}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_an_unknown_user_and_a_failure_are_three_answers_of_which_clients_see_two()
{
    let world = World::start().await;
    world.service.keep("ada", "correct horse", ada());

    let wrong = world.log_in("ada", "battery staple").await;
    let unknown = world.log_in("eve", "correct horse").await;
    world.service.set_down(true);
    let failed = world.log_in("ada", "correct horse").await;

    wrong.expect_error(400, "invalid_grant");
    assert_eq!(wrong.summary(), unknown.summary());
    let text = failed.expect_error(400, "access_denied");
    assert_eq!(
        text,
        format!(
            "the login or exchange could not be completed; execution {}",
            failed.execution_id()
        )
    );

    let script = world.script(&wrong).await;
    assert_eq!(
        (&script["result"], script.get("error")),
        (&json!("wrong_credentials"), None)
    );
    let script = world.script(&unknown).await;
    assert_eq!(
        (&script["result"], script.get("error")),
        (&json!("unknown_user"), None)
    );
    let script = world.script(&failed).await;
    assert_eq!(script["result"], "failed");
    assert_eq!(script["error"]["id"], "guest_error");
    assert_eq!(script["error"]["blame"], "action");
    assert_eq!(script["error"]["msg"], "the user service answered 503");
    let nobody = world
        .server
        .manage("GET", "users", Value::Null)
        .await
        .expect(200);
    assert_eq!(nobody, json!([]));

    world.service.set_down(false);
    world.log_in("ada", "correct horse").await.expect_token();
}

#[tokio::test(flavor = "multi_thread")]
async fn each_login_takes_over_what_the_store_says_now_and_keeps_what_actions_stored() {
    let world = World::start().await;
    world.service.keep("ada", "correct horse", ada());
    let stores = scripted("stores", json!([["app_metadata", "seen", true]]));
    world.server.bind(POST_LOGIN, [stores]).await;
    world.log_in("ada", "correct horse").await.expect_token();

    let moved = json!({
        "user_id": "7",
        "email": "ada@example.org",
        "app_metadata": {"role": "reader"},
    });
    world.service.keep("ada", "correct horse", moved);
    let reply = world.log_in("ada", "correct horse").await.expect_token();

    assert_eq!(reply.claims()["sub"], "auth0|7");
    let stored = world.user("auth0|7").await.expect(200);
    assert_eq!(stored["email"], "ada@example.org");
    assert_eq!(stored["email_verified"], false);
    assert_eq!(
        stored["app_metadata"],
        json!({"role": "reader", "seen": true})
    );
    assert_eq!(
        stored["user_metadata"],
        json!({"preferred_contact": "email"})
    );
    assert_eq!(stored.get("favorite_color"), None);
    assert_eq!(stored["logins_count"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_user_does_not_log_in_and_is_left_as_they_were() {
    let world = World::start().await;
    world.service.keep("ada", "correct horse", ada());
    world.log_in("ada", "correct horse").await.expect_token();
    let block = json!({"blocked": true});
    let path = "users/auth0%7C7";
    world.server.manage("PATCH", path, block).await.expect(200);
    let mut renamed = ada();
    renamed["name"] = json!("Eve");
    world.service.keep("ada", "correct horse", renamed);

    let blocked = world.log_in("ada", "correct horse").await;
    let wrong = world.log_in("ada", "battery staple").await;

    assert_eq!(
        blocked.expect_error(400, "invalid_grant"),
        "the user is blocked"
    );
    assert_ne!(
        wrong.expect_error(400, "invalid_grant"),
        "the user is blocked"
    );
    let stored = world.user("auth0|7").await.expect(200);
    assert_eq!(stored["name"], "Ada Example");
    assert_eq!(stored["logins_count"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_takes_over_a_user_of_another_connection() {
    let world = World::start().await;
    let body = json!({
        "connection": "Username-Password-Authentication", "email": "ada@example.com",
        "password": "correct horse", "user_id": "7",
    });
    world.create_user(body).await.expect(201);
    world.service.keep("ada", "correct horse", ada());

    let reply = world.log_in("ada", "correct horse").await;

    reply.expect_error(400, "access_denied");
    let script = world.script(&reply).await;
    let text = script["error"]["msg"].as_str().unwrap();
    assert!(text.contains("user of another connection"), "{text}");
    let stored = world.user("auth0|7").await.expect(200);
    assert_eq!(stored.get("app_metadata"), Some(&json!({})));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_creates_users_in_the_store() {
    let world = World::start().await;
    let new = |email: &str, password: &str| {
        json!({
            "connection": "people", "email": email, "password": password,
            "user_metadata": {"language": "en"}, "app_metadata": {"plan": "gold"},
        })
    };

    let made = world
        .create_user(new("ada@example.com", "correct horse"))
        .await
        .expect(201);

    assert_eq!(made["user_id"], "auth0|new-0");
    assert_eq!(made["email"], "ada@example.com");
    assert_eq!(made["user_metadata"], json!({"language": "en"}));
    assert_eq!(made["app_metadata"], json!({"plan": "gold"}));
    let reply = world.log_in("ada@example.com", "correct horse").await;
    assert_eq!(reply.expect_token().claims()["sub"], "auth0|new-0");

    world
        .create_user(new("ada@example.com", "correct horse"))
        .await
        .expect(409);
    world.service.keep("eve@example.com", "x", json!({}));
    world
        .create_user(new("eve@example.com", "correct horse"))
        .await
        .expect(409);
    let rejected = world
        .create_user(new("bob@example.com", "short"))
        .await
        .expect(400);
    let text = rejected["message"].as_str().unwrap();
    assert!(text.contains("rejected the user"), "{text}");
    world.service.set_down(true);
    let failed = world
        .create_user(new("bob@example.com", "correct horse"))
        .await
        .expect(400);
    let text = failed["message"].as_str().unwrap();
    assert!(
        text.contains("the create script failed; execution "),
        "{text}"
    );
    assert!(!text.contains("503"), "{text}");
    let path = "users/auth0%7Cnew-0";
    for change in [
        json!({"password": "battery staple"}),
        json!({"name": "Ada"}),
    ] {
        let refused = world.server.manage("PATCH", path, change).await.expect(400);
        let text = refused["message"].as_str().unwrap();
        assert!(text.contains("in a custom database"), "{text}");
    }
    let metadata = json!({"app_metadata": {"plan": "iron"}, "blocked": true});
    world
        .server
        .manage("PATCH", path, metadata)
        .await
        .expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_not_enabled_uses_no_connection_and_asks_no_script() {
    let world = World::start().await;
    world.service.keep("ada", "correct horse", ada());
    world.log_in("ada", "correct horse").await.expect_token();
    let asked = world.service.requests();
    world
        .connection("PATCH", json!({"enabled_clients": []}))
        .await
        .expect(200);

    let refused = world.log_in("ada", "correct horse").await;

    let text = refused.expect_error(400, "unauthorized_client");
    assert!(text.contains("enabled_clients"), "{text}");
    assert_eq!(world.service.requests(), asked);
    world
        .connection("PATCH", json!({"enabled_clients": ["*"]}))
        .await
        .expect(200);
    world.log_in("ada", "correct horse").await.expect_token();

    // The first connection is for all clients.
    let first = "connections?name=Username-Password-Authentication";
    let first = world
        .server
        .manage("GET", first, Value::Null)
        .await
        .expect(200);
    assert_eq!(first[0]["enabled_clients"], json!(["*"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_scripts_end_without_a_user_and_without_a_word_to_the_client() {
    let world = World::of_hostile_scripts().await;
    // Little memory, so that it is full long before the deadline.
    let limits = json!({"options": {"limits": {"memory_bytes": 4_194_304}}});
    world.connection("PATCH", limits).await.expect(200);

    for (identifier, argument, kind) in [
        ("spin", "x", "deadline"),
        ("memory", "x", "memory"),
        ("trap", "the guest's own words", "trap"),
        ("failed", "the guest's own words", "guest_error"),
        ("huge", "300000", "limit"),
        ("deep", "100", "limit"),
        ("call", "http://127.0.0.1:9/", "guest_error"),
        ("ada", "no JSON", "guest_error"),
        ("ada", r#"{"name": "nobody"}"#, "guest_error"),
        ("ada", r#"{"user_id": "7", "email": "x"}"#, "guest_error"),
        (
            "ada",
            r#"{"user_id": "7", "blocked": false}"#,
            "guest_error",
        ),
        (
            "ada",
            r#"{"user_id": "7", "roles": ["admin"]}"#,
            "guest_error",
        ),
        (
            "ada",
            r#"{"user_id": "7", "identities": []}"#,
            "guest_error",
        ),
        ("ada", r#"{"user_id": "7|\u0000"}"#, "guest_error"),
        (
            "ada",
            r#"{"user_id": "7", "app_metadata": [1]}"#,
            "guest_error",
        ),
    ] {
        let reply = world.log_in(identifier, argument).await;

        let text = reply.expect_error(400, "access_denied");
        assert!(!text.contains("words"), "{text}");
        let script = world.script(&reply).await;
        assert_eq!(
            script["error"]["id"], kind,
            "{identifier} {argument}: {script}"
        );
        assert_eq!(script["error"]["blame"], "action");
    }
    let nobody = world
        .server
        .manage("GET", "users", Value::Null)
        .await
        .expect(200);
    assert_eq!(nobody, json!([]));
    world
        .log_in("ada", r#"{"user_id": "7"}"#)
        .await
        .expect_token();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_without_a_script_fails_and_says_which_one_to_upload() {
    let world = World::of_hostile_scripts().await;
    let path = format!("connections/{}/scripts/login", world.connection);
    world
        .server
        .manage("DELETE", &path, Value::Null)
        .await
        .expect(204);

    let reply = world.log_in("ada", r#"{"user_id": "7"}"#).await;

    reply.expect_error(400, "access_denied");
    let script = world.script(&reply).await;
    let text = script["error"]["msg"].as_str().unwrap();
    assert!(text.contains("has no login script"), "{text}");
    world.upload("login", "database").await.expect(200);
    world
        .log_in("ada", r#"{"user_id": "7"}"#)
        .await
        .expect_token();

    // With the customization switched off, the users are the server's own again.
    let off = json!({"options": {"enabledDatabaseCustomization": false}});
    world.connection("PATCH", off).await.expect(200);
    let reply = world.log_in("ada", r#"{"user_id": "7"}"#).await;
    reply.expect_error(400, "invalid_grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_at_the_store_are_counted_and_its_failures_are_not() {
    let world = World::start().await;
    world.service.keep("ada", "correct horse", ada());
    world.service.set_down(true);
    for _ in 0..11 {
        let failed = world.log_in("ada", "correct horse").await;
        failed.expect_error(400, "access_denied");
    }
    world.service.set_down(false);
    // However the name is spelled: a store may take all of these for one user.
    for name in ["ada", "ada ", " Ada", "\u{ff41}da", "ADA\t"].repeat(2) {
        let wrong = world.log_in(name, "battery staple").await;
        wrong.expect_error(400, "invalid_grant");
    }
    let asked = world.service.requests();

    let refused = world.log_in("ada", "correct horse").await;

    refused.expect_error(429, "too_many_attempts");
    assert_eq!(world.service.requests(), asked);
}
