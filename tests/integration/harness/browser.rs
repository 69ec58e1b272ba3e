//! A browser without scripts: it keeps cookies, follows redirects within the server, and
//! fills in forms.

use std::{cell::RefCell, collections::BTreeMap};

use ::http::{HeaderMap, HeaderValue, header};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use url::{Url, form_urlencoded};

use super::{Client, PASSWORD, Tenant, User, http::Answer};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// Where the clients of these tests are called back.
pub(crate) const CALLBACK: &str = "https://app.example.com/callback";

/// What clients prove their codes by.
pub(crate) const VERIFIER: &str = "a-code-verifier-of-forty-three-characters-x";

/// A browser with its cookies of one tenant.
#[derive(Debug)]
pub(crate) struct Browser<'t> {
    tenant: &'t Tenant,
    pub(crate) cookies: RefCell<BTreeMap<String, String>>,
}

/// An authorization request: parameters in order.
#[derive(Debug, Clone)]
pub(crate) struct Authorize(pub(crate) Vec<(String, String)>);

/// A page with at most one form.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) answer: Answer,
    pub(crate) action: String,
    /// Its hidden inputs.
    pub(crate) hidden: Vec<(String, String)>,
}

/// What a client got at its redirect URI.
#[derive(Debug)]
pub(crate) struct Callback {
    /// The redirect URI, without what was added to it.
    pub(crate) uri: String,
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) answer: Answer,
}

impl Tenant {
    /// A browser that has never been here.
    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser {
            tenant: self,
            cookies: RefCell::default(),
        }
    }

    /// A single-page application: it keeps no secret, and uses the code flow.
    pub(crate) async fn spa(&self) -> Client {
        self.client("spa")
            .with("app_type", "spa")
            .grant_types(&["authorization_code", "refresh_token"])
            .with("callbacks", serde_json::json!([CALLBACK]))
            .create()
            .await
    }
}

impl Authorize {
    /// The code flow with PKCE, for the scopes `openid email`.
    pub(crate) fn code(client: &Client) -> Self {
        Self(Vec::new())
            .with("client_id", &client.id)
            .with("redirect_uri", CALLBACK)
            .with("response_type", "code")
            .with("scope", "openid email")
            .with("state", "the-state")
            .with("code_challenge", &challenge(VERIFIER))
            .with("code_challenge_method", "S256")
    }

    /// Another response type, with a nonce.
    pub(crate) fn response_type(client: &Client, response_type: &str) -> Self {
        Self::code(client)
            .with("response_type", response_type)
            .with("nonce", "the-nonce")
    }

    /// With a parameter in place of one of its name.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        self.and(name, value)
    }

    /// With one more parameter.
    pub(crate) fn and(mut self, name: &str, value: &str) -> Self {
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.retain(|(given, _)| given != name);
        self
    }

    pub(crate) fn query(&self) -> String {
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.0)
            .finish()
    }

    pub(crate) fn path(&self) -> String {
        format!("/authorize?{}", self.query())
    }
}

