//! Talking to the server over HTTP, with every unexpected answer told in full.

use std::{fmt, time::Duration};

use anyhow::{Context, Result, bail};
use minreq::Method;
use serde_json::Value;

/// A request to a server on this machine takes milliseconds; compiling an uploaded
/// module takes seconds.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// The server as one caller sees it.
#[derive(Clone)]
pub(crate) struct Api {
    base: String,
    bearer: Option<String>,
}

/// A request about to be sent.
pub(crate) struct Request<'a> {
    method: Method,
    path: String,
    body: Body<'a>,
}

/// What a request carries.
enum Body<'a> {
    Nothing,
    Json(Value),
    Form(Vec<(&'a str, &'a str)>),
    Module(&'a [u8]),
}

/// An answer to a browser.
pub(crate) struct Page {
    /// Its status.
    pub(crate) status: u16,
    /// Where it leads, if anywhere.
    pub(crate) location: Option<String>,
    /// The cookies that it sets, with their attributes.
    pub(crate) cookies: Vec<String>,
    /// Its HTML.
    pub(crate) text: String,
}

/// An answer with the status that was expected.
pub(crate) struct Answer {
    /// Its body; `null` when there was none.
    pub(crate) body: Value,
    /// `Claimsmith-Execution-Id`, of an answer for which a trigger ran.
    pub(crate) execution_id: Option<String>,
}

impl Api {
    /// The server at that URL, which ends with a slash.
    pub(crate) fn new(base: impl Into<String>) -> Self {
        Self {
            base: base.into(),
            bearer: None,
        }
    }

    /// The part of the server below that path (no slash at its start, one at its
    /// end), called with an access token.
    pub(crate) fn below(&self, path: &str, access_token: impl Into<String>) -> Self {
        Self {
            base: format!("{}{path}", self.base),
            bearer: Some(access_token.into()),
        }
    }

    /// The access token that it is called with.
    pub(crate) fn bearer(&self) -> Option<&str> {
        self.bearer.as_deref()
    }

    /// Sends the request; any status but the expected one is an error that shows the
    /// request, the status and the answer.
    pub(crate) fn expect(&self, status: u16, request: &Request<'_>) -> Result<Answer> {
        let url = format!("{}{}", self.base, request.path);
        let shown = || format!("{} {url}{}", request.method, request.body);
        let answer = self
            .send(&url, request)
            .with_context(|| format!("no answer to\n  {}", shown()))?;
        let text = String::from_utf8_lossy(answer.as_bytes());
        let code = answer.status_code;
        if code != status {
            bail!(
                "an answer that was not expected\n  request:  {}\n  expected: {status}\n  \
                 status:   {code} {}\n  body:     {text}",
                shown(),
                answer.reason_phrase
            );
        }
        let body = if text.trim().is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).with_context(|| {
                format!(
                    "an answer that is no JSON\n  request: {}\n  body:    {text}",
                    shown()
                )
            })?
        };
        let execution_id = answer.header("claimsmith-execution-id").map(str::to_owned);
        Ok(Answer { body, execution_id })
    }

    /// The status of the answer; `None` when there is none.
    pub(crate) fn status_of(&self, request: &Request<'_>) -> Option<u16> {
        let answer = self.send(&format!("{}{}", self.base, request.path), request);
        answer.ok().map(|answer| answer.status_code)
    }

    /// Sends the request as a browser with these cookies.
    pub(crate) fn page(&self, request: &Request<'_>, cookies: &str) -> Result<Page> {
        let url = format!("{}{}", self.base, request.path);
        let headers = [("Accept", "text/html"), ("Cookie", cookies)];
        let sent = self.with_headers(&url, request, &headers);
        let answer = sent.with_context(|| format!("no answer to {} {url}", request.method))?;
        Ok(Page {
            status: answer.status_code,
            location: answer.header("location").map(str::to_owned),
            cookies: answer.headers("set-cookie").map(str::to_owned).collect(),
            text: String::from_utf8_lossy(answer.as_bytes()).into_owned(),
        })
    }

    fn send(&self, url: &str, request: &Request<'_>) -> Result<minreq::Response, minreq::Error> {
        self.with_headers(url, request, &[("Accept", "application/json")])
    }

    fn with_headers(
        &self,
        url: &str,
        request: &Request<'_>,
        headers: &[(&str, &str)],
    ) -> Result<minreq::Response, minreq::Error> {
        let mut sent = minreq::Request::new(request.method.clone(), url)
            .with_timeout(TIME_LIMIT.as_secs())
            .with_follow_redirects(false);
        for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
            sent = sent.with_header(*name, *value);
        }
        if let Some(token) = &self.bearer {
            sent = sent.with_header("Authorization", format!("Bearer {token}"));
        }
        let (content_type, body) = match &request.body {
            Body::Nothing => return sent.send(),
            Body::Json(value) => ("application/json", value.to_string().into_bytes()),
            Body::Form(fields) => (
                "application/x-www-form-urlencoded",
                form(fields).into_bytes(),
            ),
            Body::Module(bytes) => ("application/wasm", bytes.to_vec()),
        };
        sent.with_header("Content-Type", content_type)
            .with_body(body)
            .send()
    }
}

