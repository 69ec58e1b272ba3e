//! The Management and platform APIs from outside: the whole router over storage in
//! memory, and a real engine.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::connect_info::MockConnectInfo,
};
use claimsmith_model::{Clock, Random, Secret, Timestamp};
use claimsmith_runtime::{ActionEngine, EngineConfig};
use claimsmith_service::{Environment, NewTenant, Services};
use claimsmith_storage::{MemoryExecutionLog, MemoryStorage};
use http::{Method, Request, Response, StatusCode, header};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::{AppState, PlatformToken, router};

const PLATFORM_TOKEN: &str = "the-platform-token-of-these-tests";

/// Stands still at a moment in 2026.
#[derive(Debug)]
struct Standing;

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_790_000_000_000)
    }
}

/// Never the same twice, and that is all that these tests need.
#[derive(Debug, Default)]
struct Counting(AtomicU64);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let count = self
                .0
                .fetch_add(1, Ordering::Relaxed)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15);
            chunk.copy_from_slice(&count.to_be_bytes()[..chunk.len()]);
        }
    }
}

/// A server with the tenant `dev`, and a token for everything in it.
pub(crate) struct Api {
    pub(crate) router: Router,
    pub(crate) services: Services,
    pub(crate) token: String,
}

/// An answer: status, `ETag`, and the body as JSON (`null` when it is empty).
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    etag: Option<String>,
    pub(crate) body: Value,
}

impl Answer {
    fn status_and_message(&self) -> (u16, &str) {
        (
            self.status,
            self.body["message"].as_str().unwrap_or_default(),
        )
    }
}

/// The services of a server without tenants.
pub(crate) async fn services() -> Services {
    services_at(Arc::new(Standing)).await
}

/// The same, with a clock of one's own.
pub(crate) async fn services_at(clock: Arc<dyn Clock>) -> Services {
    Services::start(Environment {
        storage: Arc::new(MemoryStorage::new()),
        executions: Arc::new(MemoryExecutionLog::new()),
        engine: ActionEngine::new(EngineConfig::default()).unwrap(),
        clock,
        random: Arc::new(Counting::default()),
        reserved: Arc::default(),
        limits: Arc::default(),
        state_secret: Secret::new("the-state-secret-of-these-tests"),
    })
    .await
    .unwrap()
}

impl Api {
    pub(crate) async fn start() -> Self {
        let services = services().await;
        let new = NewTenant {
            id: "dev".parse().unwrap(),
            public_url: "http://localhost/".to_owned(),
            domains: Vec::new(),
        };
        let setup = services.tenants.create(new).await.unwrap();
        let state = AppState::new(
            services.clone(),
            PlatformToken::new(Secret::new(PLATFORM_TOKEN)),
        );
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        let mut api = Self {
            router: router(state).layer(MockConnectInfo(peer)),
            services,
            token: String::new(),
        };
        api.token = api
            .token(
                setup.management_client_id.as_str(),
                setup.management_client_secret.expose(),
                &setup.management_audience,
            )
            .await;
        api
    }

    pub(crate) async fn token(
        &self,
        client_id: &str,
        client_secret: &str,
        audience: &str,
    ) -> String {
        let body = json!({
            "grant_type": "client_credentials", "client_id": client_id,
            "client_secret": client_secret, "audience": audience,
        });
        let request = Request::post("/oauth/token")
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        let answer = answer(self.router.clone().oneshot(request).await.unwrap()).await;
        answer.body["access_token"]
            .as_str()
            .expect("a token")
            .to_owned()
    }

