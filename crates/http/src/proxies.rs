//! Whom a request comes from when proxies stand in between.
//!
//! Anybody can send `X-Forwarded-For` and `X-Forwarded-Host`, so they count only in what
//! an operator's own proxies say, which the operator names by their addresses. The
//! request then looks as if it had come without them: its peer is the client, its `Host`
//! the one that the client asked for.
//!
//! `Forwarded` (RFC 7239) isn't read: a proxy that writes one kind of header passes the
//! other one on as the client made it up. `X-Forwarded-Proto` isn't either: a tenant's
//! issuer says which scheme it has.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::{
    extract::{ConnectInfo, Request, State},
    middleware::Next,
    response::Response,
};
use claimsmith_service::AddressRange;
use http::{HeaderMap, HeaderValue, Uri, header, uri::PathAndQuery};

const FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED_HOST: &str = "x-forwarded-host";

/// How many proxies one behind another are believed.
const PROXIES_MAX: usize = 16;

/// The proxies whose forwarded headers count.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Arc<[AddressRange]>);

impl TrustedProxies {
    /// The proxies in these ranges of addresses.
    #[must_use]
    pub fn new(ranges: Vec<AddressRange>) -> Self {
        Self(ranges.into())
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|range| range.contains(address))
    }

    /// The client's address, and how many of the trusted proxies stand in between.
    ///
    /// Each proxy writes whom it was asked by at the right end. So from there on every
    /// entry is true for as long as it was written by a proxy that is trusted; the first
    /// one that isn't a trusted proxy's is the client, and what stands left of it is the
    /// client's own invention.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> (IpAddr, usize) {
        let (mut client, mut proxies) = (peer, 0);
        let mut entries = from_the_right(headers, FORWARDED_FOR);
        while self.contains(client) && proxies < PROXIES_MAX {
            proxies += 1;
            match entries.next().and_then(address) {
                Some(before) => client = before,
                // It says nothing, or nothing that can be read: it may be the client.
                None => break,
            }
        }
        (client.to_canonical(), proxies)
    }
}

/// Puts the client in the place of the proxies.
pub(crate) async fn resolve(
    State(proxies): State<TrustedProxies>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .copied();
    if let Some(ConnectInfo(peer)) = peer {
        let (client, count) = proxies.client(peer.ip(), request.headers());
        if count > 0 {
            let host = host(request.headers(), count);
            if let Some(host) = host {
                set_host(&mut request, host);
            }
            // A port of the proxy's would be none of the client's.
            let client = ConnectInfo(SocketAddr::new(client, 0));
            request.extensions_mut().insert(client);
        }
    }
    next.run(request).await
}

/// The host that the client asked for: what the outermost of so many proxies was asked.
/// Proxies that pass the `Host` on needn't say so.
fn host(headers: &HeaderMap, proxies: usize) -> Option<HeaderValue> {
    let hosts: Vec<_> = from_the_right(headers, FORWARDED_HOST)
        .take(proxies)
        .collect();
    let host = hosts.last()?;
    HeaderValue::from_str(host).ok()
}

/// Makes a request one for that host.
fn set_host(request: &mut Request, host: HeaderValue) {
    request.headers_mut().insert(header::HOST, host);
    // An absolute URI would go before the header.
    let path = request.uri().path_and_query();
    let path = path.cloned().unwrap_or(PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from(path);
}

/// The entries of a header that holds a list, over all its lines, the last one first.
fn from_the_right<'a>(headers: &'a HeaderMap, name: &'static str) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).iter().rev();
    lines.flat_map(|line| {
        // A line that isn't text is one entry that can't be read.
        line.to_str().unwrap_or("?").rsplit(',').map(str::trim)
    })
}

/// An address with or without a port, IPv6 with or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let alone = bare.unwrap_or(text).parse().ok();
    let with_port = || text.parse().ok().map(|address: SocketAddr| address.ip());
    alone.or_else(with_port)
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn proxies() -> TrustedProxies {
        let ranges = ["10.0.0.0/8", "fd00::/8"];
        TrustedProxies::new(ranges.map(|range| range.parse().unwrap()).to_vec())
    }

    fn headers(name: &'static str, lines: &[&str]) -> HeaderMap {
        let lines = lines.iter();
        lines
            .map(|line| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_str(line).unwrap(),
                )
            })
            .collect()
    }

    fn client(peer: &str, lines: &[&str]) -> (String, usize) {
        let headers = headers(FORWARDED_FOR, lines);
        let (client, count) = proxies().client(peer.parse().unwrap(), &headers);
        (client.to_string(), count)
    }

    #[test]
    fn who_is_no_proxy_says_nothing_of_others() {
        let own = ("192.0.2.1".to_owned(), 0);
        assert_eq!(client("192.0.2.1", &[]), own);
        assert_eq!(client("192.0.2.1", &["10.0.0.1", "198.51.100.7"]), own);
        assert_eq!(client("::ffff:192.0.2.1", &["198.51.100.7"]), own);
    }

    #[test]
    fn the_client_is_the_first_from_the_right_that_is_no_proxy() {
        for lines in [
            &["198.51.100.7"][..],
            &["203.0.113.9, 198.51.100.7"],
            &["203.0.113.9,10.9.9.9 , 198.51.100.7"],
            &["203.0.113.9", "198.51.100.7"],
            &["nonsense, 198.51.100.7:4711"],
        ] {
            assert_eq!(client("10.0.0.1", lines), ("198.51.100.7".to_owned(), 1));
        }
        let two = client("::ffff:10.0.0.1", &["198.51.100.7, fd00::1"]);
        assert_eq!(two, ("198.51.100.7".to_owned(), 2));
        let six = client("fd00::1", &["[2001:db8::7]:443, [fd00::2]"]);
        assert_eq!(six, ("2001:db8::7".to_owned(), 2));
    }

    #[test]
    fn a_proxy_that_says_nothing_readable_counts_as_the_client() {
        for lines in [
            &[][..],
            &["198.51.100.7, unknown"],
            &["198.51.100.7, "],
            &["198.51.100.7, 999.0.0.1"],
            &["198.51.100.7, 10.0.0.2.evil.example"],
        ] {
            assert_eq!(client("10.0.0.1", lines), ("10.0.0.1".to_owned(), 1));
        }
        let long = vec!["10.0.0.2"; 1_000].join(",");
        let (last, count) = client("10.0.0.1", &[&long]);
        assert_eq!((last.as_str(), count), ("10.0.0.2", PROXIES_MAX));
    }

    #[test]
    fn the_host_is_what_the_outermost_trusted_proxy_was_asked() {
        let host = |lines: &[&str], proxies| {
            let headers = headers(FORWARDED_HOST, lines);
            host(&headers, proxies).map(|host| host.to_str().unwrap().to_owned())
        };
        assert_eq!(host(&[], 1), None);
        assert_eq!(host(&["a.example"], 1).as_deref(), Some("a.example"));
        assert_eq!(host(&["a.example"], 2).as_deref(), Some("a.example"));
        let forged = ["evil.example, a.example"];
        assert_eq!(host(&forged, 1).as_deref(), Some("a.example"));
        let chain = ["evil.example, a.example", "inner.example"];
        assert_eq!(host(&chain, 2).as_deref(), Some("a.example"));
    }
}
