//! A connection to an origin: looked up, checked, connected, encrypted.

use std::{
    io,
    net::{IpAddr, SocketAddr, ToSocketAddrs as _},
    sync::Arc,
};

use claimsmith_model::Origin;
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{Instant, timeout_at},
};
use url::Host;

use super::{
    OutgoingNetwork,
    address::{contains, is_public},
};

/// How many addresses of a name are tried.
const ADDRESSES_TRIED_MAX: usize = 4;

/// A connection, with TLS or without.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Why there is no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectError {
    /// The name has no address.
    NotFound,
    /// No address of the host may be reached; this is the first of them.
    Prohibited(IpAddr),
    /// Nobody accepted the connection.
    Refused,
    /// It took too long.
    TimedOut,
    /// The host's certificate is not to be trusted, or not the host's.
    Certificate,
    /// TLS failed for another reason.
    Tls,
}

impl OutgoingNetwork {
    /// Connects to an origin, until `deadline` at the latest.
    ///
    /// The address that was checked is the one that is connected to: a name isn't
    /// looked up twice, so it can't have another address the second time.
    pub(crate) async fn connect(
        &self,
        origin: &Origin,
        deadline: Instant,
    ) -> Result<Box<dyn Stream>, ConnectError> {
        let connecting = async {
            let found = self.addresses(origin).await?;
            let addresses = self.permitted(&found)?;
            let stream = connect_to_any(&addresses, deadline).await?;
            if !origin.is_https {
                return Ok(Box::new(stream) as Box<dyn Stream>);
            }
            let name = server_name(&origin.host)?;
            let connecting = self.tls().await?.connect(name, stream);
            let stream = connecting.await.map_err(|error| tls_error(&error))?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        };
        match timeout_at(deadline, connecting).await {
            Ok(connected) => connected,
            Err(_) => Err(ConnectError::TimedOut),
        }
    }

    /// The addresses of the origin's host.
    async fn addresses(&self, origin: &Origin) -> Result<Vec<SocketAddr>, ConnectError> {
        let port = origin.port;
        let name = match &origin.host {
            Host::Ipv4(address) => return Ok(vec![SocketAddr::from((*address, port))]),
            Host::Ipv6(address) => return Ok(vec![SocketAddr::from((*address, port))]),
            Host::Domain(name) => name.clone(),
        };
        // The place goes with the lookup, which ends when the system's resolver does,
        // even when nobody waits for it any more. The semaphore is never closed.
        let place = Arc::clone(&self.0.lookups).acquire_owned().await;
        let lookup = tokio::task::spawn_blocking(move || {
            let _place = place;
            (name.as_str(), port).to_socket_addrs()
        });
        match lookup.await {
            Ok(Ok(addresses)) => Ok(addresses.collect()),
            Ok(Err(_)) | Err(_) => Err(ConnectError::NotFound),
        }
    }

    /// Those of the addresses that may be reached, a few at most.
    fn permitted(&self, addresses: &[SocketAddr]) -> Result<Vec<SocketAddr>, ConnectError> {
        let is_permitted = |ip: IpAddr| is_public(ip) || contains(&self.0.allowed_ranges, ip);
        let permitted: Vec<_> = addresses
            .iter()
            .filter(|address| is_permitted(address.ip()))
            .take(ADDRESSES_TRIED_MAX)
            .copied()
            .collect();
        match (permitted.as_slice(), addresses) {
            ([], [first, ..]) => Err(ConnectError::Prohibited(first.ip())),
            ([], []) => Err(ConnectError::NotFound),
            _ => Ok(permitted),
        }
    }
}

/// Tries one address after another. Each gets its share of the time, so that one that
/// doesn't answer leaves some to the others.
async fn connect_to_any(
    addresses: &[SocketAddr],
    deadline: Instant,
) -> Result<TcpStream, ConnectError> {
    let mut failure = ConnectError::NotFound;
    for (index, address) in addresses.iter().enumerate() {
        let left = u32::try_from(addresses.len() - index).unwrap_or(1);
        let now = Instant::now();
        let share = deadline.saturating_duration_since(now) / left;
        failure = match timeout_at(now + share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(_)) => ConnectError::Refused,
            Err(_) => ConnectError::TimedOut,
        };
    }
    Err(failure)
}

/// The name that the host's certificate must be for.
fn server_name(host: &Host<String>) -> Result<ServerName<'static>, ConnectError> {
    match host {
        Host::Domain(name) => {
            ServerName::try_from(name.clone()).map_err(|_| ConnectError::Certificate)
        }
        Host::Ipv4(address) => Ok(ServerName::from(IpAddr::V4(*address))),
        Host::Ipv6(address) => Ok(ServerName::from(IpAddr::V6(*address))),
    }
}

fn tls_error(error: &io::Error) -> ConnectError {
    let cause = error
        .get_ref()
        .and_then(|cause| cause.downcast_ref::<rustls::Error>());
    match cause {
        Some(rustls::Error::InvalidCertificate(_)) => ConnectError::Certificate,
        _ => ConnectError::Tls,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn addresses_that_may_not_be_reached_are_left_out() {
        let found = addresses(&["127.0.0.1:443", "1.1.1.1:443", "[::1]:443", "10.0.0.1:443"]);

        let permitted = OutgoingNetwork::default().permitted(&found).unwrap();

        assert_eq!(permitted, addresses(&["1.1.1.1:443"]));
    }

    #[test]
    fn what_the_operator_allows_may_be_reached_and_nothing_beside_it() {
        let network = OutgoingNetwork::new(vec!["10.1.0.0/16".parse().unwrap()], None).unwrap();
        let found = addresses(&["10.1.2.3:443", "10.2.0.1:443", "169.254.169.254:443"]);

        assert_eq!(network.permitted(&found), Ok(addresses(&["10.1.2.3:443"])));
        assert_eq!(
            network.permitted(&addresses(&["10.2.0.1:443"])),
            Err(ConnectError::Prohibited("10.2.0.1".parse().unwrap()))
        );
    }

    #[tokio::test]
    async fn a_name_is_judged_by_the_addresses_it_has() {
        let origin = Origin::parse(false, "localhost").unwrap();
        let deadline = Instant::now() + std::time::Duration::from_secs(60);

        let refused = OutgoingNetwork::default().connect(&origin, deadline).await;

        let Err(ConnectError::Prohibited(address)) = refused.map(|_| ()) else {
            panic!("localhost was reached");
        };
        assert!(address.is_loopback());
    }
}
