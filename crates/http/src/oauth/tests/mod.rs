//! The token endpoint from outside, with a clock that can be moved and a store that can
//! be looked into: what the tests over real HTTP can't do.

mod attempts;
mod authorization_code;
mod client_authentication;
mod client_organizations;
mod hostile_requests;
mod max_age;
mod refresh;
mod revoke;
mod target;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::ConnectInfo,
};
use claimsmith_model::{Clock, Secret, Timestamp};
use claimsmith_service::{NewTenant, TenantContext};
use http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::{AppState, PlatformToken, management::tests::services_at, router};

const API: &str = "https://api.example.com/";
const PASSWORD: &str = "correct horse battery staple";
/// The moment at which tests begin.
const START_MS: i64 = 1_790_000_000_000;

/// A clock that stands still until it is moved.
#[derive(Debug)]
struct Moved {
    now_ms: AtomicI64,
    /// At which of the readings to come it moves by itself, and by how much.
    reading: AtomicI64,
    by_ms: AtomicI64,
}

impl Clock for Moved {
    fn now(&self) -> Timestamp {
        if self.reading.fetch_sub(1, Ordering::Relaxed) == 1 {
            let by_ms = self.by_ms.load(Ordering::Relaxed);
            self.now_ms.fetch_add(by_ms, Ordering::Relaxed);
        }
        Timestamp::from_millis(self.now_ms.load(Ordering::Relaxed))
    }
}

/// A server with the tenant `dev`, the API [`API`] and the user `ada@example.com`.
struct World {
    router: Router,
    clock: Arc<Moved>,
    tenant: Arc<TenantContext>,
    management_token: String,
    user_id: String,
    /// Whose requests they seem to be.
    peer: SocketAddr,
}

/// What was answered: the body is `null` when it isn't JSON.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    execution_id: Option<String>,
    retry_after: Option<String>,
    allow: Option<String>,
    body: Value,
}

impl Answer {
    /// An answer that must have brought tokens.
    #[track_caller]
    fn tokens(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }

    /// The code and the text of an error.
    #[track_caller]
    fn refusal(&self) -> (u16, &str, &str) {
        assert!(self.body.get("access_token").is_none(), "{}", self.body);
        let text = |name: &str| self.body[name].as_str().unwrap_or_default();
        (
            self.status.as_u16(),
            text("error"),
            text("error_description"),
        )
    }
}

/// A client of the tests.
#[derive(Debug, Clone)]
struct Client {
    id: String,
    secret: String,
}

impl World {
    async fn start() -> Self {
        let clock = Arc::new(Moved {
            now_ms: AtomicI64::new(START_MS),
            reading: AtomicI64::new(0),
            by_ms: AtomicI64::new(0),
        });
        let services = services_at(Arc::clone(&clock) as Arc<dyn Clock>).await;
        let new = NewTenant {
            id: "dev".parse().unwrap(),
            public_url: "http://localhost/".to_owned(),
            domains: Vec::new(),
        };
        let setup = services.tenants.create(new).await.unwrap();
        let tenant = services.tenants.by_id(&setup.tenant.id).unwrap();
        let state = AppState::new(services, PlatformToken::new(Secret::new("platform")));
        let mut world = Self {
            router: router(state),
            clock,
            tenant,
            management_token: String::new(),
            user_id: String::new(),
            peer: SocketAddr::from(([192, 0, 2, 1], 1)),
        };
        let admin = Client {
            id: setup.management_client_id.as_str().to_owned(),
            secret: setup.management_client_secret.expose().to_owned(),
        };
        let token = world.token(
            &admin,
            json!({"grant_type": "client_credentials", "audience": setup.management_audience}),
        );
        let tokens = token.await.tokens();
        world.management_token = tokens["access_token"].as_str().unwrap().to_owned();
        let scopes = json!([{"value": "read:reports"}, {"value": "write:reports"}]);
        let api = json!({
            "identifier": API, "signing_alg": "ES256", "scopes": scopes,
            "allow_offline_access": true,
        });
        world.manage("POST", "resource-servers", api).await;
        let ada = json!({
            "connection": "Username-Password-Authentication", "email": "ada@example.com",
            "password": PASSWORD,
        });
        let ada = world.manage("POST", "users", ada).await;
        world.user_id = ada["user_id"].as_str().unwrap().to_owned();
        world
    }

    /// Moves the clock on.
    fn later(&self, seconds: i64) {
        let by_ms = seconds * 1_000;
        self.clock.now_ms.fetch_add(by_ms, Ordering::Relaxed);
    }

