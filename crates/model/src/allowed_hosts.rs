//! The hosts that an Action may call over HTTP.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Host;

/// The most entries of one list. A person looks through it before an Action is bound.
pub const ALLOWED_HOSTS_MAX: usize = 50;
/// The longest entry, in bytes: a domain name has at most 253 (RFC 1035, section 2.3.4).
const ENTRY_BYTES_MAX: usize = 300;

/// The hosts that an Action may call over HTTP: its `allowed_hosts`. Empty means none.
#[derive(Debug, Clone, PartialEq, Eq, Default, JsonSchema, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct AllowedHosts(Vec<AllowedHost>);

/// One entry of such a list, in its normal form.
#[derive(Debug, Clone, PartialEq, Eq)]
struct AllowedHost {
    is_https: bool,
    /// Whether the entry means the host's subdomains, and not the host itself.
    is_wildcard: bool,
    host: Host<String>,
    port: u16,
}

/// Where an HTTP request goes: scheme, host and port (RFC 6454, section 4), the host
/// in the form in which hosts are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Whether the scheme is `https`, and not `http`.
    pub is_https: bool,
    /// The host: a domain in lower case, in ASCII and without a trailing dot, or an
    /// address.
    pub host: Host<String>,
    /// The port.
    pub port: u16,
}

/// Why an entry of `allowed_hosts` is none, or a text no host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidHost(String);

impl AllowedHosts {
    /// Reads a list: `api.example.com` is that host over https on port 443,
    /// `*.example.com` its subdomains but not itself; a scheme in front (`http://`) and
    /// a port behind (`:8443`) say otherwise. Addresses are written as in URLs
    /// (`192.0.2.1`, `[2001:db8::1]`).
    ///
    /// # Errors
    /// Names the first entry that is none, or says that there are too many.
    pub fn parse<T: AsRef<str>>(entries: &[T]) -> Result<Self, InvalidHost> {
        if entries.len() > ALLOWED_HOSTS_MAX {
            return Err(InvalidHost(format!(
                "{} hosts are listed; at most {ALLOWED_HOSTS_MAX} can be",
                entries.len()
            )));
        }
        let mut hosts = Vec::with_capacity(entries.len());
        for entry in entries {
            let host = AllowedHost::parse(entry.as_ref())?;
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        Ok(Self(hosts))
    }

    /// Whether requests may go there.
    #[must_use]
    pub fn allow(&self, origin: &Origin) -> bool {
        self.0.iter().any(|entry| entry.allows(origin))
    }

    /// Whether the host is in the list, be it with another scheme or port.
    #[must_use]
    pub fn name(&self, host: &Host<String>) -> bool {
        self.0.iter().any(|entry| entry.is_for(host))
    }

    /// The entries as texts, in their normal form.
    pub fn texts(&self) -> impl Iterator<Item = String> + '_ {
        self.0.iter().map(ToString::to_string)
    }
}

impl TryFrom<Vec<String>> for AllowedHosts {
    type Error = InvalidHost;

    fn try_from(entries: Vec<String>) -> Result<Self, InvalidHost> {
        Self::parse(&entries)
    }
}

impl From<AllowedHosts> for Vec<String> {
    fn from(hosts: AllowedHosts) -> Self {
        hosts.texts().collect()
    }
}

impl AllowedHost {
    fn parse(entry: &str) -> Result<Self, InvalidHost> {
        let invalid = |why: &str| {
            InvalidHost(format!(
                "`{}` is no host that can be allowed: {why}",
                shown(entry)
            ))
        };
        if entry.len() > ENTRY_BYTES_MAX {
            return Err(invalid("it is too long"));
        }
        let (scheme, authority) = entry.split_once("://").unwrap_or(("https", entry));
        let is_https = is_https(scheme)
            .ok_or_else(|| invalid("the scheme must be `https`, or `http` to allow plain HTTP"))?;
        let (is_wildcard, authority) = match authority.strip_prefix("*.") {
            Some(suffix) => (true, suffix),
            None => (false, authority),
        };
        let origin = Origin::parse(is_https, authority).map_err(|error| invalid(&error.0))?;
        if is_wildcard && !matches!(&origin.host, Host::Domain(domain) if domain.contains('.')) {
            return Err(invalid(
                "`*.` must stand before a domain of at least two labels, such as `*.example.com`",
            ));
        }
        Ok(Self {
            is_https,
            is_wildcard,
            host: origin.host,
            port: origin.port,
        })
    }

