//! The cookie that ties the forms of our pages to the browser that they were given to.

use claimsmith_model::Tenant;
use claimsmith_service::SessionSecret;
use http::{HeaderMap, HeaderValue};

use crate::session_cookie::only_value;

/// How long the browser keeps it, in seconds: as long as a page is good for.
const LIFETIME_S: u32 = 3_600;

/// The cookie of a tenant. No script reads it, and it doesn't come with forms that other
/// sites send.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BindingCookie {
    is_secure: bool,
}

impl BindingCookie {
    pub(crate) fn of(tenant: &Tenant) -> Self {
        Self {
            is_secure: tenant.issuer.starts_with("https://"),
        }
    }

    const fn name(self) -> &'static str {
        if self.is_secure {
            "__Host-claimsmith_login"
        } else {
            "claimsmith_login"
        }
    }

    /// What the browser sent.
    pub(crate) fn read(self, headers: &HeaderMap) -> Option<SessionSecret> {
        only_value(headers, self.name()).and_then(SessionSecret::parse)
    }

    /// The `Set-Cookie` that gives it to the browser.
    pub(super) fn set(self, secret: &SessionSecret) -> HeaderValue {
        let (name, value) = (self.name(), secret.expose());
        let secure = if self.is_secure { "; Secure" } else { "" };
        let cookie =
            format!("{name}={value}; Path=/; Max-Age={LIFETIME_S}; HttpOnly; SameSite=Lax{secure}");
        // Base64url and what is written here are fit for a header, so this never fails.
        let header = HeaderValue::try_from(cookie);
        let mut header = header.unwrap_or(HeaderValue::from_static(""));
        header.set_sensitive(true);
        header
    }
}

#[cfg(test)]
mod tests {
    use http::header;

    use super::*;

    const SECRET: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY";

    #[test]
    fn what_is_set_is_what_a_browser_sends_back() {
        let secret = SessionSecret::parse(SECRET).unwrap();
        for (is_secure, name, end) in [
            (false, "claimsmith_login", ""),
            (true, "__Host-claimsmith_login", "; Secure"),
        ] {
            let cookie = BindingCookie { is_secure };
            let expected =
                format!("{name}={SECRET}; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax{end}");
            assert_eq!(cookie.set(&secret), expected);
            let mut sent = HeaderMap::new();
            sent.insert(
                header::COOKIE,
                format!("a=b; {name}={SECRET}").parse().unwrap(),
            );
            assert_eq!(cookie.read(&sent), Some(secret.clone()));
            assert_eq!(cookie.read(&HeaderMap::new()), None);
        }
    }
}
