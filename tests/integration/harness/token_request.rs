//! Requests to the token endpoint.

use ::http::{HeaderMap, HeaderName, HeaderValue, header};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::{Client, Reply, Tenant};

/// A request to the token endpoint; a form unless told otherwise.
#[derive(Debug)]
pub(crate) struct TokenRequest<'t> {
    tenant: &'t Tenant,
    parameters: Map<String, Value>,
    headers: HeaderMap,
    is_json: bool,
    query: &'static str,
}

impl<'t> TokenRequest<'t> {
    pub(super) fn new(tenant: &'t Tenant) -> Self {
        Self {
            tenant,
            parameters: Map::new(),
            headers: HeaderMap::new(),
            is_json: false,
            query: "",
        }
    }

    /// The client, with its secret in the body (`client_secret_post`).
    pub(crate) fn client(self, client: &Client) -> Self {
        self.with("client_id", client.id.as_str())
            .with("client_secret", client.secret.as_str())
    }

    /// The client, with its secret in the header (`client_secret_basic`).
    pub(crate) fn basic(self, client: &Client) -> Self {
        let credentials = STANDARD.encode(format!("{}:{}", client.id, client.secret));
        self.without("client_id")
            .without("client_secret")
            .header(header::AUTHORIZATION, &format!("Basic {credentials}"))
    }

    pub(crate) fn audience(self, audience: &str) -> Self {
        self.with("audience", audience)
    }

    pub(crate) fn scope(self, scope: &str) -> Self {
        self.with("scope", scope)
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.parameters.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.parameters.remove(name);
        self
    }

    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Self {
        self.headers.insert(name, value.parse().unwrap());
        self
    }

    /// Parameters in the URL, such as `?a=b`.
    pub(crate) fn query(mut self, query: &'static str) -> Self {
        self.query = query;
        self
    }

    /// Sends a JSON body instead of a form.
    pub(crate) fn json(mut self) -> Self {
        self.is_json = true;
        self
    }

    /// Sends the request, and verifies every token that comes back: the signature
    /// against the tenant's key set, and the issuer. Tokens signed with a secret that
    /// an API shares are the test's to verify.
    pub(crate) async fn send(self) -> Reply {
        let (media_type, body) = if self.is_json {
            (
                "application/json",
                Value::Object(self.parameters).to_string(),
            )
        } else {
            let mut form = form_urlencoded::Serializer::new(String::new());
            for (name, value) in &self.parameters {
                form.append_pair(name, value.as_str().unwrap());
            }
            ("application/x-www-form-urlencoded", form.finish())
        };
        let mut headers = self.headers;
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        let path = format!("/oauth/token{}", self.query);
        let answer = self.tenant.send("POST", &path, headers, body).await;
        assert_eq!(
            answer.header("cache-control"),
            "no-store",
            "RFC 6749 section 5.1"
        );
        let reply = Reply::new(answer);
        reply.verify(&self.tenant.issuer, &self.tenant.jwks().await);
        reply
    }
}
