//! Names with a namespace: `http(s)` URLs (RFC 3986, read as browsers read them) and
//! URNs (RFC 8141).

use url::Url;

use crate::{
    reserved::{Reserved, ReservedBy, canonical_host, read_as_idna_2003},
    spelling::plain,
};

/// What a name is, by how it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameKind {
    /// `http:` or `https:`.
    Url,
    /// `urn:`.
    Urn,
    /// Anything else: a private name (RFC 7519 section 4.3).
    Private,
}

/// Why a namespace can't be used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NamespaceProblem<'a> {
    /// It is reserved.
    Reserved(ReservedBy<'a>),
    /// It isn't a proper URL or URN; the text says what is wrong.
    Malformed(String),
}

impl NameKind {
    /// Tells by the scheme, in any case.
    pub(crate) fn of(name: &str) -> Self {
        let scheme = name.split_once(':').map_or("", |(scheme, _)| scheme);
        if scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http") {
            Self::Url
        } else if scheme.eq_ignore_ascii_case("urn") {
            Self::Urn
        } else {
            Self::Private
        }
    }
}

/// Checks a name that begins with `http:` or `https:`.
///
/// Whatever any consumer may read as a reserved host is refused. Spellings on which
/// parsers disagree (user information, percent-encoded or missing parts, backslashes)
/// are refused too, so what is left has one reading.
pub(crate) fn check_url<'a>(
    name: &str,
    reserved: &'a Reserved,
) -> Result<(), NamespaceProblem<'a>> {
    if let Some(host) = plain_host(name) {
        return match reserved.host(host) {
            Some(by) => Err(NamespaceProblem::Reserved(by)),
            None => Ok(()),
        };
    }
    check_unusual_url(name, reserved)
}

/// The host of a URL that is written plainly, in lower case and without anything to
/// decode, as nearly all are: found without allocating. `None` for all others.
fn plain_host(name: &str) -> Option<&str> {
    let rest = name
        .strip_prefix("https://")
        .or_else(|| name.strip_prefix("http://"))?;
    let authority = rest
        .split_once('/')
        .map_or(rest, |(authority, _)| authority);
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let port_is_plain = port.is_none_or(|port| {
        port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok()
    });
    let labels_are_plain = host.split('.').all(|label| {
        !label.is_empty()
            && !label.starts_with("xn--")
            && label
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    });
    // A last label that begins with a digit may make the host an IPv4 address.
    let last_label = host.rsplit('.').next()?;
    let is_a_name = last_label.starts_with(|c: char| c.is_ascii_lowercase());
    (port_is_plain && labels_are_plain && is_a_name).then_some(host)
}

/// The whole check, for URLs that aren't plain.
fn check_unusual_url<'a>(name: &str, reserved: &'a Reserved) -> Result<(), NamespaceProblem<'a>> {
    let malformed = |what: &str| Err(NamespaceProblem::Malformed(what.to_owned()));
    let parsed = Url::parse(name);
    let host = parsed
        .as_ref()
        .ok()
        .and_then(Url::host)
        .map(|host| canonical_host(&host));

    // Reserved before malformed: of two mistakes the author hears the weightier.
    for reading in host.iter().chain(read_as_idna_2003(name).iter()) {
        if let Some(by) = reserved.host(reading) {
            return Err(NamespaceProblem::Reserved(by));
        }
    }

    let after_scheme = name.split_once(':').map_or("", |(_, rest)| rest);
    let Some(rest) = after_scheme.strip_prefix("//") else {
        return malformed("the scheme isn't followed by `//`");
    };
    // Old parsers let `?` and `#` be part of the user information, so `@` and `\`
    // are looked for up to the first slash.
    let before_path = rest.split_once('/').map_or(rest, |(before, _)| before);
    if before_path.contains('@') {
        return malformed("it has user information (`…@`) before the host");
    }
    if before_path.contains('\\') {
        return malformed("it has a backslash before the path");
    }
    let authority = before_path.split(['?', '#']).next().unwrap_or_default();
    if authority.contains('%') {
        return malformed("its host is percent-encoded");
    }
    if authority.is_empty() {
        return malformed("it has no host");
    }
    if let Err(error) = &parsed {
        return malformed(&error.to_string());
    }
    match host {
        None => malformed("it has no host"),
        Some(host) if host.split('.').any(str::is_empty) => malformed("its host has an empty part"),
        Some(_) => Ok(()),
    }
}

