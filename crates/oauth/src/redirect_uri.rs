//! Redirect URIs (RFC 6749 section 3.1.2): which texts can be one, and when a request's is
//! one that its client registered.

/// The longest redirect URI in bytes.
pub const REDIRECT_URI_BYTES_MAX: usize = 2048;

/// Schemes that make a browser run, read or show what the URI itself holds.
const DANGEROUS_SCHEMES: [&str; 8] = [
    "about",
    "blob",
    "data",
    "file",
    "filesystem",
    "javascript",
    "vbscript",
    "view-source",
];

/// The hosts of a native application's own machine (RFC 8252 section 7.3).
const LOOPBACK_HOSTS: [&str; 3] = ["127.0.0.1", "[::1]", "localhost"];

/// What a redirect URI looks like, for who wrote another text.
pub const REDIRECT_URI_RULE: &str = "a redirect URI is an absolute URI without fragment, such as \
                                     https://app.example.com/callback";

/// Whether a text can be a redirect URI: an absolute URI of visible ASCII without
/// fragment, of a scheme that leads somewhere.
#[must_use]
pub fn is_redirect_uri(text: &str) -> bool {
    !text.contains('#') && leads_somewhere(text)
}

/// Whether what goes to a redirect URI can be read on its way: plain HTTP to another
/// machine than the browser's own (RFC 9700 section 2.6, OpenID Connect Core section
/// 3.1.2.1).
#[must_use]
pub fn is_readable_on_its_way(uri: &str) -> bool {
    let Some((scheme, rest)) = uri.split_once("://") else {
        return false;
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = rest.get(..end).unwrap_or_default();
    let is_loopback = LOOPBACK_HOSTS.iter().any(|host| {
        let port = authority.strip_prefix(host);
        port.is_some_and(|port| port.is_empty() || port.starts_with(':'))
    });
    scheme.eq_ignore_ascii_case("http") && !is_loopback
}

/// Whether a text can be a URI that browsers are sent to: absolute, of visible ASCII, and
/// of a scheme that leads somewhere.
#[must_use]
pub fn leads_somewhere(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    let is_dangerous = DANGEROUS_SCHEMES
        .iter()
        .any(|dangerous| dangerous.eq_ignore_ascii_case(scheme));
    let is_web = ["http", "https"]
        .iter()
        .any(|web| web.eq_ignore_ascii_case(scheme));
    text.len() <= REDIRECT_URI_BYTES_MAX
        && is_scheme
        && !is_dangerous
        && !rest.is_empty()
        // Browsers read a backslash as a slash, others don't.
        && rest.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
        && (!is_web || has_plain_authority(rest))
}

/// Whether what follows `http:` names a host, and no user, whom people take for one.
fn has_plain_authority(rest: &str) -> bool {
    rest.strip_prefix("//").is_some_and(|rest| {
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let authority = rest.get(..end).unwrap_or_default();
        !authority.is_empty() && !authority.starts_with(':') && !authority.contains('@')
    })
}

/// Whether a request's redirect URI is a registered one: the same text (RFC 9700
/// section 4.1.3). `native` clients may listen on any port of their own machine, which
/// they don't know before they run (RFC 8252 section 7.3).
#[must_use]
pub fn is_registered(asked: &str, registered: &[String], native: bool) -> bool {
    is_redirect_uri(asked)
        && registered.iter().any(|registered| {
            asked == registered
                || (native
                    && without_loopback_port(asked)
                        .is_some_and(|without| Some(without) == without_loopback_port(registered)))
        })
}

/// Host and path of a loopback URI whose port doesn't matter; `None` for others.
fn without_loopback_port(uri: &str) -> Option<(&str, &str)> {
    let rest = uri.strip_prefix("http://")?;
    let host = LOOPBACK_HOSTS
        .into_iter()
        .find(|host| rest.starts_with(host))?;
    let rest = rest.strip_prefix(host)?;
    let path = match rest.strip_prefix(':') {
        Some(after) => {
            let digits = after.bytes().take_while(u8::is_ascii_digit).count();
            let (port, path) = after.split_at(digits);
            port.parse::<u16>().ok()?;
            path
        }
        None => rest,
    };
    (path.is_empty() || path.starts_with(['/', '?'])).then_some((host, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_to_another_machine_can_be_read_on_its_way() {
        for uri in [
            "http://app.example.com/callback",
            "HTTP://app.example.com",
            "http://10.0.0.1/cb",
            "http://localhost.evil.example/cb",
            "http://127.0.0.1.evil.example:80/cb",
        ] {
            assert!(is_readable_on_its_way(uri), "{uri}");
        }
        for uri in [
            "https://app.example.com/callback",
            "http://localhost:3000/cb",
            "http://127.0.0.1/cb",
            "http://[::1]:8080?x",
            "com.example.app:/callback",
            "com.example.app://callback",
        ] {
            assert!(!is_readable_on_its_way(uri), "{uri}");
        }
    }

    #[test]
    fn browsers_are_sent_to_what_leads_somewhere_only() {
        assert!(leads_somewhere("https://app.example.com/bye#there"));
        assert!(!is_redirect_uri("https://app.example.com/bye#there"));
        for nowhere in [
            "javascript:alert(1)",
            "data:text/html,x",
            "/bye",
            "https://#x",
        ] {
            assert!(!leads_somewhere(nowhere), "{nowhere}");
        }
    }

    #[test]
    fn what_a_client_can_be_called_back_at_is_a_redirect_uri() {
        for uri in [
            "https://app.example.com/callback?tenant=a",
            "http://localhost:3000",
            "http://[::1]:3000/cb",
            "com.example.app:/callback",
            "com.example.app://callback",
        ] {
            assert!(is_redirect_uri(uri), "{uri}");
        }
        let of_length = |length: usize| format!("https://a/{}", "x".repeat(length - 10));
        assert!(is_redirect_uri(&of_length(REDIRECT_URI_BYTES_MAX)));
        assert!(!is_redirect_uri(&of_length(REDIRECT_URI_BYTES_MAX + 1)));
    }

    #[test]
    fn what_browsers_would_run_or_misread_is_none() {
        for text in [
            "",
            "/callback",
            "//evil.example/",
            "https:",
            "https://",
            "https:///path",
            "https:app.example.com",
            "https://app.example.com/#fragment",
            "https://app.example.com\\@evil.example/",
            "https://app.example.com@evil.example/",
            "https://user:password@app.example.com/",
            "https://app.example.com/ x",
            "https://app.example.com/\r\nLocation: https://evil.example",
            "https://app.example.com/ü",
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "data:text/html,x",
            "1app:/callback",
            "ap p:/callback",
        ] {
            assert!(!is_redirect_uri(text), "{text:?}");
        }
    }

    #[test]
    fn a_registered_redirect_uri_is_the_same_text() {
        let registered = ["https://app.example.com/callback".to_owned()];
        for native in [false, true] {
            assert!(is_registered(&registered[0], &registered, native));
            for other in [
                "https://app.example.com/callback/",
                "https://app.example.com/callback?a=b",
                "https://app.example.com/callback#",
                "https://app.example.com/callback/../evil",
                "https://app.example.com:443/callback",
                "https://APP.example.com/callback",
                "http://app.example.com/callback",
                "https://app.example.com.evil.example/callback",
                "https://app.example.com/callbac",
                "https://app.example.com/c%61llback",
            ] {
                assert!(!is_registered(other, &registered, native), "{other}");
            }
        }
    }

    #[test]
    fn a_native_client_may_take_any_port_of_its_own_machine_and_nothing_else() {
        let registered = [
            "http://127.0.0.1/cb".to_owned(),
            "http://[::1]:1/cb".to_owned(),
            "https://127.0.0.1/tls".to_owned(),
            "http://10.0.0.1/cb".to_owned(),
        ];
        for uri in [
            "http://127.0.0.1:49152/cb",
            "http://127.0.0.1/cb",
            "http://[::1]:49152/cb",
        ] {
            assert!(is_registered(uri, &registered, true), "{uri}");
            let is_exact = registered.iter().any(|registered| registered == uri);
            assert_eq!(is_registered(uri, &registered, false), is_exact, "{uri}");
        }
        for uri in [
            "http://127.0.0.1:49152/other",
            "http://127.0.0.1:49152@evil.example/cb",
            "http://127.0.0.1:99999/cb",
            "http://127.0.0.1:/cb",
            "http://127.0.0.1.evil.example/cb",
            "http://localhost:49152/cb",
            "https://127.0.0.1:49152/tls",
            "http://10.0.0.1:49152/cb",
        ] {
            assert!(!is_registered(uri, &registered, true), "{uri}");
        }
    }
}
