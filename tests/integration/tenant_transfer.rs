//! A tenant as one document, taken from one server to another.

use claimsmith_server::OutgoingConfig;
use serde_json::{Value, json};

use crate::harness::{
    API, CREDENTIALS_EXCHANGE, Client, PASSWORD, POST_LOGIN, Tenant, TestServer, User,
    actions::module,
    guest, scripted,
    user_service::{KEY, UserService},
};

/// An API whose tokens are signed with a secret.
const SHARED_API: &str = "https://shared.example.com/";
const SHARED_SECRET: &str = "what the shared API verifies its tokens with";
const ACTION_SECRET: &str = "what an Action shows its service";

/// What a tenant has that is moved.
struct World {
    app: Client,
    job: Client,
    ada: User,
    organization: String,
    service: UserService,
    script: String,
}

impl World {
    async fn fill(server: &TestServer) -> Self {
        server
            .api(API)
            .with("enforce_policies", true)
            .create()
            .await;
        let shared = server.api(SHARED_API).with("signing_alg", "HS256");
        shared.with("signing_secret", SHARED_SECRET).create().await;
        let settings = json!({"default_audience": API, "friendly_name": "Moving"});
        server.settings(settings).await;
        let app = server.app().await;
        let job = server.client("job").metadata("department", "finance");
        let job = job.may_call(API, &["read:reports"]).create().await;
        for (audience, scope) in [
            (SHARED_API, "read:reports"),
            (server.management_audience.as_str(), "read:clients"),
        ] {
            let grant = json!({"client_id": job.id, "audience": audience, "scope": [scope]});
            server
                .manage("POST", "client-grants", grant)
                .await
                .expect(201);
        }
        let editor = server.role("editor", &["write:reports"]).await;
        let reader = server.role("reader", &["read:reports"]).await;
        let ada = server.user("ada@example.com").role(&editor);
        let metadata = json!({"role": "owner"});
        let ada = ada.with("app_metadata", metadata).create().await;
        let organization = server.organization("acme", &[&ada]).await;
        let path = format!(
            "organizations/{organization}/members/{}/roles",
            ada.in_path()
        );
        server
            .manage("POST", &path, json!({"roles": [reader]}))
            .await
            .expect(204);

        let service = UserService::start().await;
        let profile = json!({"user_id": "7", "email": "grace@example.com", "name": "Grace"});
        service.keep("grace", "her password elsewhere", profile);
        let people = json!({
            "name": "people", "strategy": "auth0", "enabled_clients": [app.id],
            "options": {
                "enabledDatabaseCustomization": true,
                "configuration": {"USERS_URL": service.origin(), "USERS_KEY": KEY},
                "allowed_hosts": [service.origin()],
            },
        });
        let people = server.manage("POST", "connections", people).await;
        let people = people.expect(201)["id"].as_str().unwrap().to_owned();
        for script in ["login", "get_user"] {
            let path = format!("connections/{people}/scripts/{script}/module");
            let uploaded = server.put_module(&path, module("user-database")).await;
            uploaded.expect(200);
        }

        let script = json!([
            ["echo", "/user/created_at", "urn:test:since"],
            ["echo", "/user/user_id", "urn:test:user"],
            ["echo", "/connection/name", "urn:test:connection"],
            ["echo_secret", "SHOWN", "urn:test:secret"]
        ]);
        let shows = scripted("shows", script.clone()).secret("SHOWN", ACTION_SECRET);
        let fails = scripted("fails", json!("no script")).on_error("continue");
        let [shows, ..] = server
            .bind(
                POST_LOGIN,
                [shows, fails, guest("role"), guest("roles-and-organization")],
            )
            .await;
        server
            .bind(CREDENTIALS_EXCHANGE, [guest("department")])
            .await;
        // A draft that is ahead of its version.
        let path = format!("actions/actions/{shows}");
        let draft = json!({"allowed_hosts": ["draft.example.com"], "limits": {"log_lines": 5}});
        server.manage("PATCH", &path, draft).await.expect(200);
        Self {
            app,
            job,
            ada,
            organization,
            service,
            script: script.to_string(),
        }
    }