/// Checks a name that begins with `urn:`, by the syntax of RFC 8141 section 2.
pub(crate) fn check_urn<'a>(
    name: &str,
    reserved: &'a Reserved,
) -> Result<(), NamespaceProblem<'a>> {
    let malformed = |what: &str| Err(NamespaceProblem::Malformed(what.to_owned()));
    let rest = name.split_once(':').map_or("", |(_, rest)| rest);
    if let Some(by) = reserved.urn(&plain(rest)) {
        return Err(NamespaceProblem::Reserved(by));
    }

    let Some((nid, nss)) = rest.split_once(':') else {
        return malformed("it has no part after the namespace identifier");
    };
    let nid_is_proper = (2..=32).contains(&nid.len())
        && nid
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !nid.starts_with('-')
        && !nid.ends_with('-')
        && !nid.eq_ignore_ascii_case("urn");
    if !nid_is_proper {
        return malformed(
            "its namespace identifier isn't 2 to 32 letters, digits or inner hyphens",
        );
    }
    if nss.is_empty() || nss.starts_with(['/', '?', '#']) {
        return malformed("it has no part after the namespace identifier");
    }
    if !nss.bytes().all(is_urn_character) {
        return malformed("it has a character that a URN writes percent-encoded");
    }
    Ok(())
}

/// Whether a byte may stand in a URN after the namespace identifier, q-, r- and
/// f-components included.
fn is_urn_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@%/?#".contains(&byte)
}

