//! The network as Actions may use it: which addresses, and whom TLS trusts.

mod address;
mod connect;
mod tls;

use std::{fmt, sync::Arc};

use rustls::{
    ClientConfig,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use tokio::sync::{OnceCell, Semaphore};

pub use address::{AddressRange, InvalidRange};
pub(crate) use connect::ConnectError;

/// How many names are looked up at once, in all. The system's resolver holds a thread
/// for each, and can't be interrupted.
const LOOKUPS_MAX: usize = 32;

/// What the operator permits to all Actions' HTTP calls, beside each Action's own
/// `allowed_hosts`. By default: public addresses, and the system's root certificates.
#[derive(Clone)]
pub struct OutgoingNetwork(Arc<Inner>);

struct Inner {
    /// Ranges that may be reached although they aren't public.
    allowed_ranges: Vec<AddressRange>,
    /// Root certificates beside the system's.
    extra_roots: Vec<CertificateDer<'static>>,
    /// Made at the first call over TLS: reading the system's roots takes milliseconds.
    tls: OnceCell<Arc<ClientConfig>>,
    lookups: Arc<Semaphore>,
}

/// The file of root certificates can't be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidRoots {
    /// It isn't PEM (RFC 7468).
    #[error("it is not PEM: {0}")]
    NotPem(String),
    /// It holds no certificate.
    #[error("it holds no certificate (`-----BEGIN CERTIFICATE-----`)")]
    Empty,
    /// One of its certificates can't be a root.
    #[error("its certificate number {number} can't be a root: {problem}")]
    NotARoot {
        /// Which one, counted from 1.
        number: usize,
        /// What is wrong with it.
        problem: String,
    },
}

impl OutgoingNetwork {
    /// Permits public addresses and those in `allowed_ranges`, and trusts the system's
    /// root certificates and those in `extra_roots_pem`.
    ///
    /// # Errors
    /// When the certificates can't be used as roots.
    pub fn new(
        allowed_ranges: Vec<AddressRange>,
        extra_roots_pem: Option<&[u8]>,
    ) -> Result<Self, InvalidRoots> {
        let extra_roots = extra_roots_pem.map(roots).transpose()?.unwrap_or_default();
        Ok(Self(Arc::new(Inner {
            allowed_ranges,
            extra_roots,
            tls: OnceCell::new(),
            lookups: Arc::new(Semaphore::new(LOOKUPS_MAX)),
        })))
    }
}

impl Default for OutgoingNetwork {
    fn default() -> Self {
        Self(Arc::new(Inner {
            allowed_ranges: Vec::new(),
            extra_roots: Vec::new(),
            tls: OnceCell::new(),
            lookups: Arc::new(Semaphore::new(LOOKUPS_MAX)),
        }))
    }
}

impl fmt::Debug for OutgoingNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutgoingNetwork")
            .field("allowed_ranges", &self.0.allowed_ranges)
            .field("extra_roots", &self.0.extra_roots.len())
            .finish_non_exhaustive()
    }
}

/// The certificates of a PEM file, each tried as a root.
fn roots(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, InvalidRoots> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| InvalidRoots::NotPem(error.to_string()))?;
    if certificates.is_empty() {
        return Err(InvalidRoots::Empty);
    }
    let mut store = rustls::RootCertStore::empty();
    for (index, certificate) in certificates.iter().enumerate() {
        store
            .add(certificate.clone())
            .map_err(|error| InvalidRoots::NotARoot {
                number: index + 1,
                problem: error.to_string(),
            })?;
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_usable_root_is_refused_with_what_is_wrong() {
        let refused = |pem: &str| {
            OutgoingNetwork::new(Vec::new(), Some(pem.as_bytes()))
                .unwrap_err()
                .to_string()
        };

        assert!(refused("").starts_with("it holds no certificate"));
        assert!(refused("-----BEGIN CERTIFICATE-----\nAAAA\n").starts_with("it is not PEM"));
        let no_root = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(refused(no_root).starts_with("its certificate number 1 can't be a root"));
    }
}