    /// The claims of everybody's tokens, but for those that are new in each.
    async fn claims(&self, tenant: &Tenant) -> [Value; 4] {
        let login = || tenant.login(&self.app, &self.ada).scope("openid");
        let grace = tenant.token_request().client(&self.app);
        let grace = grace
            .with("grant_type", "password")
            .with("realm", "people")
            .with("username", "grace")
            .with("password", "her password elsewhere")
            .scope("openid");
        let replies = [
            login().send().await,
            login()
                .with("organization", self.organization.as_str())
                .send()
                .await,
            grace.send().await,
            tenant.exchange(&self.job).send().await,
        ];
        replies.map(|reply| {
            let mut claims = reply.expect_token().claims();
            for new in ["iat", "exp", "jti"] {
                claims.as_object_mut().unwrap().remove(new);
            }
            claims
        })
    }

    /// The document with the values of the secrets that it names.
    fn with_secrets(&self, document: &Value) -> Value {
        let mut document = document.clone();
        let secrets = &mut document["secrets"];
        let give = |place: &mut Value, value: &str| {
            assert_eq!(place.take(), Value::Null);
            *place = value.into();
        };
        give(&mut secrets["clients"][&self.app.id], &self.app.secret);
        give(&mut secrets["clients"][&self.job.id], &self.job.secret);
        give(&mut secrets["resource_servers"][SHARED_API], SHARED_SECRET);
        give(&mut secrets["users"][&self.ada.id], PASSWORD);
        for named in secrets["connections"].as_object_mut().unwrap().values_mut() {
            give(&mut named["USERS_URL"], &self.service.origin());
            give(&mut named["USERS_KEY"], KEY);
        }
        for named in secrets["actions"].as_object_mut().unwrap().values_mut() {
            let script = match named.get("SHOWN") {
                Some(_) => self.script.as_str(),
                None => "\"no script\"",
            };
            give(&mut named["SCRIPT"], script);
            if let Some(shown) = named.get_mut("SHOWN") {
                give(shown, ACTION_SECRET);
            }
        }
        document
    }

    /// Every secret that the tenant has.
    fn secrets(&self) -> [&str; 9] {
        [
            &self.app.secret,
            &self.job.secret,
            SHARED_SECRET,
            ACTION_SECRET,
            PASSWORD,
            KEY,
            "her password elsewhere",
            "$argon2",
            "PRIVATE",
        ]
    }
}

async fn start() -> TestServer {
    TestServer::start_with(|config| config.outgoing = outgoing()).await
}

/// Scripts may reach the user service on this machine.
fn outgoing() -> OutgoingConfig {
    OutgoingConfig {
        allow: vec!["127.0.0.0/8".parse().unwrap()],
        ca_file: None,
    }
}

