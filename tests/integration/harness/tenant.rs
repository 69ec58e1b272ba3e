//! One tenant, administered over the Management API.

use std::net::SocketAddr;

use ::http::{HeaderMap, HeaderValue, Method, Response, header};
use bytes::Bytes;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use url::Url;

use super::{
    Reply,
    actions::ActionFixture,
    http::{self, Answer},
    things::{Client, NewApi, NewClient, NewUser, User},
    token_request::TokenRequest,
};

/// A tenant of a server under test, with its admin's credentials.
#[derive(Debug)]
pub(crate) struct Tenant {
    address: SocketAddr,
    /// What its requests name as Host.
    pub(crate) host: String,
    pub(crate) issuer: String,
    pub(crate) admin: Client,
    pub(crate) management_audience: String,
    token: OnceCell<String>,
}

impl Tenant {
    /// The tenant that a `bootstrap.json`, or the answer of the platform API that
    /// created it, tells of.
    pub(crate) fn of_bootstrap(address: SocketAddr, bootstrap: &Value) -> Self {
        let text = |pointer: &str| {
            let value = bootstrap.pointer(pointer).and_then(Value::as_str);
            value
                .unwrap_or_else(|| panic!("no {pointer} in {bootstrap}"))
                .to_owned()
        };
        let issuer = text("/issuer");
        let host = Url::parse(&issuer).unwrap().host_str().unwrap().to_owned();
        Self {
            address,
            host,
            issuer,
            admin: Client {
                id: text("/management/client_id"),
                secret: text("/management/client_secret"),
            },
            management_audience: text("/management/audience"),
            token: OnceCell::new(),
        }
    }