/// Looks for a reserved namespace in a private name (`auth0.com/role`,
/// `ftp://auth0.com/role`, `urn%3Aauth0:role`), for tenants that admit private names.
///
/// Every part between punctuation is read as a host, in the name's plainest reading.
pub(crate) fn check_private<'a>(
    name: &str,
    reserved: &'a Reserved,
) -> Result<(), NamespaceProblem<'a>> {
    let reading = plain(name);
    if NameKind::of(&reading) == NameKind::Urn
        && let Some(by) = reading
            .split_once(':')
            .and_then(|(_, rest)| reserved.urn(rest))
    {
        return Err(NamespaceProblem::Reserved(by));
    }
    let is_host_character = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '。');
    for part in reading.split(|c| !is_host_character(c)) {
        // A host of one word (`localhost`) is a word that any claim may have.
        if !part.contains(['.', '。']) {
            continue;
        }
        let Ok(host) = url::Host::parse(part) else {
            continue;
        };
        if let Some(by) = reserved.host(&canonical_host(&host)) {
            return Err(NamespaceProblem::Reserved(by));
        }
    }
    if NameKind::of(&reading) == NameKind::Private {
        Ok(())
    } else {
        Err(NamespaceProblem::Malformed(
            "its scheme isn't written plainly".to_owned(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ReservedNamespaces;

    fn reserved() -> Reserved {
        let issuer_hosts = [
            "login.example.com".to_owned(),
            "strasse.example".to_owned(),
            "127.0.0.1".to_owned(),
            "bücher.example".to_owned(),
        ];
        Reserved::new(&ReservedNamespaces::default(), &issuer_hosts)
    }

    fn verdict(name: &str) -> &'static str {
        let reserved = reserved();
        let result = match NameKind::of(name) {
            NameKind::Url => check_url(name, &reserved),
            NameKind::Urn => check_urn(name, &reserved),
            NameKind::Private => check_private(name, &reserved),
        };
        match result {
            Ok(()) => "ok",
            Err(NamespaceProblem::Reserved(_)) => "reserved",
            Err(NamespaceProblem::Malformed(_)) => "malformed",
        }
    }

    #[test]
    fn urls_of_other_hosts_are_fine() {
        for name in [
            "https://example.com/role",
            "http://example.com/role",
            "HTTPS://Example.COM/role",
            "https://example.com",
            "https://example.com:8443/role",
            "https://example.com#role",
            "https://example.com?role",
            "https://example.com./role",
            "https://example.com/auth0.com",
            "https://example.com/@auth0.com",
            "https://example.com/größe",
            "https://größe.example/x",
            "https://auth0.com.example.com/role",
            "https://notauth0.com/role",
            "https://my.login.example.com/role",
            "https://192.0.2.1/role",
            "https://[2001:db8::1]/role",
            "https://localhost/role",
            "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
        ] {
            assert_eq!(verdict(name), "ok", "{name}");
        }
    }

    #[test]
    fn reserved_hosts_are_found_in_every_spelling() {
        for name in [
            "https://auth0.com/role",
            "http://auth0.com",
            "https://acme.auth0.com/role",
            "https://a.b.c.webtask.io/role",
            "https://webtask.run/role",
            "HTTP://AUTH0.COM/role",
            "https://auth0.com./role",
            "https://auth0.com../role",
            "https://auth0.com:8443/role",
            "https://auth0%2Ecom/role",
            "https://%61uth0.com/role",
            "https://auth0。com/role",
            "https://ａｕｔｈ０.com/role",
            "https:auth0.com/role",
            "https:/auth0.com/role",
            "https:///auth0.com/role",
            "https:\\\\auth0.com\\role",
            "https://user:pass@auth0.com/role",
            "https://auth0.com?role",
            "https://auth0.com#role",
            "https://login.example.com/role",
            "https://straße.example/role",
            "https://bücher.example/role",
            "https://BÜCHER.example/role",
            "https://xn--bcher-kva.example/role",
            "https://XN--BCHER-KVA.example/role",
            "http://127.0.0.1/role",
            "http://127.1/role",
            "http://0x7f.0.0.1/role",
            "http://2130706433/role",
            "http://0177.0.0.01/role",
            "http://[::ffff:127.0.0.1]/role",
            "http://127.0.0.1./role",
        ] {
            assert_eq!(verdict(name), "reserved", "{name}");
        }
    }

    #[test]
    fn urls_on_which_parsers_disagree_are_malformed() {
        for name in [
            "https:",
            "https://",
            "https:///",
            "http:role",
            "https:example.com/role",
            "https:/example.com/role",
            "https:///example.com/role",
            "https:\\\\example.com",
            "https://example.com\\@other.example/role",
            "https://auth0.com@example.com/role",
            "https://@example.com/role",
            "https://example.com#@auth0.com/role",
            "https://example.com?@auth0.com/role",
            "https://ex%61mple.com/role",
            "https://example.com:port/role",
            "https://example.com:99999/role",
            "https://example..com/role",
            "https://.example.com/role",
            "https://[::1/role",
            "https://exa<mple.com/role",
            "https://auth0%252ecom/role",
            "https://xn--auth0-.com/role",
        ] {
            assert_eq!(verdict(name), "malformed", "{name}");
        }
    }

    #[test]
    fn urns_follow_rfc_8141() {
        for (name, expected) in [
            ("urn:example:role", "ok"),
            ("URN:Example:a/b%20c", "ok"),
            ("urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66", "ok"),
            ("urn:myauth0:role", "ok"),
            ("urn:example:auth0", "ok"),
            ("urn:auth0:role", "reserved"),
            ("urn:auth0", "reserved"),
            ("URN:Auth0:role", "reserved"),
            ("urn:auth0-x:role", "reserved"),
            ("urn:auth0.com:role", "reserved"),
            ("urn:%61uth0:role", "reserved"),
            ("urn:%2561uth0:role", "reserved"),
            ("urn:ａuth0:role", "reserved"),
            ("urn:", "malformed"),
            ("urn:example", "malformed"),
            ("urn:example:", "malformed"),
            ("urn::role", "malformed"),
            ("urn:x:role", "malformed"),
            ("urn:-example:role", "malformed"),
            ("urn:example-:role", "malformed"),
            ("urn:urn:role", "malformed"),
            ("urn:ex_ample:role", "malformed"),
            ("urn:example:größe", "malformed"),
            ("urn:example:a\\b", "malformed"),
        ] {
            assert_eq!(verdict(name), expected, "{name}");
        }
    }

    #[test]
    fn private_names_that_read_as_a_reserved_namespace_are_found() {
        for (name, expected) in [
            ("role", "ok"),
            ("com.example/role", "ok"),
            ("ftp://example.com/role", "ok"),
            ("localhost", "ok"),
            ("auth0", "ok"),
            ("100%", "ok"),
            ("auth0.com/role", "reserved"),
            ("//auth0.com/role", "reserved"),
            ("ftp://acme.auth0.com/role", "reserved"),
            ("blob:https://auth0.com/role", "reserved"),
            ("https%3A%2F%2Fauth0.com/role", "reserved"),
            ("ｈttps://auth0。com/role", "reserved"),
            ("<https://auth0.com/role>", "reserved"),
            ("login.example.com/role", "reserved"),
            ("urn%3Aauth0:role", "reserved"),
            ("ｕrn:auth0:role", "reserved"),
            ("ｈttps://example.com/role", "malformed"),
            ("urn%3Aexample:role", "malformed"),
        ] {
            assert_eq!(verdict(name), expected, "{name}");
        }
    }

    #[test]
    fn the_short_way_for_plain_urls_agrees_with_the_whole_check() {
        let reserved = reserved();
        for host in [
            "example.com",
            "a-b.example",
            "auth0.com",
            "x.auth0.com",
            "localhost",
            "login.example.com",
            "a.login.example.com",
            "1.example",
            "example.x1",
            "a--b.example",
            "-a.example",
        ] {
            for end in ["", "/", "/role", ":80/role", ":65535", "/a?b#c@d\\e"] {
                let name = format!("https://{host}{end}");
                assert!(plain_host(&name).is_some(), "{name}");
                assert_eq!(
                    check_url(&name, &reserved),
                    check_unusual_url(&name, &reserved),
                    "{name}"
                );
            }
        }
    }
}