    pub(crate) async fn send(
        &self,
        request: http::request::Builder,
        token: &str,
        body: Body,
    ) -> Answer {
        let request = request
            .header(header::HOST, "localhost")
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .body(body)
            .unwrap();
        answer(self.router.clone().oneshot(request).await.unwrap()).await
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v2{path}"));
        let request = request.header(header::CONTENT_TYPE, "application/json");
        self.send(request, &self.token, Body::from(body.to_string()))
            .await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(
            Request::get(format!("/api/v2{path}")),
            &self.token,
            Body::empty(),
        )
        .await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, body).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PATCH, path, body).await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.send(
            Request::delete(format!("/api/v2{path}")),
            &self.token,
            Body::empty(),
        )
        .await
    }

    async fn upload(&self, action: &str, module: Vec<u8>) -> Answer {
        let request = Request::put(format!("/api/v2/actions/actions/{action}/module"))
            .header(header::CONTENT_TYPE, "application/wasm");
        self.send(request, &self.token, Body::from(module)).await
    }

    /// Creates an Action for `post-login`; answers its identifier.
    pub(crate) async fn action(&self, name: &str) -> String {
        let body = json!({
            "name": name, "runtime": "wasm",
            "supported_triggers": [{ "id": "post-login", "version": "v3" }],
        });
        let created = self.post("/actions/actions", body).await;
        assert_eq!(created.status, 201, "{created:?}");
        created.body["id"].as_str().unwrap().to_owned()
    }

    /// An Action with a deployed version.
    pub(crate) async fn deployed(&self, name: &str) -> String {
        let id = self.action(name).await;
        let uploaded = self.upload(&id, module("post-login", name)).await;
        assert_eq!(uploaded.status, 200, "{uploaded:?}");
        let deployed = self
            .post(&format!("/actions/actions/{id}/deploy"), json!({}))
            .await;
        assert_eq!(deployed.status, 200, "{deployed:?}");
        id
    }

    pub(crate) async fn bind(&self, actions: &[&str]) -> Answer {
        let bindings: Vec<_> = actions.iter().map(|id| by_id(id)).collect();
        self.patch(POST_LOGIN, json!({ "bindings": bindings }))
            .await
    }
}

const POST_LOGIN: &str = "/actions/triggers/post-login/bindings";

fn by_id(action: &str) -> Value {
    json!({ "ref": { "type": "action_id", "value": action } })
}

async fn answer(response: Response<Body>) -> Answer {
    let status = response.status().as_u16();
    let etag = response
        .headers()
        .get(header::ETAG)
        .map(|etag| etag.to_str().unwrap().to_owned());
    let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    Answer { status, etag, body }
}

/// The smallest Action for a trigger: a component whose handler does nothing, made
/// different from others by `salt`.
fn module(trigger: &str, salt: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
          (core module $code
            (memory (export "memory") 1)
            (data (i32.const 1024) "{salt}")
            (func (export "run") (result i32) i32.const 0))
          (core instance $instance (instantiate $code))
          (func $run (result (result (error string)))
            (canon lift (core func $instance "run") (memory $instance "memory")))
          (instance $handler (export "on-execute-{trigger}" (func $run)))
          (export "claimsmith:actions/{trigger}-handler@0.1.0" (instance $handler)))"#
    );
    wat::parse_str(text).unwrap()
}

/// Every method at every path, whether that takes it or not, with names in the place of
/// what varies.
fn every_request() -> impl Iterator<Item = (Method, String)> {
    let paths = super::routes().paths();
    assert!(paths.len() > 20, "{paths:?}");
    paths.into_iter().flat_map(|path| {
        let path = path
            .replace("{trigger}", "post-login")
            .replace(['{', '}'], "");
        let methods = [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ];
        methods.map(|method| (method, path.clone()))
    })
}

