//! How the server speaks TLS.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::bail;
use claimsmith_model::Timestamp;
use clap::Args;
use rustls::{ServerConfig, crypto::aws_lc_rs};

use crate::certificate::{Certificate, Source};

/// How the server speaks TLS; without any of it, it speaks plain HTTP.
#[derive(Debug, Clone, Default, Args)]
pub struct TlsOptions {
    /// Speak TLS with the certificate in this file (PEM), its chain following it; read
    /// anew when it has changed, and on SIGHUP
    #[arg(
        id = "tls_cert",
        long = "tls-cert",
        env = "CLAIMSMITH_TLS_CERT",
        value_name = "FILE",
        requires = "tls_key"
    )]
    pub cert: Option<PathBuf>,
    /// The certificate's private key (PEM)
    #[arg(
        id = "tls_key",
        long = "tls-key",
        env = "CLAIMSMITH_TLS_KEY",
        value_name = "FILE",
        requires = "tls_cert"
    )]
    pub key: Option<PathBuf>,
    /// Speak TLS with a certificate for localhost by an authority of its own, made at
    /// the first start as DIR/tls/ca.pem; for trying things out
    #[arg(
        id = "tls_dev",
        long = "tls-dev",
        env = "CLAIMSMITH_TLS_DEV",
        conflicts_with = "tls_cert"
    )]
    pub dev: bool,
}

impl TlsOptions {
    /// Whether the server speaks TLS.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.dev || self.cert.is_some() || self.key.is_some()
    }

    /// Reads or makes the certificate.
    ///
    /// # Errors
    /// Names the file, and what is wrong with it.
    pub(crate) fn certificate(
        &self,
        data_dir: &Path,
        now: Timestamp,
    ) -> anyhow::Result<Option<Arc<Certificate>>> {
        let source = match (&self.cert, &self.key) {
            (None, None) if self.dev => Source::Development(data_dir.to_owned()),
            (None, None) => return Ok(None),
            (Some(cert), Some(key)) if !self.dev => Source::Files {
                cert: cert.clone(),
                key: key.clone(),
            },
            _ => bail!("give --tls-cert and --tls-key together, or --tls-dev alone"),
        };
        Certificate::of(source, now).map(|made| Some(Arc::new(made)))
    }
}

/// TLS 1.2 and 1.3 with the library's own choice of ciphers, and HTTP/1.1.
pub(crate) fn server_config(certificate: Arc<Certificate>) -> anyhow::Result<Arc<ServerConfig>> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(certificate);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_options_there_is_no_tls() {
        let options = TlsOptions::default();
        assert!(!options.is_on());
        let none = options.certificate(Path::new("/nowhere"), Timestamp::default());
        assert!(none.unwrap().is_none());
    }
}
