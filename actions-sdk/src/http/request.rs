//! A call to be made.

use std::fmt;

use serde::Serialize;

use super::{Error, Response, query};

/// A call to be made.
///
/// ```no_run
/// # fn call(token: &str) -> Result<(), actions_sdk::Error> {
/// use actions_sdk::http::Request;
///
/// let answer = Request::post("https://api.example.com/checks")
///     .header("Authorization", format!("Bearer {token}"))
///     .json(&serde_json::json!({"kind": "login"}))
///     .send()?;
/// if !answer.is_success() {
///     return Err(format!("the check answered {}", answer.status()).into());
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is sent before `send`"]
pub struct Request {
    pub(crate) method: &'static str,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    problem: Option<Error>,
}

/// A request's URL in the parts in which it is sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parts<'a> {
    pub(crate) is_https: bool,
    pub(crate) authority: &'a str,
    pub(crate) path: String,
}

impl Request {
    /// Asks for something.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url.into())
    }

    /// Asks whether something is there, for its status and headers.
    pub fn head(url: impl Into<String>) -> Self {
        Self::new("HEAD", url.into())
    }

    /// Sends something to be worked on.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new("POST", url.into())
    }

    /// Puts something in a place.
    pub fn put(url: impl Into<String>) -> Self {
        Self::new("PUT", url.into())
    }

    /// Changes a part of something.
    pub fn patch(url: impl Into<String>) -> Self {
        Self::new("PATCH", url.into())
    }

    /// Removes something.
    pub fn delete(url: impl Into<String>) -> Self {
        Self::new("DELETE", url.into())
    }

    fn new(method: &'static str, url: String) -> Self {
        Self {
            method,
            url,
            headers: Vec::new(),
            body: Vec::new(),
            problem: None,
        }
    }

    /// Adds a parameter to the URL's query. Name and value are escaped, so what comes
    /// from outside stays one value.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.url
            .push(if self.url.contains('?') { '&' } else { '?' });
        query::append(&mut self.url, name);
        self.url.push('=');
        query::append(&mut self.url, value);
        self
    }

    /// Adds a header. Those that are about the connection (`Host`, `Connection`,
    /// `Transfer-Encoding`, …) are the host's.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into().into_bytes()));
        self
    }

    /// Sets the body; say in a header `Content-Type` what it is.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets the body to a value as JSON, and says so in the header `Content-Type`.
    pub fn json(mut self, value: &(impl Serialize + ?Sized)) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => self.body = body,
            Err(error) => self.problem = Some(Error::invalid(error.to_string())),
        }
        self.header("Content-Type", "application/json")
    }

    /// Makes the call, and waits for the whole answer.
    ///
    /// # Errors
    /// When there is no answer. Any status is one.
    pub fn send(mut self) -> Result<Response, Error> {
        if let Some(problem) = self.problem.take() {
            return Err(problem);
        }
        if !self.body.is_empty() {
            let length = self.body.len().to_string().into_bytes();
            self.headers.push(("Content-Length".to_owned(), length));
        }
        #[cfg(target_arch = "wasm32")]
        let sent = super::wasi::send(&self);
        #[cfg(not(target_arch = "wasm32"))]
        let sent = crate::testing::http::send(&self);
        sent
    }

    /// The parts of the URL. The host checks them; here it is only found out which
    /// text is which.
    pub(crate) fn parts(&self) -> Result<Parts<'_>, Error> {
        let wrong = || Error::invalid("the URL must be like `https://example.com/path`");
        if self.url.bytes().any(|byte| !(0x21..0x7f).contains(&byte)) {
            return Err(Error::invalid(
                "the URL has a space, or a character that must be escaped; add parameters with \
                 `query`",
            ));
        }
        let (scheme, rest) = self.url.split_once("://").ok_or_else(wrong)?;
        let is_https = scheme.eq_ignore_ascii_case("https");
        if !is_https && !scheme.eq_ignore_ascii_case("http") {
            return Err(wrong());
        }
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.is_empty() || authority.contains(['@', '\\']) {
            return Err(wrong());
        }
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(Parts {
            is_https,
            authority,
            path: [slash, path].concat(),
        })
    }
}

/// Shows neither path nor headers nor body: secrets are in there.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = self.parts().map(|parts| parts.authority.to_owned());
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("authority", &authority.unwrap_or_default())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(url: &str) -> Option<(bool, String, String)> {
        let request = Request::get(url);
        let parts = request.parts().ok()?;
        Some((parts.is_https, parts.authority.to_owned(), parts.path))
    }

    #[test]
    fn a_url_has_scheme_authority_and_path_with_query() {
        let some = |is_https, authority: &str, path: &str| {
            Some((is_https, authority.to_owned(), path.to_owned()))
        };
        assert_eq!(parts("https://a.test"), some(true, "a.test", "/"));
        assert_eq!(
            parts("HTTP://a.test:81/b?c#d"),
            some(false, "a.test:81", "/b?c")
        );
        assert_eq!(parts("https://a.test?c=/d"), some(true, "a.test", "/?c=/d"));
        for wrong in [
            "a.test",
            "//a.test",
            "ftp://a.test",
            "https://",
            "https:///path",
            "https://user@a.test",
            "https://a.test\\@b.test",
            "https://a.test/b c",
            "https://a.test/\r\nHost: b.test",
            "https://ä.test",
        ] {
            assert_eq!(parts(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_parameter_stays_one_value_whatever_is_in_it() {
        let request = Request::get("https://a.test/b")
            .query("user", "auth0|1&admin=true#")
            .query("city", "Köln");

        assert_eq!(
            request.url,
            "https://a.test/b?user=auth0%7C1%26admin%3Dtrue%23&city=K%C3%B6ln"
        );
    }

    #[test]
    fn nothing_that_may_be_secret_is_shown() {
        let request = Request::post("https://a.test/secret?token=secret")
            .header("Authorization", "secret")
            .body("secret");

        let shown = format!("{request:?}");
        assert!(
            shown.contains("a.test") && !shown.contains("secret"),
            "{shown}"
        );
    }
}