    /// Lets the clock move on by itself, when it is read for the `reading`th time from now.
    fn later_at(&self, reading: i64, seconds: i64) {
        self.clock.by_ms.store(seconds * 1_000, Ordering::Relaxed);
        self.clock.reading.store(reading, Ordering::Relaxed);
    }

    /// The path of the user in the Management API.
    fn user_path(&self) -> String {
        format!("users/{}", self.user_id.replace('|', "%7C"))
    }

    /// Creates a client; what it doesn't say of itself is as the server has it.
    async fn client(&self, mut body: Value) -> Client {
        body["name"] = "app".into();
        let created = self.manage("POST", "clients", body).await;
        let text = |name: &str| created[name].as_str().unwrap_or_default().to_owned();
        Client {
            id: text("client_id"),
            secret: text("client_secret"),
        }
    }

    /// Asks the Management API for what must succeed; answers the body.
    async fn manage(&self, method: &str, path: &str, body: Value) -> Value {
        let token = self.management_token.as_str();
        let path = format!("/api/v2/{path}");
        let answer = self.send(method, &path, Some(token), body).await;
        assert!(answer.status.is_success(), "{path}: {answer:?}");
        answer.body
    }

    /// Asks for a token in the name of a client, with its secret where it has one.
    async fn token(&self, client: &Client, mut body: Value) -> Answer {
        body["client_id"] = client.id.as_str().into();
        if !client.secret.is_empty() && body.get("client_secret").is_none() {
            body["client_secret"] = client.secret.as_str().into();
        }
        self.send("POST", "/oauth/token", None, body).await
    }

    /// A login with the password grant.
    async fn login(&self, client: &Client, scope: &str) -> Answer {
        let body = json!({
            "grant_type": "password", "username": "ada@example.com", "password": PASSWORD,
            "audience": API, "scope": scope,
        });
        self.token(client, body).await
    }

    /// A client that gets tokens of its own for [`API`].
    async fn job(&self, mut body: Value) -> Client {
        body["grant_types"] = json!(["client_credentials"]);
        let job = self.client(body).await;
        let grant = json!({"client_id": job.id, "audience": API, "scope": ["read:reports"]});
        self.manage("POST", "client-grants", grant).await;
        job
    }

    /// Gives the tenant a value of a limit.
    async fn limit(&self, name: &str, value: u64) {
        let body = json!({"limits": {name: value}});
        let path = "/platform/v1/tenants/dev";
        let answer = self.send("PATCH", path, Some("platform"), body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// Asks `/userinfo`; answers the status.
    async fn userinfo(&self, token: &str) -> u16 {
        let answer = self.send("GET", "/userinfo", Some(token), Value::Null);
        answer.await.status.as_u16()
    }

    async fn send(&self, method: &str, path: &str, token: Option<&str>, body: Value) -> Answer {
        let (media_type, body) = if body.is_null() {
            ("", String::new())
        } else {
            ("application/json", body.to_string())
        };
        self.send_body(method, path, token, (media_type, body))
            .await
    }

    /// Asks for authorization with a session's cookie; answers where that leads.
    async fn authorize(&self, query: &str, session: &str) -> String {
        let mut request = Request::get(format!("/authorize?{query}"))
            .header(header::HOST, "localhost")
            .header(header::COOKIE, format!("claimsmith_session={session}"))
            .body(Body::empty())
            .unwrap();
        request.extensions_mut().insert(ConnectInfo(self.peer));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let location = response.headers().get(header::LOCATION);
        location.unwrap().to_str().unwrap().to_owned()
    }

    /// Posts a form as it is.
    async fn form(&self, path: &str, token: Option<&str>, form: &str) -> Answer {
        let body = ("application/x-www-form-urlencoded", form.to_owned());
        self.send_body("POST", path, token, body).await
    }

    async fn send_body(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        (media_type, body): (&str, String),
    ) -> Answer {
        let mut request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .uri(path)
            .header(header::HOST, "localhost");
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if !media_type.is_empty() {
            request = request.header(header::CONTENT_TYPE, media_type);
        }
        let mut request = request.body(Body::from(body)).unwrap();
        request.extensions_mut().insert(ConnectInfo(self.peer));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let header = |name: &str| {
            let value = parts.headers.get(name)?;
            Some(value.to_str().unwrap().to_owned())
        };
        let bytes = to_bytes(body, 1 << 20).await.unwrap();
        Answer {
            status: parts.status,
            execution_id: header("claimsmith-execution-id"),
            retry_after: header("retry-after"),
            allow: header("allow"),
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        }
    }
}

/// The claims of a signed token, unverified.
fn claims(token: &Value) -> Value {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

    let payload = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}
