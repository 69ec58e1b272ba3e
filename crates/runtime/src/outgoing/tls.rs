//! TLS of outgoing calls: whom it trusts.

use std::sync::Arc;

use rustls::{
    ClientConfig, RootCertStore, client::Resumption, crypto::aws_lc_rs, pki_types::CertificateDer,
};
use tokio_rustls::TlsConnector;

use super::{ConnectError, OutgoingNetwork};

impl OutgoingNetwork {
    /// What makes TLS connections; read from the system once.
    pub(super) async fn tls(&self) -> Result<TlsConnector, ConnectError> {
        let make = || async {
            let extra_roots = self.0.extra_roots.clone();
            let made = tokio::task::spawn_blocking(move || config(&extra_roots)).await;
            match made {
                Ok(Ok(config)) => Ok(Arc::new(config)),
                Ok(Err(error)) => Err(error.to_string()),
                Err(error) => Err(error.to_string()),
            }
        };
        match self.0.tls.get_or_try_init(make).await {
            Ok(config) => Ok(TlsConnector::from(Arc::clone(config))),
            Err(error) => {
                tracing::error!(error, "TLS for outgoing calls can't be set up");
                Err(ConnectError::Tls)
            }
        }
    }
}

fn config(extra_roots: &[CertificateDer<'static>]) -> Result<ClientConfig, rustls::Error> {
    let system = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(system.certs);
    if added == 0 {
        tracing::warn!(
            errors = ?system.errors,
            "the system has no root certificates: Actions reach hosts over https only by \
             certificates of --outgoing-ca"
        );
    }
    for root in extra_roots {
        roots.add(root.clone())?;
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Resuming would let a server link the calls of one tenant to those of another.
    config.resumption = Resumption::disabled();
    Ok(config)
}
