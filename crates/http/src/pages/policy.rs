//! What a browser may do with a page (Content Security Policy Level 3).

use std::fmt::Write as _;

use http::HeaderValue;
use url::{Host, Url};

/// The policy of one page. What it doesn't name, the browser doesn't load or send.
#[derive(Debug, Default)]
pub(super) struct Policy<'a> {
    /// The logo's address.
    pub(super) image: Option<&'a str>,
    /// The only script, by its hash.
    pub(super) script_hash: Option<&'a str>,
    pub(super) forms: Forms<'a>,
    /// The origins whose pages may show this one in a frame.
    pub(super) framed_by: &'a [String],
}

/// Where the forms of a page may lead.
#[derive(Debug, Default)]
pub(super) enum Forms<'a> {
    /// There are none.
    #[default]
    None,
    /// To this server, and from there on to a client. Chrome applies the policy to the
    /// redirects that follow a form, too.
    HereThen(Option<&'a str>),
    /// To a client, which may lead the browser on to wherever it likes.
    Anywhere,
}

impl Policy<'_> {
    pub(super) fn header(&self) -> HeaderValue {
        let mut policy = "default-src 'none'; style-src 'self'; base-uri 'none'".to_owned();
        if let Some(image) = self.image.and_then(source) {
            directive(&mut policy, "img-src", &image);
        }
        if let Some(hash) = self.script_hash {
            directive(&mut policy, "script-src", &format!("'sha256-{hash}'"));
        }
        match self.forms {
            Forms::None => directive(&mut policy, "form-action", "'none'"),
            Forms::HereThen(None) => directive(&mut policy, "form-action", "'self'"),
            Forms::HereThen(Some(next)) => {
                let next = source(next).unwrap_or_default();
                let here_and_next = format!("'self' {next}");
                directive(&mut policy, "form-action", here_and_next.trim_end());
            }
            Forms::Anywhere => {}
        }
        let frames: Vec<_> = self.framed_by.iter().filter_map(|at| source(at)).collect();
        let frames = if frames.is_empty() {
            "'none'".to_owned()
        } else {
            frames.join(" ")
        };
        directive(&mut policy, "frame-ancestors", &frames);
        // Sources are of few characters, so this never fails.
        HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
    }
}

fn directive(policy: &mut String, name: &str, value: &str) {
    // Writing to a string doesn't fail.
    let _ = write!(policy, "; {name} {value}");
}

/// The origin of a URL of the web (RFC 6454 section 6.2). A native client's own scheme
/// has none.
#[must_use]
pub(crate) fn web_origin(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| url.origin().ascii_serialization())
}

/// The URL's origin as a policy writes it. A native client's own scheme stands for
/// itself, and so does that of an address in brackets, which policies have no spelling
/// for. `None` for hosts that would end the directive: URLs allow more than policies.
fn source(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    match url.host() {
        Some(Host::Domain(_) | Host::Ipv4(_)) if matches!(url.scheme(), "http" | "https") => {
            let origin = url.origin().ascii_serialization();
            let is_plain = |c: char| c.is_ascii_alphanumeric() || ":/.-_".contains(c);
            origin.chars().all(is_plain).then_some(origin)
        }
        _ => Some(format!("{}:", url.scheme())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_an_origin_or_a_scheme() {
        for (url, expected) in [
            ("https://a.example/callback?x=1", "https://a.example"),
            ("http://127.0.0.1:3000/", "http://127.0.0.1:3000"),
            ("http://localhost:3000/", "http://localhost:3000"),
            ("https://A.Example:443/", "https://a.example"),
            ("http://[::1]:3000/", "http:"),
            ("com.example.app://callback", "com.example.app:"),
            ("com.example.app:/callback", "com.example.app:"),
        ] {
            assert_eq!(source(url).as_deref(), Some(expected), "{url}");
        }
    }

    #[test]
    fn no_host_can_add_to_a_policy() {
        for url in [
            "https://a;script-src/",
            "https://a,b/",
            "https://*/",
            "https://'self'/",
            "https://a.example;/",
            "not a URL",
        ] {
            assert_eq!(source(url), None, "{url}");
            let policy = Policy {
                image: Some(url),
                forms: Forms::HereThen(Some(url)),
                framed_by: &[url.to_owned()],
                ..Policy::default()
            };
            let expected = "default-src 'none'; style-src 'self'; base-uri 'none'; \
                            form-action 'self'; frame-ancestors 'none'";
            assert_eq!(policy.header(), expected, "{url}");
        }
    }

    #[test]
    fn only_urls_of_the_web_have_an_origin() {
        assert_eq!(
            web_origin("https://a.example:8443/x").as_deref(),
            Some("https://a.example:8443")
        );
        assert_eq!(
            web_origin("http://[::1]:1/").as_deref(),
            Some("http://[::1]:1")
        );
        for url in ["com.example.app:/x", "data:text/html,x", "javascript:x", ""] {
            assert_eq!(web_origin(url), None, "{url}");
        }
    }
}