#[tokio::test]
async fn no_path_answers_anything_to_a_caller_without_a_token() {
    let api = Api::start().await;

    for (method, path) in every_request() {
        let request = Request::builder()
            .method(&method)
            .uri(format!("/api/v2{path}"))
            .header(header::HOST, "localhost")
            .body(Body::empty())
            .unwrap();
        let answer = answer(api.router.clone().oneshot(request).await.unwrap()).await;
        let is_refused = answer.status_and_message() == (401, "Missing authentication");
        assert!(
            is_refused || answer.status == 405,
            "{method} {path}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn no_path_answers_anything_to_another_tenants_token() {
    let api = Api::start().await;
    let body = json!({ "id": "other", "public_url": "http://other.example/" });
    let request =
        Request::post("/platform/v1/tenants").header(header::CONTENT_TYPE, "application/json");
    let created = api
        .send(request, PLATFORM_TOKEN, Body::from(body.to_string()))
        .await;
    assert_eq!(created.status, 201, "{created:?}");

    // The token may do everything in `dev`, and is shown to `other`.
    let mut refused = 0;
    for (method, path) in every_request() {
        let request = Request::builder()
            .method(&method)
            .uri(format!("/api/v2{path}"))
            .header(header::HOST, "other.example")
            .header(header::AUTHORIZATION, format!("Bearer {}", api.token))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from("{}"))
            .unwrap();
        let answer = answer(api.router.clone().oneshot(request).await.unwrap()).await;
        match answer.status {
            405 => {}
            401 => refused += 1,
            _ => panic!("{method} {path}: {answer:?}"),
        }
    }
    assert!(refused > 60, "{refused}");
}

#[tokio::test]
async fn a_token_opens_only_what_its_scopes_say() {
    let api = Api::start().await;
    let audience = "http://localhost/api/v2/";
    let client = json!({ "name": "reader", "app_type": "non_interactive" });
    let client = api.post("/clients", client).await.body;
    let grant = json!({
        "client_id": client["client_id"], "audience": audience, "scope": ["read:clients"],
    });
    assert_eq!(api.post("/client-grants", grant).await.status, 201);
    let id = client["client_id"].as_str().unwrap();
    let token = api
        .token(id, client["client_secret"].as_str().unwrap(), audience)
        .await;
    let get = async |path: &str| {
        api.send(
            Request::get(format!("/api/v2{path}")),
            &token,
            Body::empty(),
        )
        .await
    };

    let seen = get(&format!("/clients/{id}")).await;
    assert_eq!(
        (seen.status, &seen.body["client_secret"]),
        (200, &Value::Null)
    );
    let refused = get("/actions/actions").await;
    assert_eq!(
        refused.body,
        json!({
            "statusCode": 403, "error": "Forbidden", "errorCode": "insufficient_scope",
            "message": "Insufficient scope, expected any of: read:actions",
        })
    );
    let nonsense = api
        .send(Request::get("/api/v2/clients"), "x.y.z", Body::empty())
        .await;
    assert_eq!(nonsense.status_and_message(), (401, "Invalid token"));
}

#[tokio::test]
async fn an_action_is_created_uploaded_deployed_and_bound() {
    let api = Api::start().await;
    let id = api.action("Add role").await;
    let path = format!("/actions/actions/{id}");
    let created = api.get(&path).await.body;
    assert_eq!(
        (
            &created["status"],
            &created["secrets"],
            &created["dependencies"],
            &created["runtime"]
        ),
        (&json!("pending"), &json!([]), &json!([]), &json!("wasm"))
    );
    let early = api.post(&format!("{path}/deploy"), json!({})).await;
    let text = "The draft can't run: the Action has no module yet";
    assert_eq!(early.status, 400);
    assert!(early.status_and_message().1.starts_with(text), "{early:?}");
    let early = api.bind(&[&id]).await;
    let text = "Trying to create a binding for an action that has not been deployed yet.";
    assert!(
        early.status == 400 && early.status_and_message().1.starts_with(text),
        "{early:?}"
    );

    let built = api.upload(&id, module("post-login", "1")).await;
    assert_eq!(
        (built.status, &built.body["status"]),
        (200, &json!("built")),
        "{built:?}"
    );
    let version = api.post(&format!("{path}/deploy"), json!({})).await;
    assert_eq!((version.status, &version.body["number"]), (200, &json!(1)));
    let again = api.post(&format!("{path}/deploy"), json!({})).await;
    assert_eq!(
        again.body["id"], version.body["id"],
        "an unchanged draft makes no version"
    );
    let bound = api.bind(&[&id]).await;
    assert_eq!(
        bound.body["bindings"][0]["display_name"], "Add role",
        "{bound:?}"
    );

    let action = api.get(&path).await.body;
    assert_eq!(action["all_changes_deployed"], true);
    assert_eq!(action["deployed_version"]["deployed"], true);
    assert_eq!(action["current_version"]["status"], "BUILT");
    let secrets = json!([{ "name": "changed", "value": "x" }]);
    api.patch(&path, json!({ "secrets": secrets })).await;
    assert_eq!(api.get(&path).await.body["all_changes_deployed"], false);
    let second = api.post(&format!("{path}/deploy"), json!({})).await;
    assert_eq!(second.body["number"], 2);
    let versions = api.get(&format!("{path}/versions")).await.body;
    assert_eq!(
        (&versions["total"], &versions["versions"][0]["number"]),
        (&json!(2), &json!(2))
    );
}

#[tokio::test]
async fn a_wrong_module_is_refused_with_all_that_is_wrong_and_stores_nothing() {
    let api = Api::start().await;
    let id = api.action("Add role").await;
    let other_trigger = module("credentials-exchange", "");

    for (module, code) in [
        (b"not wasm at all".to_vec(), "not_wasm"),
        (other_trigger, "wrong_trigger"),
    ] {
        let refused = api.upload(&id, module).await;
        assert_eq!(refused.status, 400, "{refused:?}");
        assert_eq!(refused.body["problems"][0]["code"], code, "{refused:?}");
    }
    let too_long = api.upload(&id, vec![0; (32 << 20) + 1]).await;
    assert_eq!(too_long.status, 413, "{too_long:?}");
    let as_json = api
        .call(
            Method::PUT,
            &format!("/actions/actions/{id}/module"),
            json!({}),
        )
        .await;
    assert_eq!(as_json.status, 415, "{as_json:?}");

    let action = api.get(&format!("/actions/actions/{id}")).await.body;
    assert_eq!(
        (&action["status"], &action["module"]),
        (&json!("pending"), &Value::Null)
    );
}

#[tokio::test]
async fn a_bound_action_is_deleted_only_by_force() {
    let api = Api::start().await;
    let id = api.deployed("Add role").await;
    api.bind(&[&id]).await;

    let refused = api.delete(&format!("/actions/actions/{id}")).await;
    assert_eq!(refused.status, 409);
    let message = refused.status_and_message().1;
    assert!(
        message.starts_with("Unable to delete an action bound to a trigger."),
        "{message}"
    );
    assert!(message.contains("`Add role` at post-login"), "{message}");
    assert_eq!(api.get(POST_LOGIN).await.body["total"], 1);

    assert_eq!(
        api.delete(&format!("/actions/actions/{id}?force=true"))
            .await
            .status,
        204
    );
    assert_eq!(
        api.get(POST_LOGIN).await.body,
        json!({ "per_page": 20, "bindings": [] })
    );
    let gone = api.get(&format!("/actions/actions/{id}")).await;
    assert_eq!(
        gone.status_and_message(),
        (404, "That action does not exist.")
    );
}

#[tokio::test]
async fn bindings_keep_their_identifiers_and_an_old_etag_changes_nothing() {
    let api = Api::start().await;
    let (first, second) = (api.deployed("first").await, api.deployed("second").await);
    let before = api.bind(&[&first, &second]).await;
    let old_etag = before.etag.clone().unwrap();

    let swapped = api.bind(&[&second, &first]).await;
    assert_eq!(
        swapped.body["bindings"][0]["id"],
        before.body["bindings"][1]["id"]
    );
    assert_eq!(
        swapped.body["bindings"][1]["id"],
        before.body["bindings"][0]["id"]
    );
    assert_ne!(swapped.etag, before.etag);

    let request = Request::patch(format!("/api/v2{POST_LOGIN}"))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::IF_MATCH, old_etag);
    let stale = api
        .send(request, &api.token, Body::from(r#"{"bindings":[]}"#))
        .await;
    assert_eq!(stale.status, 412, "{stale:?}");
    let now = api.get(POST_LOGIN).await;
    assert_eq!(
        (now.body["total"].as_u64(), now.etag),
        (Some(2), swapped.etag)
    );
}

#[tokio::test]
async fn a_secret_goes_in_and_never_comes_out() {
    let api = Api::start().await;
    let id = api.deployed("Add role").await;
    let path = format!("/actions/actions/{id}");
    let secrets = json!({ "secrets": [{ "name": "KEY", "value": "hunter2" }] });
    assert_eq!(api.patch(&path, secrets).await.status, 200);
    assert_eq!(
        api.post(&format!("{path}/deploy"), json!({})).await.body["number"],
        2
    );

    for path in [
        path.clone(),
        format!("{path}/versions"),
        "/actions/actions".to_owned(),
    ] {
        let shown = api.get(&path).await.body.to_string();
        assert!(
            shown.contains("KEY") && !shown.contains("hunter2"),
            "{shown}"
        );
    }
    // Sent back without its value it stays, so there is nothing new to deploy.
    let sent_back = json!({ "secrets": [{ "name": "KEY" }] });
    assert_eq!(
        api.patch(&path, sent_back).await.body["all_changes_deployed"],
        true
    );
}

#[tokio::test]
async fn what_nobody_reads_is_refused_by_name() {
    let api = Api::start().await;
    let body = api.post("/clients", json!({ "name": "a", "foo": 1 })).await;
    assert_eq!(
        body.body,
        json!({
            "statusCode": 400, "error": "Bad Request", "errorCode": "invalid_body",
            "message": "Payload validation error: 'Additional properties not allowed: foo'.",
        })
    );
    let query = api.get("/actions/actions?include_totals=true").await;
    assert_eq!(
        query.status_and_message(),
        (
            400,
            "Query validation error: 'Additional properties not allowed: include_totals'."
        )
    );
    assert_eq!(query.body["errorCode"], "invalid_query_string");
    let trigger = api.get("/actions/triggers/nothing/bindings").await;
    assert_eq!(
        (trigger.status, &trigger.body["errorCode"]),
        (400, &json!("invalid_uri"))
    );
}

#[tokio::test]
async fn a_user_is_created_and_patched_and_no_answer_holds_the_password() {
    let api = Api::start().await;
    let body = json!({
        "connection": "Username-Password-Authentication", "email": "Ada@example.com",
        "password": "correct horse", "app_metadata": { "role": "admin", "old": 1 },
        "profile_attributes": { "favorite_color": "blue" },
    });
    let created = api.post("/users", body.clone()).await;
    assert_eq!(created.status, 201, "{created:?}");
    assert_eq!(created.body["name"], "Ada@example.com");
    assert_eq!(created.body["identities"][0]["provider"], "auth0");
    assert_eq!(api.post("/users", body).await.status, 409);

    let id = created.body["user_id"]
        .as_str()
        .unwrap()
        .replace('|', "%7C");
    let path = format!("/users/{id}");
    let patch = json!({ "app_metadata": { "old": null, "new": 2 }, "password": "battery staple" });
    let patched = api.patch(&path, patch).await;
    assert_eq!(
        patched.body["app_metadata"],
        json!({ "role": "admin", "new": 2 })
    );
    for shown in [
        created.body.to_string(),
        patched.body.to_string(),
        api.get(&path).await.body.to_string(),
    ] {
        let secrets = ["correct horse", "battery staple", "argon2", "password\""];
        assert!(
            secrets.iter().all(|secret| !shown.contains(secret)),
            "{shown}"
        );
    }

    let role = api.post("/roles", json!({ "name": "Editor" })).await;
    assert_eq!(role.status, 200);
    let roles = json!({ "roles": [role.body["id"]] });
    assert_eq!(
        api.post(&format!("{path}/roles"), roles.clone())
            .await
            .status,
        204
    );
    assert_eq!(
        api.get(&format!("{path}/roles")).await.body[0]["name"],
        "Editor"
    );
    assert_eq!(
        api.call(Method::DELETE, &format!("{path}/roles"), roles)
            .await
            .status,
        204
    );
    assert_eq!(api.get(&format!("{path}/roles")).await.body, json!([]));

    assert_eq!(api.delete(&path).await.status, 204);
    let gone = api.get(&path).await;
    assert_eq!(gone.status_and_message(), (404, "The user does not exist."));
    assert_eq!(gone.body["errorCode"], "inexistent_user");
}

#[tokio::test]
async fn an_api_with_grants_and_permissions_is_held_together() {
    let api = Api::start().await;
    let created = json!({
        "identifier": "https://api.example.com/", "scopes": [{ "value": "read:x" }],
        "signing_alg": "HS256",
    });
    let created = api.post("/resource-servers", created).await;
    assert_eq!(created.status, 201, "{created:?}");
    assert!(created.body["signing_secret"].as_str().unwrap().len() >= 32);
    let client = api.post("/clients", json!({ "name": "a" })).await.body;
    assert_eq!(client["grant_types"], json!([]), "grants are opt-in");

    let grant = |scope: &str| {
        json!({
            "client_id": client["client_id"], "audience": "https://api.example.com/",
            "scope": [scope],
        })
    };
    let wrong = api.post("/client-grants", grant("write:x")).await;
    assert_eq!(wrong.status, 400, "{wrong:?}");
    assert_eq!(
        api.post("/client-grants", grant("read:x")).await.status,
        201
    );
    assert_eq!(
        api.post("/client-grants", grant("read:x")).await.status,
        409
    );

    let role = api.post("/roles", json!({ "name": "Editor" })).await.body;
    let permissions = |name: &str| {
        let permission = json!({
            "resource_server_identifier": "https://api.example.com/", "permission_name": name,
        });
        json!({ "permissions": [permission] })
    };
    let path = format!("/roles/{}/permissions", role["id"].as_str().unwrap());
    assert_eq!(api.post(&path, permissions("write:x")).await.status, 400);
    assert_eq!(api.post(&path, permissions("read:x")).await.status, 201);
    let held = api.get(&format!("{path}?include_totals=true")).await.body;
    assert_eq!(
        (&held["total"], &held["permissions"][0]["permission_name"]),
        (&json!(1), &json!("read:x"))
    );

    let system = api
        .get("/resource-servers/http%3A%2F%2Flocalhost%2Fapi%2Fv2%2F")
        .await
        .body;
    assert_eq!(system["is_system"], true);
    let path = format!("/resource-servers/{}", system["id"].as_str().unwrap());
    assert_eq!(api.delete(&path).await.status, 400);
    assert_eq!(api.patch(&path, json!({ "name": "x" })).await.status, 400);
}

#[tokio::test]
async fn an_organization_has_members_with_roles_of_their_own() {
    let api = Api::start().await;
    let organization = api.post("/organizations", json!({ "name": "acme" })).await;
    assert_eq!(organization.status, 201, "{organization:?}");
    let path = format!(
        "/organizations/{}",
        organization.body["id"].as_str().unwrap()
    );
    let user = json!({ "username": "ada", "user_id": "ada" });
    assert_eq!(api.post("/users", user).await.status, 201);
    let role = api.post("/roles", json!({ "name": "Owner" })).await.body;

    let members = json!({ "members": ["auth0|ada"] });
    assert_eq!(
        api.post(&format!("{path}/members"), members.clone())
            .await
            .status,
        204
    );
    let roles_path = format!("{path}/members/auth0%7Cada/roles");
    assert_eq!(
        api.post(&roles_path, json!({ "roles": [role["id"]] }))
            .await
            .status,
        204
    );
    // Who is a member already stays as they are.
    assert_eq!(
        api.post(&format!("{path}/members"), members.clone())
            .await
            .status,
        204
    );
    assert_eq!(api.get(&roles_path).await.body[0]["name"], "Owner");
    let listed = api
        .get(&format!("{path}/members?include_totals=true"))
        .await
        .body;
    assert_eq!(
        (&listed["total"], &listed["members"][0]["user_id"]),
        (&json!(1), &json!("auth0|ada"))
    );
    let nobody = json!({ "members": ["auth0|nobody"] });
    assert_eq!(
        api.post(&format!("{path}/members"), nobody).await.status,
        404
    );

    assert_eq!(
        api.call(Method::DELETE, &format!("{path}/members"), members)
            .await
            .status,
        204
    );
    assert_eq!(api.get(&roles_path).await.status, 404);
    let by_name = api.get("/organizations/name/acme").await;
    assert_eq!(by_name.body["id"], organization.body["id"]);
    assert_eq!(api.delete(&path).await.status, 204);
    let gone = api.get(&path).await;
    assert_eq!(
        gone.status_and_message(),
        (404, "No organization found by that id or name")
    );
}

#[tokio::test]
async fn settings_are_changed_one_by_one() {
    let api = Api::start().await;
    let path = "/tenants/settings";
    let changed = api
        .patch(path, json!({ "claims": { "private_names": "allow" } }))
        .await;
    assert_eq!(changed.status, 200, "{changed:?}");
    let unknown = api
        .patch(path, json!({ "default_audience": "https://nowhere/" }))
        .await;
    assert_eq!(unknown.status, 400, "{unknown:?}");
    let mut settings = api.get(path).await.body;
    let limits = settings.as_object_mut().unwrap().remove("limits");
    assert!(limits.is_some_and(|limits| limits["deadline_ms"].is_object()));
    assert_eq!(
        settings,
        json!({
            "friendly_name": "", "picture_url": "", "allowed_logout_urls": [],
            "default_audience": "", "signing_alg": "RS256",
            "session_lifetime": 168, "idle_session_lifetime": 72,
            "claims": { "private_names": "allow", "on_refusal": "drop" },
        })
    );
}

#[tokio::test]
async fn a_rotation_names_the_key_that_it_made_though_none_was_published_before() {
    let api = Api::start().await;

    let rotated = api.post("/keys/signing/rotate?alg=RS256", json!({})).await;

    assert_eq!(rotated.status, 201, "{rotated:?}");
    let kid = rotated.body["kid"].as_str().unwrap();
    assert_eq!(rotated.body["keys"][0]["kid"], kid);
    let listed = api.get("/keys/signing").await.body;
    let kids: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|key| &key["kid"])
        .collect();
    assert!(kids.contains(&&json!(kid)), "{listed}");
}

#[tokio::test]
async fn an_oversized_or_broken_json_body_is_refused_with_its_reason() {
    let api = Api::start().await;
    let send = async |body: Vec<u8>| {
        let request =
            Request::post("/api/v2/roles").header(header::CONTENT_TYPE, "application/json");
        api.send(request, &api.token, Body::from(body)).await
    };
    assert_eq!(send(vec![b' '; (1 << 20) + 1]).await.status, 413);
    let broken = send(b"{\"name\":".to_vec()).await;
    assert_eq!(
        (broken.status, &broken.body["errorCode"]),
        (400, &json!("invalid_body"))
    );
    assert_eq!(send(b"[]".to_vec()).await.status, 400);
    assert_eq!(api.get("/roles").await.body, json!([]));
}

#[tokio::test]
async fn the_operator_makes_tenants_and_reaches_their_bindings() {
    let api = Api::start().await;
    let action = api.deployed("Add role").await;
    api.bind(&[&action]).await;
    let platform = async |method: Method, path: &str, body: Value| {
        let request = Request::builder()
            .method(method)
            .uri(format!("/platform/v1{path}"));
        let request = request.header(header::CONTENT_TYPE, "application/json");
        api.send(request, PLATFORM_TOKEN, Body::from(body.to_string()))
            .await
    };

    let new = json!({ "id": "acme", "public_url": "https://login.acme.com", "domains": [] });
    let created = platform(Method::POST, "/tenants", new.clone()).await;
    assert_eq!(created.status, 201, "{created:?}");
    assert_eq!(created.body["issuer"], "https://login.acme.com/");
    assert_eq!(
        created.body["management"]["audience"],
        "https://login.acme.com/api/v2/"
    );
    assert_eq!(platform(Method::POST, "/tenants", new).await.status, 409);
    let listed = platform(Method::GET, "/tenants", json!(null)).await.body;
    assert_eq!(listed["tenants"][0]["id"], "acme");
    assert_eq!(
        platform(Method::DELETE, "/tenants/acme", json!(null))
            .await
            .status,
        204
    );
    assert_eq!(
        platform(Method::DELETE, "/tenants/acme", json!(null))
            .await
            .status,
        404
    );

    let path = "/tenants/dev/triggers/post-login/bindings";
    let bound = platform(Method::GET, path, json!(null)).await;
    assert_eq!(
        bound.body["bindings"][0]["action"]["id"],
        action.as_str(),
        "{bound:?}"
    );
    let unbound = platform(Method::PATCH, path, json!({ "bindings": [] })).await;
    assert_eq!(
        (unbound.status, &unbound.body),
        (200, &json!({ "bindings": [] }))
    );

    let with_tenant_token = api
        .send(
            Request::get("/platform/v1/tenants"),
            &api.token,
            Body::empty(),
        )
        .await;
    assert_eq!(with_tenant_token.status, StatusCode::UNAUTHORIZED.as_u16());
}
