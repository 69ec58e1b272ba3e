//! The other side of an Action's HTTP calls, in a native test.
//!
//! Say which hosts the Action may call, and what is answered. A call to another host
//! is denied as in production; one that no answer was prepared for ends the test.
//!
//! ```
//! use actions_sdk::{http::{ErrorKind, Request}, post_login::Event, testing::http::Answer};
//!
//! let event = Event::builder()
//!     .allowed_host("*.example.com")
//!     .answer(Answer::text("pong").to("GET", "https://a.example.com/ping"))
//!     .answer(Answer::failure(ErrorKind::TimedOut).to("GET", "https://b.example.com/ping"))
//!     .build();
//!
//! let answer = Request::get("https://a.example.com/ping").send().unwrap();
//! assert_eq!((answer.status(), answer.text()), (200, Ok("pong")));
//! let error = Request::get("https://b.example.com/ping").send().unwrap_err();
//! assert_eq!(error.kind(), ErrorKind::TimedOut);
//! let error = Request::get("https://example.org/ping").send().unwrap_err();
//! assert!(error.is_denied());
//! # drop(event);
//! ```

use std::collections::VecDeque;

use serde::Serialize;

use super::host::with_newest;
use crate::{
    Refusal,
    http::{Error, ErrorKind, Request, Response},
};

/// A call that the Action made, to a host that it may call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// The method.
    pub method: String,
    /// The URL with its query.
    pub url: String,
    /// The headers, with the names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What is answered to one call.
#[derive(Debug, Clone)]
#[must_use = "say to which call, with `to`, and give it to the event's builder"]
pub struct Answer {
    result: Result<Response, Error>,
}

/// What is answered to one call of that method and URL.
#[derive(Debug, Clone)]
#[must_use = "give it to the event's builder"]
pub struct PreparedAnswer {
    method: String,
    url: String,
    result: Result<Response, Error>,
}

impl Answer {
    /// Status 200, with a text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::with("text/plain", text.into().into_bytes())
    }

    /// Status 200, with a value as JSON.
    ///
    /// # Panics
    /// When the value can't be written as JSON.
    pub fn json(value: &(impl Serialize + ?Sized)) -> Self {
        #[expect(clippy::expect_used, reason = "a test that can't be set up must end")]
        let body = serde_json::to_vec(value).expect("the answer can be written as JSON");
        Self::with("application/json", body)
    }

    /// No answer at all.
    pub fn failure(kind: ErrorKind) -> Self {
        Self {
            result: Err(Error::new(kind, "the test lets this call fail")),
        }
    }

    fn with(content_type: &str, body: Vec<u8>) -> Self {
        Self {
            result: Ok(Response {
                status: 200,
                headers: vec![("content-type".to_owned(), content_type.as_bytes().to_vec())],
                body,
            }),
        }
    }

    /// Sets the status.
    pub fn status(mut self, status: u16) -> Self {
        if let Ok(response) = &mut self.result {
            response.status = status;
        }
        self
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Ok(response) = &mut self.result {
            let header = (name.to_ascii_lowercase(), value.as_bytes().to_vec());
            response.headers.push(header);
        }
        self
    }

    /// Says which call is answered so: one of this method, to this URL with its query.
    /// Several answers for the same call are given one after another.
    pub fn to(self, method: &str, url: &str) -> PreparedAnswer {
        PreparedAnswer {
            method: method.to_owned(),
            url: url.to_owned(),
            result: self.result,
        }
    }
}

/// What a test prepared.
#[derive(Debug, Clone, Default)]
pub(crate) struct Prepared {
    pub(crate) allowed_hosts: Vec<String>,
    pub(crate) answers: VecDeque<PreparedAnswer>,
}

/// Answers a call as the test prepared it.
pub(crate) fn send(request: &Request) -> Result<Response, Error> {
    let parts = request.parts()?;
    let origin = origin(parts.is_https, parts.authority);
    let answered = with_newest(|state| {
        let mut allowed = state.http.allowed_hosts.iter();
        if !allowed.any(|entry| allows(entry, &origin)) {
            state.refuse(Refusal {
                code: "host_not_allowed".to_owned(),
                message: format!("{origin} is not in the Action's `allowed_hosts`."),
                remedy: "Add the host to the Action's `allowed_hosts` and deploy it.".to_owned(),
            });
            let message = "the call was denied: see the report";
            return Some(Err(Error::new(ErrorKind::Denied, message)));
        }
        state.recorded.http_calls.push(Call::of(request));
        let mut answers = state.http.answers.iter();
        let index = answers.position(|it| it.method == request.method && it.url == request.url)?;
        state.http.answers.remove(index).map(|answer| answer.result)
    });
    match answered {
        Some(Some(result)) => result,
        #[expect(
            clippy::panic,
            reason = "an Action may ignore an error, and then the test would not show the mistake"
        )]
        _ => panic!(
            "no answer was prepared for {} {}; give one to the event's builder with `answer`",
            request.method, request.url
        ),
    }
}

impl Call {
    fn of(request: &Request) -> Self {
        let headers = request.headers.iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value).into_owned();
            (name.to_ascii_lowercase(), value)
        });
        Self {
            method: request.method.to_owned(),
            url: request.url.clone(),
            headers: headers.collect(),
            body: request.body.clone(),
        }
    }
}

/// Scheme, host and port in one spelling.
fn origin(is_https: bool, authority: &str) -> String {
    let (scheme, port) = if is_https {
        ("https://", ":443")
    } else {
        ("http://", ":80")
    };
    let authority = authority.to_ascii_lowercase();
    let authority = authority.strip_suffix(port).unwrap_or(&authority);
    [scheme, authority].concat()
}

/// Whether an entry of `allowed_hosts` allows an origin: the plain cases of the
/// server's rule, which also knows spellings.
fn allows(entry: &str, called: &str) -> bool {
    let (scheme, authority) = entry.split_once("://").unwrap_or(("https", entry));
    let entry = origin(scheme.eq_ignore_ascii_case("https"), authority);
    match entry.split_once("*.") {
        None => entry == called,
        Some((scheme, domain)) => called
            .strip_prefix(scheme)
            .and_then(|host| host.strip_suffix(domain))
            .is_some_and(|labels| labels.len() > 1 && labels.ends_with('.')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_allows_a_host_or_its_subdomains_with_scheme_and_port() {
        let allowed = |entry: &str, is_https: bool, authority: &str| {
            allows(entry, &origin(is_https, authority))
        };
        assert!(allowed("a.test", true, "A.test:443"));
        assert!(!allowed("a.test", false, "a.test"));
        assert!(!allowed("a.test", true, "a.test:8443"));
        assert!(!allowed("a.test", true, "b.a.test"));
        assert!(allowed("http://a.test:81", false, "a.test:81"));
        assert!(allowed("*.a.test", true, "b.c.a.test"));
        assert!(!allowed("*.a.test", true, "a.test"));
        assert!(!allowed("*.a.test", true, "ba.test"));
        assert!(!allowed("*.a.test", false, "b.a.test"));
    }
}