    /// Sends any request to this tenant.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: HeaderMap,
        body: impl Into<Bytes>,
    ) -> Answer {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        http::send(self.address, &self.host, method, path, headers, body).await
    }

    /// Asks the Management API of a server that may be gone before it has answered.
    pub(crate) async fn try_manage(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: Value,
    ) -> Option<Answer> {
        let path = format!("/api/v2/{path}");
        let bearer = format!("Bearer {token}").parse().unwrap();
        let headers = HeaderMap::from_iter([
            (header::AUTHORIZATION, bearer),
            (
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            ),
        ]);
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        self.try_send(method, &path, headers, body).await
    }

    /// Asks the token endpoint of such a server.
    pub(crate) async fn try_token(&self, parameters: &[(&str, &str)]) -> Option<Answer> {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(parameters);
        let media_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, media_type)]);
        self.try_send("POST", "/oauth/token", headers, form.finish())
            .await
    }

    async fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: HeaderMap,
        body: String,
    ) -> Option<Answer> {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let sent = http::try_send(self.address, &self.host, method, path, headers, body).await;
        sent.ok()
    }

    /// Asks for something whose answer has no end, and leaves its body to be read.
    pub(crate) async fn open(&self, path: &str, headers: HeaderMap) -> Response<Incoming> {
        http::begin(
            self.address,
            &self.host,
            Method::GET,
            path,
            headers,
            Bytes::new(),
        )
        .await
    }

    /// Sends JSON, or nothing for `null`, with a bearer token.
    pub(crate) async fn ask(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Value,
    ) -> Answer {
        let mut headers = HeaderMap::new();
        if let Some(token) = token {
            headers.insert(
                header::AUTHORIZATION,
                format!("Bearer {token}").parse().unwrap(),
            );
        }
        if body.is_null() {
            return self.send(method, path, headers, "").await;
        }
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        self.send(method, path, headers, body.to_string()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, None, Value::Null).await
    }

    /// Asks the Management API: `path` follows `/api/v2/`, `body` is JSON or `null`.
    pub(crate) async fn manage(&self, method: &str, path: &str, body: Value) -> Answer {
        let token = self.management_token().await;
        self.ask(method, &format!("/api/v2/{path}"), Some(&token), body)
            .await
    }

    /// An access token with all scopes of the Management API.
    pub(crate) async fn management_token(&self) -> String {
        let get = || async {
            let request = self
                .exchange(&self.admin)
                .audience(&self.management_audience);
            request
                .send()
                .await
                .expect_token()
                .access_token()
                .to_owned()
        };
        self.token.get_or_init(get).await.clone()
    }

    /// The public keys.
    pub(crate) async fn jwks(&self) -> Value {
        self.get("/.well-known/jwks.json").await.expect(200)
    }

    pub(crate) fn api(&self, identifier: &str) -> NewApi<'_> {
        NewApi::new(self, identifier)
    }

    pub(crate) fn client(&self, name: &str) -> NewClient<'_> {
        NewClient::new(self, name)
    }

    pub(crate) fn user(&self, email: &str) -> NewUser<'_> {
        NewUser::new(self, email)
    }

    /// A client that may use the password grant.
    pub(crate) async fn app(&self) -> Client {
        self.client("app").grant_types(&["password"]).create().await
    }

    /// A client that may use client credentials for [`API`](super::API), with the scope
    /// `read:reports`.
    pub(crate) async fn job(&self) -> Client {
        self.client("job")
            .may_call(super::API, &["read:reports"])
            .create()
            .await
    }

    /// Creates a role; answers its identifier.
    pub(crate) async fn role(&self, name: &str, permissions: &[&str]) -> String {
        let role = self
            .manage("POST", "roles", json!({"name": name}))
            .await
            .expect(200);
        let id = role["id"].as_str().unwrap().to_owned();
        if !permissions.is_empty() {
            let permissions: Vec<Value> = permissions
                .iter()
                .map(|name| {
                    json!({"permission_name": name, "resource_server_identifier": super::API})
                })
                .collect();
            let path = format!("roles/{id}/permissions");
            self.manage("POST", &path, json!({"permissions": permissions}))
                .await
                .expect(201);
        }
        id
    }

    /// Creates an organization with members; answers its identifier.
    pub(crate) async fn organization(&self, name: &str, members: &[&User]) -> String {
        let body = json!({"name": name, "display_name": name});
        let organization = self.manage("POST", "organizations", body).await.expect(201);
        let id = organization["id"].as_str().unwrap().to_owned();
        if !members.is_empty() {
            let members: Vec<&str> = members.iter().map(|user| user.id.as_str()).collect();
            let path = format!("organizations/{id}/members");
            self.manage("POST", &path, json!({"members": members}))
                .await
                .expect(204);
        }
        id
    }

    pub(crate) async fn settings(&self, settings: Value) {
        self.manage("PATCH", "tenants/settings", settings)
            .await
            .expect(200);
    }

    /// Creates an Action without a module; answers its identifier.
    pub(crate) async fn create_action(&self, name: &str, trigger: &str) -> String {
        let body = json!({
            "name": name, "runtime": "wasm", "supported_triggers": [{"id": trigger}],
        });
        let created = self
            .manage("POST", "actions/actions", body)
            .await
            .expect(201);
        created["id"].as_str().unwrap().to_owned()
    }

    /// Uploads the module of an Action's draft.
    pub(crate) async fn upload(&self, action_id: &str, module: impl Into<Bytes>) -> Answer {
        self.put_module(&format!("actions/actions/{action_id}/module"), module)
            .await
    }

    /// Uploads a module: `path` follows `/api/v2/`.
    pub(crate) async fn put_module(&self, path: &str, module: impl Into<Bytes>) -> Answer {
        let token = self.management_token().await;
        let mut headers = HeaderMap::new();
        headers.insert(
            header::AUTHORIZATION,
            format!("Bearer {token}").parse().unwrap(),
        );
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/wasm"),
        );
        let path = format!("/api/v2/{path}");
        self.send("PUT", &path, headers, module).await
    }

    /// Creates, uploads and deploys an Action; answers its identifier.
    pub(crate) async fn deploy(&self, trigger: &str, action: ActionFixture) -> String {
        let id = self.create_action(&action.name, trigger).await;
        let path = format!("actions/actions/{id}");
        if !action.secrets.is_empty() {
            let body = json!({"secrets": action.secrets});
            self.manage("PATCH", &path, body).await.expect(200);
        }
        if !action.allowed_hosts.is_empty() {
            let body = json!({"allowed_hosts": action.allowed_hosts});
            self.manage("PATCH", &path, body).await.expect(200);
        }
        self.upload(&id, action.module).await.expect(200);
        self.manage("POST", &format!("{path}/deploy"), Value::Null)
            .await
            .expect(200);
        id
    }

    /// Deploys Actions and binds them, in this order, in place of whatever was bound.
    pub(crate) async fn bind<const N: usize>(
        &self,
        trigger: &str,
        actions: [ActionFixture; N],
    ) -> [String; N] {
        let mut bindings = Vec::with_capacity(N);
        let mut ids = Vec::with_capacity(N);
        for action in actions {
            let on_error = action.on_error.unwrap_or("deny");
            let id = self.deploy(trigger, action).await;
            bindings.push(json!({
                "ref": {"type": "action_id", "value": id}, "on_error": on_error,
            }));
            ids.push(id);
        }
        self.set_bindings(trigger, json!(bindings))
            .await
            .expect(200);
        ids.try_into().unwrap()
    }

    /// Replaces a trigger's bindings.
    pub(crate) async fn set_bindings(&self, trigger: &str, bindings: Value) -> Answer {
        let path = format!("actions/triggers/{trigger}/bindings");
        self.manage("PATCH", &path, json!({"bindings": bindings}))
            .await
    }

    /// The names of the Actions bound to a trigger, in order.
    pub(crate) async fn bound(&self, trigger: &str) -> Vec<String> {
        let path = format!("actions/triggers/{trigger}/bindings");
        let answer = self.manage("GET", &path, Value::Null).await.expect(200);
        let bindings = answer["bindings"].as_array().unwrap().iter();
        bindings
            .map(|it| it["action"]["name"].as_str().unwrap().to_owned())
            .collect()
    }

    /// A token request with any grant.
    pub(crate) fn token_request(&self) -> TokenRequest<'_> {
        TokenRequest::new(self)
    }

    /// A login with the password grant, for [`API`](super::API).
    pub(crate) fn login(&self, app: &Client, user: &User) -> TokenRequest<'_> {
        self.token_request()
            .client(app)
            .with("grant_type", "password")
            .with("username", user.email.as_str())
            .with("password", super::PASSWORD)
            .audience(super::API)
    }

    /// A client credentials exchange, for [`API`](super::API).
    pub(crate) fn exchange(&self, job: &Client) -> TokenRequest<'_> {
        self.token_request()
            .client(job)
            .with("grant_type", "client_credentials")
            .audience(super::API)
    }

    /// The record of the execution that a reply names.
    pub(crate) async fn execution(&self, reply: &Reply) -> Execution {
        let path = format!("actions/executions/{}", reply.execution_id());
        Execution(self.manage("GET", &path, Value::Null).await.expect(200))
    }

    pub(crate) async fn userinfo(&self, access_token: &str) -> Answer {
        self.ask("GET", "/userinfo", Some(access_token), Value::Null)
            .await
    }

    /// A user as the Management API shows them.
    pub(crate) async fn stored_user(&self, user: &User) -> Value {
        self.manage("GET", &format!("users/{}", user.in_path()), Value::Null)
            .await
            .expect(200)
    }
}

