//! The certificate that the server shows, which is another one when its files have
//! changed, or before it lapses: who renews by ACME needs no restart.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ::aws_lc_rs::digest::{Context as Digest, SHA256};
use anyhow::{Context as _, anyhow, bail};
use arc_swap::ArcSwap;
use claimsmith_model::{Clock, Timestamp};
use rustls::{
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use crate::{pem, tls_dev};

/// How often the files are looked at: often enough that nobody has to tell the server,
/// and reading some kilobytes a minute is nothing.
const PAUSE: Duration = Duration::from_secs(60);

/// A certificate with its key, for connections that begin from now on.
#[derive(Debug)]
pub(crate) struct Certificate {
    source: Source,
    current: ArcSwap<CertifiedKey>,
    /// What the current one is made of.
    of: Mutex<Origin>,
}

/// Where a certificate comes from.
#[derive(Debug)]
pub(crate) enum Source {
    /// Two files of the operator's: the certificate with its chain, and the key.
    Files {
        /// The certificate.
        cert: PathBuf,
        /// The key.
        key: PathBuf,
    },
    /// An authority of the server's own, in this data folder.
    Development(PathBuf),
}

/// What a certificate was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// The digest of both files.
    Files([u8; 32]),
    /// Nothing that is kept; it is to be renewed then.
    Until(Timestamp),
}

impl Certificate {
    /// Reads or makes the certificate.
    ///
    /// # Errors
    /// Names the file, and what is wrong with it.
    pub(crate) fn of(source: Source, now: Timestamp) -> anyhow::Result<Self> {
        let (certified, of) = source.make(now)?;
        Ok(Self {
            source,
            current: ArcSwap::from_pointee(certified),
            of: Mutex::new(of),
        })
    }

    /// Takes another certificate where there is one to take. Answers whether it did.
    ///
    /// # Errors
    /// As for [`Self::of`]; then the one that there is stays.
    pub(crate) fn renew(&self, now: Timestamp) -> anyhow::Result<bool> {
        // Of two at once the second sees what the first did.
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.source.has_changed(*of, now)? {
            return Ok(false);
        }
        let (certified, made_of) = self.source.make(now)?;
        self.current.store(Arc::new(certified));
        *of = made_of;
        Ok(true)
    }

    /// The same, and tells the log.
    pub(crate) async fn renew_and_tell(self: Arc<Self>, now: Timestamp) {
        // Files may be on a disk that takes its time.
        let renewed = tokio::task::spawn_blocking(move || self.renew(now)).await;
        match renewed {
            Ok(Ok(false)) => {}
            Ok(Ok(true)) => tracing::info!("new connections get the renewed certificate"),
            Ok(Err(error)) => {
                let error = format!("{error:#}");
                tracing::warn!(error, "the certificate stays as it is");
            }
            Err(error) => tracing::error!(%error, "the certificate stays as it is"),
        }
    }

    /// Renews it whenever there is need, for as long as this is polled.
    pub(crate) async fn keep_fresh(self: Arc<Self>, clock: Arc<dyn Clock>) {
        let mut pause = tokio::time::interval(PAUSE);
        // The first tick is at once, and the certificate is new.
        pause.tick().await;
        loop {
            pause.tick().await;
            Arc::clone(&self).renew_and_tell(clock.now()).await;
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

impl Source {
    fn has_changed(&self, of: Origin, now: Timestamp) -> anyhow::Result<bool> {
        Ok(match (self, of) {
            (Self::Files { cert, key }, Origin::Files(digest)) => {
                let (cert, key) = read(cert, key)?;
                self::digest(&cert, &key) != digest
            }
            (_, Origin::Until(renewal)) => renewal <= now,
            (Self::Development(_), Origin::Files(_)) => true,
        })
    }

    fn make(&self, now: Timestamp) -> anyhow::Result<(CertifiedKey, Origin)> {
        match self {
            Self::Files { cert, key } => from_files(cert, key),
            Self::Development(data_dir) => {
                let (certified, renewal) = tls_dev::make(data_dir, now)?;
                Ok((certified, Origin::Until(renewal)))
            }
        }
    }
}

fn read(cert: &Path, key: &Path) -> anyhow::Result<(Vec<u8>, Vec<u8>)> {
    Ok((pem::read(cert, "--tls-cert")?, pem::read(key, "--tls-key")?))
}

fn digest(cert: &[u8], key: &[u8]) -> [u8; 32] {
    let mut digest = Digest::new(&SHA256);
    digest.update(&cert.len().to_be_bytes());
    digest.update(cert);
    digest.update(key);
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest.finish().as_ref());
    bytes
}

fn from_files(cert: &Path, key: &Path) -> anyhow::Result<(CertifiedKey, Origin)> {
    let (cert_pem, key_pem) = read(cert, key)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&cert_pem).collect();
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
    // What is wrong with a key isn't told: it could show some of it.
    let key_der = PrivateKeyDer::from_pem_slice(&key_pem).map_err(|_| {
        anyhow!(
            "the file {} of --tls-key holds no private key as PEM without a password",
            key.display()
        )
    })?;
    let certified = certified(chain, key_der).with_context(|| {
        format!(
            "the certificate in {} and the key in {} can't be used",
            cert.display(),
            key.display()
        )
    })?;
    let origin = Origin::Files(digest(&cert_pem, &key_pem));
    Ok((certified, origin))
}

/// A certificate with the key that belongs to it.
pub(crate) fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<CertifiedKey, rustls::Error> {
    CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rcgen::{CertifiedKey as Made, KeyPair, generate_simple_self_signed};

    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_millis(1_790_000_000_000)
    }