    fn allows(&self, origin: &Origin) -> bool {
        self.is_https == origin.is_https && self.port == origin.port && self.is_for(&origin.host)
    }

    fn is_for(&self, host: &Host<String>) -> bool {
        match (&self.host, host) {
            (Host::Domain(suffix), Host::Domain(domain)) if self.is_wildcard => domain
                .strip_suffix(suffix.as_str())
                .is_some_and(|labels| labels.ends_with('.')),
            (listed, host) => !self.is_wildcard && listed == host,
        }
    }
}

/// The entry in its normal form: without what is the default.
impl fmt::Display for AllowedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_https {
            f.write_str("http://")?;
        }
        if self.is_wildcard {
            f.write_str("*.")?;
        }
        self.host.fmt(f)?;
        write_port(f, self.is_https, self.port)
    }
}

impl Origin {
    /// Reads a request's authority: host and, if it isn't the scheme's own, port
    /// (RFC 3986, section 3.2, without user information).
    ///
    /// # Errors
    /// Says why the text is none.
    pub fn parse(is_https: bool, authority: &str) -> Result<Self, InvalidHost> {
        let invalid = |why: &str| InvalidHost(why.to_owned());
        if authority.contains(['@', '/', '\\', '?', '#', '*', '%'])
            || authority.contains(char::is_whitespace)
        {
            return Err(invalid(
                "it must be a host and at most a port, without user, path or query",
            ));
        }
        let (host, port) = match authority.rsplit_once(':') {
            // The last colon of a bare IPv6 address is inside its brackets.
            Some((host, port)) if !port.ends_with(']') => {
                let is_number = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
                let port = port.parse().ok().filter(|port| is_number && *port > 0);
                let port = port.ok_or_else(|| invalid("the port must be 1 to 65535"))?;
                (host, port)
            }
            _ => (authority, default_port(is_https)),
        };
        let host = host.strip_suffix('.').unwrap_or(host);
        let host = Host::parse(host).map_err(|error| invalid(&error.to_string()))?;
        if let Host::Domain(domain) = &host {
            let is_label = |label: &str| !label.is_empty() && label.len() <= 63;
            if domain.len() > 253 || !domain.split('.').all(is_label) {
                return Err(invalid("it is no domain name (RFC 1035, section 2.3.4)"));
            }
        }
        Ok(Self {
            is_https,
            host,
            port,
        })
    }

    /// The `Host` header of requests that go there (RFC 9110, section 7.2).
    #[must_use]
    pub fn authority(&self) -> String {
        let text = self.to_string();
        match text.split_once("://") {
            Some((_, authority)) => authority.to_owned(),
            None => text,
        }
    }
}

/// `https://example.com`, with the port unless it is the scheme's own.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_https { "https://" } else { "http://" })?;
        self.host.fmt(f)?;
        write_port(f, self.is_https, self.port)
    }
}

fn is_https(scheme: &str) -> Option<bool> {
    if scheme.eq_ignore_ascii_case("https") {
        Some(true)
    } else {
        scheme.eq_ignore_ascii_case("http").then_some(false)
    }
}

const fn default_port(is_https: bool) -> u16 {
    if is_https { 443 } else { 80 }
}

fn write_port(f: &mut fmt::Formatter<'_>, is_https: bool, port: u16) -> fmt::Result {
    if port == default_port(is_https) {
        return Ok(());
    }
    write!(f, ":{port}")
}