async fn export(tenant: &Tenant) -> Value {
    let exported = tenant.manage("GET", "tenants/export", Value::Null).await;
    assert_eq!(exported.header("cache-control"), "no-store");
    exported.expect(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_moves_to_another_server_with_everything_but_its_secrets() {
    let old = start().await;
    let world = World::fill(&old).await;
    let claims = world.claims(&old).await;
    assert_eq!(claims[0]["urn:test:secret"], ACTION_SECRET);
    assert_eq!(claims[1]["org_id"], world.organization.as_str());
    assert_eq!(claims[2]["urn:test:connection"], "people");
    assert_eq!(claims[3]["https://example.com/department"], "finance");
    let document = export(&old).await;
    let text = document.to_string();
    for secret in world.secrets() {
        assert!(!text.contains(secret), "{secret}");
    }

    let new = start().await;
    let given = world.with_secrets(&document);
    let imported = new.manage("POST", "tenants/import", given.clone()).await;

    let imported = imported.expect(201);
    let nothing = json!({"clients": {}, "resource_servers": {}});
    assert_eq!(imported["made"], nothing);
    let nothing = json!({"actions": {}, "connections": {}, "users": []});
    assert_eq!(imported["missing"], nothing);
    assert_eq!(export(&new).await, document);
    assert_eq!(world.claims(&new).await, claims);
    let order = ["shows", "fails", "role", "roles-and-organization"];
    assert_eq!(new.bound(POST_LOGIN).await, order);
    let shared = new.exchange(&world.job).audience(SHARED_API).send().await;
    assert!(shared.access_jwt().is_signed_with_secret(SHARED_SECRET));
    let managing = new.exchange(&world.job);
    let managing = managing.audience(&new.management_audience).send().await;
    assert_eq!(managing.expect_token().claims()["scope"], "read:clients");

    let again = new
        .manage("POST", "tenants/import", given)
        .await
        .expect(409);
    let text = again["message"].as_str().unwrap();
    assert!(
        text.contains("clients (2)") && text.contains("Actions (5)"),
        "{text}"
    );
    // A restart goes by what is on the disk.
    let restarting = new.restart_with(|config| config.outgoing = outgoing());
    let new = restarting.await;
    assert_eq!(world.claims(&new).await, claims);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_fits_a_tenant_with_another_issuer_and_its_keys_are_published_at_once() {
    let server = TestServer::start().await;
    server.job().await;
    let page = server.client("page").with("app_type", "spa");
    let page = page.with("jwt_configuration", json!({"alg": "EdDSA"}));
    page.create().await;
    let admin = server.client("admin");
    let admin = admin.may_call(&server.management_audience, &["read:tenant_export"]);
    let admin = admin.create().await;
    let document = export(&server).await;
    assert!(!document.to_string().contains("http://localhost/"));

    let other = server.create_tenant("other", "http://other.test/").await;
    // The keys as everybody knows them before.
    other.jwks().await;
    let path = "tenants/import";
    let imported = other.manage("POST", path, document.clone()).await;

    let secret = imported.expect(201)["made"]["clients"][&admin.id].clone();
    let keys = other.jwks().await;
    let published = keys["keys"].as_array().unwrap();
    let has = |alg: &str| published.iter().any(|key| key["alg"] == alg);
    assert!(has("EdDSA") && has("ES256"), "{keys}");
    let admin = Client {
        secret: secret.as_str().unwrap().to_owned(),
        ..admin
    };
    let token = other.exchange(&admin).audience(&other.management_audience);
    let token = token.send().await.access_token().to_owned();
    let path = "/api/v2/tenants/export";
    let exported = other.ask("GET", path, Some(&token), Value::Null).await;
    assert_eq!(exported.expect(200), document);
    // The scope is for exports alone, and the first tenant's own.
    let import = "/api/v2/tenants/import";
    let refused = other.ask("POST", import, Some(&token), document).await;
    assert_eq!(refused.status, 403);
    let refused = server.ask("GET", path, Some(&token), Value::Null).await;
    assert_eq!(refused.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_exported_or_imported_a_tenant_stands_in_its_log() {
    let server = TestServer::start_empty().await;
    let mut document = export(&server).await;
    document["roles"] = json!([{"id": "rol_1", "name": "a role that nobody may read here"}]);
    let path = "tenants/import";
    server.manage("POST", path, document).await.expect(201);

    let path = "logs?q=type:sapi&per_page=2";
    let entries = server.manage("GET", path, Value::Null).await.expect(200);
    let [imported, exported] = entries.as_array().unwrap().as_slice() else {
        panic!("{entries}");
    };
    assert_eq!(exported["description"], "GET /api/v2/tenants/export");
    assert_eq!(imported["description"], "POST /api/v2/tenants/import");
    for entry in [exported, imported] {
        assert_eq!(entry["client_id"], server.admin.id.as_str());
    }
    let properties = imported["details"]["request"]["properties"].clone();
    assert!(properties.as_array().unwrap().contains(&json!("roles")));
    assert!(!entries.to_string().contains("nobody may read"));
}