    fn made() -> Made<KeyPair> {
        generate_simple_self_signed(["login.example.com".to_owned()]).unwrap()
    }

    /// A folder with a certificate and its key in files.
    struct Files(tempfile::TempDir);

    impl Files {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn write(&self, name: &str, text: &str) {
            fs::write(self.0.path().join(name), text).unwrap();
        }

        fn source(&self) -> Source {
            Source::Files {
                cert: self.0.path().join("cert.pem"),
                key: self.0.path().join("key.pem"),
            }
        }

        fn certificate(&self, cert: &str, key: &str) -> anyhow::Result<Certificate> {
            self.write("cert.pem", cert);
            self.write("key.pem", key);
            Certificate::of(self.source(), now())
        }
    }

    fn shown(certificate: &Certificate) -> CertificateDer<'static> {
        certificate.current.load().cert[0].clone()
    }

    #[test]
    fn a_certificate_with_its_key_is_used_and_everything_else_is_named() {
        let files = Files::new();
        let made = made();
        let (cert, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let other = KeyPair::generate().unwrap().serialize_pem();

        files.certificate(&cert, &key).unwrap();

        for (cert, key, expected) in [
            ("", key.as_str(), "holds no certificate"),
            (&key, &key, "holds no certificate"),
            (&cert, "", "holds no private key"),
            (&cert, &cert, "holds no private key"),
            (&cert, &other, "can't be used"),
        ] {
            let error = files.certificate(cert, key).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let missing = Source::Files {
            cert: "/nowhere/cert.pem".into(),
            key: "/nowhere/key.pem".into(),
        };
        let error = Certificate::of(missing, now()).unwrap_err().to_string();
        assert!(error.contains("/nowhere/cert.pem"), "{error}");
    }

    #[test]
    fn changed_files_are_taken_and_those_that_can_not_be_used_change_nothing() {
        let files = Files::new();
        let (old, new) = (made(), made());
        let certificate = files
            .certificate(&old.cert.pem(), &old.signing_key.serialize_pem())
            .unwrap();
        assert!(!certificate.renew(now()).unwrap());

        // Whoever renews writes one file after the other.
        files.write("cert.pem", &new.cert.pem());
        let error = certificate.renew(now()).unwrap_err().to_string();
        assert!(error.contains("cert.pem"), "{error}");
        assert_eq!(shown(&certificate), *old.cert.der());
        fs::remove_file(files.0.path().join("key.pem")).unwrap();
        certificate.renew(now()).unwrap_err();
        assert_eq!(shown(&certificate), *old.cert.der());

        files.write("key.pem", &new.signing_key.serialize_pem());
        assert!(certificate.renew(now()).unwrap());
        assert_eq!(shown(&certificate), *new.cert.der());
        assert!(!certificate.renew(now()).unwrap());
    }

    #[test]
    fn the_development_certificate_is_renewed_before_it_lapses_by_the_same_authority() {
        let data = tempfile::tempdir().unwrap();
        let source = Source::Development(data.path().to_owned());
        let certificate = Certificate::of(source, now()).unwrap();
        let authority = || fs::read(data.path().join("tls/ca.pem")).unwrap();
        let (first, ca) = (shown(&certificate), authority());
        let days = |days: i64| now().plus_seconds(days * 86_400);

        assert!(!certificate.renew(days(200)).unwrap());
        assert_eq!(shown(&certificate), first);
        // Good for 397 days.
        assert!(certificate.renew(days(300)).unwrap());
        assert_ne!(shown(&certificate), first);
        assert!(!certificate.renew(days(400)).unwrap());
        assert_eq!(authority(), ca);
    }
}
