//! The cookie that holds a browser's session (RFC 6265).

use claimsmith_model::Tenant;
use claimsmith_service::SessionSecret;
use http::{HeaderMap, HeaderValue, header};

/// A tenant's session cookie.
///
/// No script reads it (`HttpOnly`), and it doesn't come with what other sites send or
/// embed, but with links from there (`SameSite=Lax`), as `/authorize` is one. Under https
/// its name's prefix makes browsers take it from this very host over https alone, so
/// nobody beside or in between can plant a session of their own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionCookie {
    is_secure: bool,
}

impl SessionCookie {
    /// The cookie of a tenant.
    #[must_use]
    pub(crate) fn of(tenant: &Tenant) -> Self {
        Self {
            is_secure: tenant.issuer.starts_with("https://"),
        }
    }

    const fn name(self) -> &'static str {
        if self.is_secure {
            "__Host-claimsmith_session"
        } else {
            "claimsmith_session"
        }
    }

    /// The secret that the browser sent. None when it sent two different ones: one of
    /// them isn't ours, and nothing says which.
    #[must_use]
    pub(crate) fn read(self, headers: &HeaderMap) -> Option<SessionSecret> {
        only_value(headers, self.name()).and_then(SessionSecret::parse)
    }

    /// The `Set-Cookie` that gives the browser a session for so many seconds.
    #[must_use]
    pub(crate) fn set(self, secret: &SessionSecret, lifetime_s: u32) -> HeaderValue {
        let mut value = self.header(secret.expose(), lifetime_s);
        value.set_sensitive(true);
        value
    }

    /// The `Set-Cookie` that takes it away.
    #[must_use]
    pub(crate) fn clear(self) -> HeaderValue {
        self.header("", 0)
    }

    fn header(self, value: &str, lifetime_s: u32) -> HeaderValue {
        let (name, secure) = (self.name(), if self.is_secure { "; Secure" } else { "" });
        let cookie =
            format!("{name}={value}; Path=/; Max-Age={lifetime_s}; HttpOnly; SameSite=Lax{secure}");
        // Base64url and what is written here are fit for a header, so this never fails.
        HeaderValue::try_from(cookie).unwrap_or(HeaderValue::from_static(""))
    }
}

/// The value of the cookie of that name, which may come several times if it is always
/// the same.
pub(crate) fn only_value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(given, _)| *given == name)
        .map(|(_, value)| value);
    let first = values.next()?;
    values.all(|other| other == first).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY";

    const HTTP: SessionCookie = SessionCookie { is_secure: false };
    const HTTPS: SessionCookie = SessionCookie { is_secure: true };

    fn read(cookie: SessionCookie, headers: &[&str]) -> Option<String> {
        let sent = headers
            .iter()
            .map(|value| (header::COOKIE, HeaderValue::from_str(value).unwrap()));
        let secret = cookie.read(&sent.collect())?;
        Some(secret.expose().to_owned())
    }

    #[test]
    fn what_is_set_is_what_a_browser_sends_back() {
        let secret = SessionSecret::parse(SECRET).unwrap();
        for (cookie, name, end) in [
            (HTTP, "claimsmith_session", ""),
            (HTTPS, "__Host-claimsmith_session", "; Secure"),
        ] {
            let expected =
                format!("{name}={SECRET}; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax{end}");
            assert_eq!(cookie.set(&secret, 3600), expected);
            let cleared = format!("{name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax{end}");
            assert_eq!(cookie.clear(), cleared);
            let sent = format!("theme=dark; {name}={SECRET};x=y");
            assert_eq!(read(cookie, &[&sent]).as_deref(), Some(SECRET));
        }
    }

    #[test]
    fn what_is_no_secret_or_not_the_only_one_is_none() {
        let ours = format!("claimsmith_session={SECRET}");
        let other = format!("claimsmith_session={}", SECRET.replace('M', "N"));
        assert_eq!(read(HTTP, &["a=b", &ours, &ours]).as_deref(), Some(SECRET));
        for headers in [
            vec![],
            vec!["claimsmith_session=".to_owned()],
            vec!["claimsmith_session".to_owned()],
            vec![ours.trim_end_matches('Y').to_owned()],
            vec![format!("{ours}Y")],
            vec![ours.replace('M', "+")],
            vec![format!("x{ours}")],
            vec![ours.clone(), other.clone()],
            vec![format!("{other}; {ours}")],
        ] {
            let headers: Vec<_> = headers.iter().map(String::as_str).collect();
            assert_eq!(read(HTTP, &headers), None, "{headers:?}");
        }
        // Under https the plain name is one that anybody beside us can set.
        assert_eq!(read(HTTPS, &[&ours]), None);
    }

    #[test]
    fn a_cookie_is_not_shown_in_debug() {
        let secret = SessionSecret::parse(SECRET).unwrap();
        assert!(!format!("{secret:?} {:?}", HTTP.set(&secret, 1)).contains(SECRET));
    }
}