impl Browser<'_> {
    /// Opens an address of the server.
    pub(crate) async fn open(&self, path: &str) -> Answer {
        self.send("GET", path, HeaderMap::new(), String::new())
            .await
    }

    /// Posts a form to the server.
    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        self.send("POST", path, headers, form).await
    }

    async fn send(&self, method: &str, path: &str, mut headers: HeaderMap, body: String) -> Answer {
        let cookies: Vec<String> = self
            .cookies
            .borrow()
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if !cookies.is_empty() {
            headers.insert(header::COOKIE, cookies.join("; ").parse().unwrap());
        }
        let answer = self.tenant.send(method, path, headers, body).await;
        for cookie in answer.headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            assert!(cookie.contains("HttpOnly"), "{cookie}");
            let (name, rest) = cookie.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            let mut cookies = self.cookies.borrow_mut();
            if cookie.contains("Max-Age=0") {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// Asks for authorization; a page must come.
    pub(crate) async fn page(&self, request: &Authorize) -> Page {
        Page::of(self.open(&request.path()).await)
    }

    /// Asks for authorization; it must lead back to the client at once.
    pub(crate) async fn callback(&self, request: &Authorize) -> Callback {
        Callback::of(self.open(&request.path()).await)
    }

    /// Fills in a page's form.
    pub(crate) async fn submit(&self, page: &Page, inputs: &[(&str, &str)]) -> Answer {
        let hidden = page.hidden.iter();
        let hidden = hidden.map(|(name, value)| (name.as_str(), value.as_str()));
        let form: Vec<_> = hidden.chain(inputs.iter().copied()).collect();
        self.post(&page.action, &form).await
    }

    /// Types a user's password into the login page.
    pub(crate) async fn type_password(&self, page: &Page, user: &User) -> Answer {
        let inputs = [("username", user.email.as_str()), ("password", PASSWORD)];
        self.submit(page, &inputs).await
    }

    /// Asks for authorization and logs in.
    pub(crate) async fn log_in(&self, request: &Authorize, user: &User) -> Callback {
        let page = self.page(request).await;
        Callback::of(self.type_password(&page, user).await)
    }

    pub(crate) fn session_cookie(&self) -> Option<String> {
        self.cookies.borrow().get("claimsmith_session").cloned()
    }
}

impl Page {
    #[track_caller]
    pub(crate) fn of(answer: Answer) -> Self {
        let html = &answer.text;
        assert!(html.starts_with("<!DOCTYPE html>"), "{answer:?}");
        let attribute = |element: &str, name: &str| {
            let (_, rest) = element.split_once(&format!(" {name}=\""))?;
            let value = rest.split('"').next()?;
            Some(unescaped(value))
        };
        let elements = || html.split('<').map(|it| it.split('>').next().unwrap());
        let form = elements().find(|it| it.starts_with("form"));
        let action = form.and_then(|form| attribute(form, "action"));
        let hidden = elements()
            .filter(|it| it.starts_with("input type=\"hidden\""))
            .map(|it| {
                let value = attribute(it, "value").unwrap();
                (attribute(it, "name").unwrap(), value)
            })
            .collect();
        Self {
            action: action.unwrap_or_default(),
            hidden,
            answer,
        }
    }

    /// This page, which must be the login page.
    #[track_caller]
    pub(crate) fn expect_login(self) -> Self {
        assert_eq!(self.action, "/u/login", "{}", self.answer.text);
        self
    }

    /// This page, which must be the consent page.
    #[track_caller]
    pub(crate) fn expect_consent(self) -> Self {
        assert_eq!(self.action, "/u/consent", "{}", self.answer.text);
        self
    }

    /// The page's text, which must be an error page with this status.
    #[track_caller]
    pub(crate) fn expect_error(self, status: u16) -> String {
        assert_eq!(self.answer.status, status, "{}", self.answer.text);
        assert_eq!(self.action, "", "{}", self.answer.text);
        assert_eq!(self.answer.header("location"), "");
        self.answer.text
    }
}

impl Callback {
    /// What a redirect leads to.
    #[track_caller]
    pub(crate) fn of(answer: Answer) -> Self {
        assert_eq!(answer.status, 303, "{}", answer.text);
        let location = answer.header("location").to_owned();
        let url = Url::parse(&location).unwrap();
        let added = url.fragment().or(url.query()).unwrap_or_default();
        let mut uri = url.clone();
        uri.set_fragment(None);
        if url.fragment().is_none() {
            uri.set_query(None);
        }
        Self {
            uri: uri.to_string(),
            parameters: form_urlencoded::parse(added.as_bytes())
                .into_owned()
                .collect(),
            answer,
        }
    }

    /// A parameter; empty when it isn't there.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    /// The code, which must be there.
    #[track_caller]
    pub(crate) fn code(&self) -> &str {
        let code = self.get("code");
        assert!(!code.is_empty(), "{:?}", self.parameters);
        code
    }

    /// Asserts that it is this error and holds nothing else; answers its description.
    #[track_caller]
    pub(crate) fn expect_error(&self, error: &str) -> &str {
        assert_eq!(self.get("error"), error, "{:?}", self.parameters);
        for name in ["code", "access_token", "id_token"] {
            assert_eq!(self.get(name), "", "{:?}", self.parameters);
        }
        self.get("error_description")
    }
}

/// The S256 challenge of a verifier (RFC 7636 section 4.2).
pub(crate) fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

/// Exchanges a code for tokens.
pub(crate) async fn redeem(tenant: &Tenant, client: &Client, code: &str) -> super::Reply {
    let request = tenant.token_request();
    let request = if client.secret.is_empty() {
        request.with("client_id", client.id.as_str())
    } else {
        request.client(client)
    };
    request
        .with("grant_type", "authorization_code")
        .with("code", code)
        .with("redirect_uri", CALLBACK)
        .with("code_verifier", VERIFIER)
        .send()
        .await
}

/// The execution record of a run that the answer names.
pub(crate) async fn record(tenant: &Tenant, answer: &Answer) -> Value {
    let id = answer.header("claimsmith-execution-id");
    let path = format!("actions/executions/{id}");
    tenant.manage("GET", &path, Value::Null).await.expect(200)
}

fn unescaped(text: &str) -> String {
    text.replace("&quot;", "\"")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}