impl<'a> Request<'a> {
    /// `GET`.
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::Get,
            path: path.into(),
            body: Body::Nothing,
        }
    }

    /// `POST` with nothing in its body.
    pub(crate) fn post_nothing(path: impl Into<String>) -> Self {
        Self {
            method: Method::Post,
            path: path.into(),
            body: Body::Nothing,
        }
    }

    /// `POST` with JSON.
    pub(crate) fn post(path: impl Into<String>, body: Value) -> Self {
        Self {
            method: Method::Post,
            path: path.into(),
            body: Body::Json(body),
        }
    }

    /// `PATCH` with JSON.
    pub(crate) fn patch(path: impl Into<String>, body: Value) -> Self {
        Self {
            method: Method::Patch,
            path: path.into(),
            body: Body::Json(body),
        }
    }

    /// `POST` with a form, as OAuth's token endpoint takes it.
    pub(crate) fn form(path: impl Into<String>, fields: Vec<(&'a str, &'a str)>) -> Self {
        Self {
            method: Method::Post,
            path: path.into(),
            body: Body::Form(fields),
        }
    }

    /// `PUT` with a WebAssembly module.
    pub(crate) fn put_module(path: impl Into<String>, module: &'a [u8]) -> Self {
        Self {
            method: Method::Put,
            path: path.into(),
            body: Body::Module(module),
        }
    }
}

impl Answer {
    /// The text at that JSON pointer; an error that shows the answer's members when
    /// there is none.
    pub(crate) fn text(&self, pointer: &str) -> Result<&str> {
        text(&self.body, pointer)
    }
}

/// The text at that JSON pointer; an error that names what is there instead.
pub(crate) fn text<'v>(value: &'v Value, pointer: &str) -> Result<&'v str> {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .with_context(|| {
            let members = value
                .as_object()
                .map(|o| o.keys().cloned().collect::<Vec<_>>().join(", "));
            format!(
                "an answer has no text at {pointer}; it has: {}",
                members.unwrap_or_default()
            )
        })
}

/// The body as it may be shown: without secrets.
impl fmt::Display for Body<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => Ok(()),
            Self::Json(Value::Object(members)) => {
                let mut members = members.clone();
                for (name, value) in &mut members {
                    if is_secret(name) {
                        *value = "***".into();
                    }
                }
                write!(f, " {}", Value::Object(members))
            }
            Self::Json(other) => write!(f, " {other}"),
            Self::Form(fields) => {
                let shown: Vec<_> = fields
                    .iter()
                    .map(|(name, value)| (*name, if is_secret(name) { "***" } else { *value }))
                    .collect();
                write!(f, " {}", form(&shown))
            }
            Self::Module(bytes) => write!(f, " ({} bytes of WebAssembly)", bytes.len()),
        }
    }
}

fn is_secret(field: &str) -> bool {
    field.contains("secret") || field.contains("password")
}

fn form(fields: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", encoded(value)))
        .collect();
    pairs.join("&")
}

/// A text in which everything but RFC 3986's unreserved characters is
/// percent-encoded: fit for a path segment and for a form.
pub(crate) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_request_is_shown_without_its_secrets() {
        let form = Body::Form(vec![("client_id", "a b"), ("client_secret", "hush")]);
        let json = Body::Json(json!({"password": "hush", "email": "a@example.com"}));

        assert_eq!(form.to_string(), " client_id=a%20b&client_secret=%2A%2A%2A");
        assert!(!json.to_string().contains("hush") && json.to_string().contains("a@example.com"));
    }

    #[test]
    fn a_user_id_is_encoded_for_a_path() {
        assert_eq!(encoded("auth0|5f2"), "auth0%7C5f2");
    }

    #[test]
    fn a_missing_text_is_told_with_what_is_there() {
        let error = text(&json!({"id": 1, "name": "x"}), "/id").unwrap_err();

        assert_eq!(
            error.to_string(),
            "an answer has no text at /id; it has: id, name"
        );
    }
}