/// The record of what happened when a trigger ran.
#[derive(Debug)]
pub(crate) struct Execution(pub(crate) Value);

impl Execution {
    /// The names of the Actions that ran, in order.
    pub(crate) fn actions(&self) -> Vec<&str> {
        self.results()
            .iter()
            .map(|it| it["action_name"].as_str().unwrap())
            .collect()
    }

    pub(crate) fn results(&self) -> &[Value] {
        self.0["results"].as_array().unwrap()
    }

    pub(crate) fn warnings(&self) -> &[Value] {
        self.0["warnings"].as_array().unwrap()
    }

    /// Token, name and code of each refused claim, each of which must come with a reason
    /// and a remedy.
    #[track_caller]
    pub(crate) fn refused(&self) -> Vec<(&str, &str, &str)> {
        let list = self.0["claims"]["refused"].as_array().unwrap();
        list.iter()
            .map(|it| {
                let text = |key: &str| it[key].as_str().unwrap();
                assert!(
                    !text("message").is_empty() && !text("remedy").is_empty(),
                    "{it}"
                );
                (text("token"), text("claim"), text("code"))
            })
            .collect()
    }

    /// The entry of one refused claim.
    #[track_caller]
    pub(crate) fn refusal(&self, claim: &str) -> &Value {
        let mut list = self.0["claims"]["refused"].as_array().unwrap().iter();
        let found = list.find(|it| it["claim"] == claim);
        found.unwrap_or_else(|| panic!("{claim} was not refused: {}", self.0))
    }

    /// Token, name and value of each admitted claim.
    pub(crate) fn admitted(&self) -> Vec<(&str, &str, &Value)> {
        let list = self.0["claims"]["admitted"].as_array().unwrap();
        list.iter()
            .map(|it| {
                let text = |key: &str| it[key].as_str().unwrap();
                (text("token"), text("claim"), &it["value"])
            })
            .collect()
    }

    /// Level and message of each log line of one Action's run.
    pub(crate) fn logs(&self, run: usize) -> Vec<(&str, &str)> {
        let lines = self.results()[run]["logs"].as_array().unwrap();
        lines
            .iter()
            .map(|line| {
                (
                    line["level"].as_str().unwrap(),
                    line["message"].as_str().unwrap(),
                )
            })
            .collect()
    }
}