/// The beginning of a text from outside, fit to be shown.
fn shown(text: &str) -> String {
    let visible = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().take(100).map(visible).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(entry: &str, scheme: &str, authority: &str) -> bool {
        let hosts = AllowedHosts::parse(&[entry]).unwrap();
        let origin = Origin::parse(is_https(scheme).unwrap(), authority).unwrap();
        hosts.allow(&origin)
    }

    #[test]
    fn an_entry_is_one_host_over_https_on_its_own_port() {
        assert!(allowed("api.example.com", "https", "api.example.com"));
        assert!(allowed("api.example.com", "https", "api.example.com:443"));

        assert!(!allowed("api.example.com", "http", "api.example.com"));
        assert!(!allowed("api.example.com", "http", "api.example.com:443"));
        assert!(!allowed("api.example.com", "https", "api.example.com:8443"));
        assert!(!allowed("api.example.com", "https", "www.api.example.com"));
        assert!(!allowed("api.example.com", "https", "example.com"));
        assert!(!allowed(
            "api.example.com",
            "https",
            "api.example.com.evil.test"
        ));
    }

    #[test]
    fn a_wildcard_means_subdomains_and_not_the_domain_nor_one_that_ends_alike() {
        assert!(allowed("*.example.com", "https", "a.example.com"));
        assert!(allowed("*.example.com", "https", "a.b.example.com"));

        assert!(!allowed("*.example.com", "https", "example.com"));
        assert!(!allowed("*.example.com", "https", "notexample.com"));
        assert!(!allowed("*.example.com", "https", "example.com.evil.test"));
    }

    #[test]
    fn scheme_and_port_are_allowed_where_an_entry_says_so() {
        assert!(allowed("http://example.com", "http", "example.com:80"));
        assert!(!allowed("http://example.com", "https", "example.com"));
        assert!(allowed(
            "https://example.com:8443",
            "https",
            "example.com:8443"
        ));
        assert!(!allowed("https://example.com:8443", "https", "example.com"));
        assert!(allowed(
            "http://*.example.com:81",
            "http",
            "a.example.com:81"
        ));
    }

    #[test]
    fn spellings_of_one_host_are_one_host() {
        assert!(allowed("API.Example.com.", "https", "api.example.COM"));
        assert!(allowed("bücher.example", "https", "xn--bcher-kva.example"));
        assert!(allowed("api.example.com", "https", "api.example.com."));
        assert!(allowed("127.0.0.1", "https", "0x7f.1"));
        assert!(allowed("[::0001]", "https", "[::1]"));
    }

    #[test]
    fn addresses_are_allowed_only_as_such() {
        assert!(allowed("[2001:db8::1]:8443", "https", "[2001:db8::1]:8443"));
        assert!(!allowed("[2001:db8::1]", "https", "[2001:db8::2]"));
        assert!(!allowed("*.0.0.example.com", "https", "127.0.0.1"));
    }

    #[test]
    fn what_is_no_host_is_refused_with_its_name() {
        for entry in [
            "",
            "*",
            "*.",
            "*.com",
            "*.127.0.0.1",
            "a.*.example.com",
            "**.example.com",
            "ftp://example.com",
            "https://user@example.com",
            "https://example.com/path",
            "example.com?query",
            "example.com#fragment",
            "example.com:0",
            "example.com:65536",
            "example.com:+80",
            "example.com:",
            "exa mple.com",
            "a..example.com",
            "::1",
            "[::1",
            "ex%61mple.com",
            "https://https://example.com",
        ] {
            let error = AllowedHosts::parse(&[entry]).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("`{entry}` is no host")),
                "{error}"
            );
        }
        let long = format!("{}.example.com", "a".repeat(300));
        assert!(AllowedHosts::parse(&[long]).is_err());
        assert!(AllowedHosts::parse(&["a.test"; ALLOWED_HOSTS_MAX]).is_ok());
        assert!(AllowedHosts::parse(&["a.test"; ALLOWED_HOSTS_MAX + 1]).is_err());
    }

    #[test]
    fn what_is_stored_is_the_normal_form_and_reads_back() {
        let entries = [
            "HTTPS://Example.com:443",
            "example.com",
            "http://*.example.com:8080",
            "[::1]:8443",
        ];
        let hosts = AllowedHosts::parse(&entries).unwrap();

        let text = serde_json::to_string(&hosts).unwrap();

        let normal = r#"["example.com","http://*.example.com:8080","[::1]:8443"]"#;
        assert_eq!(text, normal);
        assert_eq!(serde_json::from_str::<AllowedHosts>(&text).unwrap(), hosts);
    }
}
