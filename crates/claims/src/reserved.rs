//! Namespaces that no custom claim may use.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// The namespaces that are reserved on every tenant of a server.
///
/// Part of the server's configuration. The default is the reference product's list:
/// the domains `auth0.com`, `webtask.io` and `webtask.run`, and `urn:auth0`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReservedNamespaces {
    /// Domains, each reserved with all its subdomains.
    pub domains: Vec<String>,
    /// Beginnings of URNs, such as `urn:auth0`, each reserved with all that begins
    /// like it (`urn:auth0:role`, `urn:auth0-x:role`).
    pub urn_namespaces: Vec<String>,
}

impl Default for ReservedNamespaces {
    fn default() -> Self {
        Self {
            domains: ["auth0.com", "webtask.io", "webtask.run"]
                .map(str::to_owned)
                .into(),
            urn_namespaces: vec!["urn:auth0".to_owned()],
        }
    }
}

/// What a reserved name is reserved by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReservedBy<'a> {
    /// A domain or a subdomain of it.
    Domain(&'a str),
    /// The tenant's own issuer host.
    Issuer(&'a str),
    /// The beginning of a URN, without `urn:`.
    Urn(&'a str),
}

/// The reserved namespaces of one tenant, in the form in which names are compared.
#[derive(Debug, Clone)]
pub(crate) struct Reserved {
    domains: Vec<String>,
    issuer_hosts: Vec<String>,
    urn_beginnings: Vec<String>,
}

impl Reserved {
    pub(crate) fn new(namespaces: &ReservedNamespaces, issuer_hosts: &[String]) -> Self {
        let hosts = |texts: &[String]| {
            texts
                .iter()
                .map(|text| configured_host(text))
                .filter(|host| !host.is_empty())
                .collect::<Vec<_>>()
        };
        Self {
            domains: hosts(&namespaces.domains),
            issuer_hosts: hosts(issuer_hosts),
            urn_beginnings: namespaces
                .urn_namespaces
                .iter()
                .map(|urn| urn.trim().to_lowercase())
                .map(|urn| {
                    urn.strip_prefix("urn:")
                        .unwrap_or(&urn)
                        .trim_end_matches(':')
                        .to_owned()
                })
                .filter(|beginning| !beginning.is_empty())
                .collect(),
        }
    }

    /// What reserves a host that [`canonical_host`] made, if anything does.
    pub(crate) fn host(&self, host: &str) -> Option<ReservedBy<'_>> {
        let domain = self.domains.iter().find(|domain| {
            host.strip_suffix(domain.as_str())
                .is_some_and(|front| front.is_empty() || front.ends_with('.'))
        });
        if let Some(domain) = domain {
            return Some(ReservedBy::Domain(domain));
        }
        let issuer = self.issuer_hosts.iter().find(|issuer| *issuer == host);
        issuer.map(|issuer| ReservedBy::Issuer(issuer))
    }

    /// What reserves a URN, given by its plainest reading after `urn:`.
    pub(crate) fn urn(&self, plain_rest: &str) -> Option<ReservedBy<'_>> {
        self.urn_beginnings
            .iter()
            .find(|beginning| plain_rest.starts_with(beginning.as_str()))
            .map(|beginning| ReservedBy::Urn(beginning))
    }
}

/// One spelling for each host: lower-case ASCII without trailing dots; IPv4 in dotted
/// decimal, also where it was mapped into IPv6.
pub(crate) fn canonical_host<S: AsRef<str>>(host: &Host<S>) -> String {
    match host {
        Host::Domain(domain) => domain.as_ref().trim_end_matches('.').to_ascii_lowercase(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => mapped.to_string(),
            None => address.to_string(),
        },
    }
}

/// The other ways in which a consumer may read a host that isn't ASCII: the mapping
/// of IDNA 2003 (RFC 3490), which writes `ß` as `ss` and `ς` as `σ`.
pub(crate) fn read_as_idna_2003(name: &str) -> Option<String> {
    if !name.contains(['ß', 'ẞ', 'ς']) {
        return None;
    }
    let mapped = name.replace(['ß', 'ẞ'], "ss").replace('ς', "σ");
    Url::parse(&mapped)
        .ok()
        .and_then(|url| url.host().map(|host| canonical_host(&host)))
}

/// A host as an operator wrote it: with or without `*.`, port, brackets, capitals.
/// What can't be parsed still reserves its own literal spelling.
fn configured_host(text: &str) -> String {
    let text = text.trim().trim_start_matches("*.").trim_start_matches('.');
    let bare_ipv6 = text.parse::<std::net::Ipv6Addr>().is_ok();
    let authority = if bare_ipv6 {
        Cow::Owned(format!("[{text}]"))
    } else {
        Cow::Borrowed(text)
    };
    Url::parse(&format!("http://{authority}/"))
        .ok()
        .and_then(|url| url.host().map(|host| canonical_host(&host)))
        .unwrap_or_else(|| text.trim_end_matches('.').to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reserved(issuer_hosts: &[&str]) -> Reserved {
        let issuer_hosts: Vec<String> =
            issuer_hosts.iter().map(|host| (*host).to_owned()).collect();
        Reserved::new(&ReservedNamespaces::default(), &issuer_hosts)
    }

    #[test]
    fn a_domain_is_reserved_with_its_subdomains_but_not_what_merely_ends_like_it() {
        let reserved = reserved(&[]);

        assert_eq!(
            reserved.host("auth0.com"),
            Some(ReservedBy::Domain("auth0.com"))
        );
        assert_eq!(
            reserved.host("a.b.webtask.io"),
            Some(ReservedBy::Domain("webtask.io"))
        );
        assert_eq!(reserved.host("myauth0.com"), None);
        assert_eq!(reserved.host("auth0.com.example.com"), None);
    }

    #[test]
    fn an_issuer_host_is_reserved_exactly() {
        let reserved = reserved(&["Login.Example.com:8443", "::1", "127.0.0.1"]);

        assert_eq!(
            reserved.host("login.example.com"),
            Some(ReservedBy::Issuer("login.example.com"))
        );
        assert_eq!(reserved.host("my.login.example.com"), None);
        assert_eq!(reserved.host("example.com"), None);
        assert_eq!(reserved.host("::1"), Some(ReservedBy::Issuer("::1")));
        assert_eq!(
            reserved.host("127.0.0.1"),
            Some(ReservedBy::Issuer("127.0.0.1"))
        );
    }

    #[test]
    fn the_list_can_be_configured_and_a_misspelt_key_is_an_error() {
        let list: ReservedNamespaces =
            serde_json::from_str(r#"{"domains": ["*.Corp.Example."]}"#).unwrap();
        let reserved = Reserved::new(&list, &[]);

        assert_eq!(
            reserved.host("hr.corp.example"),
            Some(ReservedBy::Domain("corp.example"))
        );
        assert_eq!(reserved.host("auth0.com"), None);
        assert_eq!(reserved.urn("auth0:role"), Some(ReservedBy::Urn("auth0")));
        assert!(serde_json::from_str::<ReservedNamespaces>(r#"{"domain": []}"#).is_err());
    }
}
