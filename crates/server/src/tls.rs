//! The certificate that the server shows, and the settings of TLS.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, anyhow, bail};
use claimsmith_model::Timestamp;
use clap::Args;
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

use crate::tls_dev;

/// The largest file of certificates or of a key, in bytes. A chain has some kilobytes.
const PEM_BYTES_MAX: u64 = 1 << 20;

/// How the server speaks TLS; without any of it, it speaks plain HTTP.
#[derive(Debug, Clone, Default, Args)]
pub struct TlsOptions {
    /// Speak TLS with the certificate in this file (PEM), its chain following it
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
    pub(crate) fn server_config(
        &self,
        data_dir: &Path,
        now: Timestamp,
    ) -> anyhow::Result<Option<Arc<ServerConfig>>> {
        let config = match (&self.cert, &self.key) {
            (None, None) if self.dev => tls_dev::server_config(data_dir, now)?,
            (None, None) => return Ok(None),
            (Some(cert), Some(key)) if !self.dev => from_files(cert, key)?,
            _ => bail!("give --tls-cert and --tls-key together, or --tls-dev alone"),
        };
        Ok(Some(Arc::new(config)))
    }
}

fn from_files(cert: &Path, key: &Path) -> anyhow::Result<ServerConfig> {
    let pem = read(cert, "--tls-cert")?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let chain = chain.map_err(|error| {
        anyhow!(
            "the file {} of --tls-cert is no PEM: {error}",
            cert.display()
        )
    })?;
    if chain.is_empty() {
        bail!(
            "the file {} of --tls-cert holds no certificate",
            cert.display()
        );
    }
    let pem = read(key, "--tls-key")?;
    // What is wrong with a key isn't told: it could show some of it.
    let key_der = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
        anyhow!(
            "the file {} of --tls-key holds no private key as PEM without a password",
            key.display()
        )
    })?;
    with_certificate(chain, key_der).with_context(|| {
        format!(
            "the certificate in {} and the key in {} can't be used",
            cert.display(),
            key.display()
        )
    })
}

/// TLS 1.2 and 1.3 with the library's own choice of ciphers, and HTTP/1.1.
pub(crate) fn with_certificate(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn read(file: &Path, option: &str) -> anyhow::Result<Vec<u8>> {
    let shown = file.display();
    let context = || format!("the file {shown} of {option} can't be read");
    let bytes = fs::metadata(file).with_context(context)?.len();
    if bytes > PEM_BYTES_MAX {
        bail!("the file {shown} of {option} has {bytes} bytes; at most {PEM_BYTES_MAX} are read");
    }
    fs::read(file).with_context(context)
}

#[cfg(test)]
mod tests {
    use rcgen::{KeyPair, generate_simple_self_signed};

    use super::*;

    /// A folder with certificates and keys in files.
    struct Files(tempfile::TempDir);

    impl Files {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn write(&self, name: &str, text: &str) -> PathBuf {
            let file = self.0.path().join(name);
            fs::write(&file, text).unwrap();
            file
        }

        fn config(&self, cert: &str, key: &str) -> anyhow::Result<Option<Arc<ServerConfig>>> {
            let options = TlsOptions {
                cert: Some(self.write("cert.pem", cert)),
                key: Some(self.write("key.pem", key)),
                dev: false,
            };
            options.server_config(self.0.path(), Timestamp::default())
        }
    }

    #[test]
    fn a_certificate_with_its_key_is_used_and_everything_else_is_named() {
        let files = Files::new();
        let made = generate_simple_self_signed(["login.example.com".to_owned()]).unwrap();
        let (cert, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let other = KeyPair::generate().unwrap().serialize_pem();

        assert!(files.config(&cert, &key).unwrap().is_some());

        for (cert, key, expected) in [
            ("", key.as_str(), "holds no certificate"),
            (&key, &key, "holds no certificate"),
            (&cert, "", "holds no private key"),
            (&cert, &cert, "holds no private key"),
            (&cert, &other, "can't be used"),
        ] {
            let error = files.config(cert, key).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let missing = TlsOptions {
            cert: Some("/nowhere/cert.pem".into()),
            key: Some("/nowhere/key.pem".into()),
            dev: false,
        };
        let error = missing.server_config(files.0.path(), Timestamp::default());
        let error = error.unwrap_err().to_string();
        assert!(error.contains("/nowhere/cert.pem"), "{error}");
    }

    #[test]
    fn without_options_there_is_no_tls() {
        let options = TlsOptions::default();
        assert!(!options.is_on());
        let none = options.server_config(Path::new("/nowhere"), Timestamp::default());
        assert!(none.unwrap().is_none());
    }
}
