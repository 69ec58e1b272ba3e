//! TLS, by a client that trusts one authority and nothing else.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

use claimsmith_server::{ServeConfig, TlsOptions};
use http::{HeaderMap, Method};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject as _},
    version::{TLS12, TLS13},
};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::harness::{
    self, bootstrap,
    command_line::claimsmith,
    http::{Answer, send_on},
};

/// A server that speaks TLS, which the usual harness doesn't.
struct TlsServer {
    running: claimsmith_server::RunningServer,
    folder: TempDir,
}

impl TlsServer {
    async fn start(folder: TempDir, tls: TlsOptions) -> Self {
        let config = ServeConfig {
            tls,
            public_url: None,
            ..harness::config(folder.path())
        };
        let running = claimsmith_server::start(config).await.unwrap();
        Self { running, folder }
    }

    async fn development(folder: TempDir) -> Self {
        let tls = TlsOptions {
            dev: true,
            ..TlsOptions::default()
        };
        Self::start(folder, tls).await
    }

    fn address(&self) -> SocketAddr {
        self.running.address
    }

    fn ca(&self) -> Vec<u8> {
        fs::read(self.folder.path().join("tls/ca.pem")).unwrap()
    }

    fn issuer(&self) -> String {
        bootstrap(self.folder.path())["issuer"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    async fn get(&self, ca: &[u8], path: &str) -> Answer {
        let stream = connect(self.address(), ca, "localhost", &TLS13)
            .await
            .unwrap();
        let headers = HeaderMap::new();
        send_on(stream, "localhost", Method::GET, path, headers, "").await
    }

    async fn stop(self) -> TempDir {
        self.running.stop().await.unwrap();
        self.folder
    }
}

/// Connects as a client that trusts this authority, and that the server must be `name`.
async fn connect(
    address: SocketAddr,
    ca: &[u8],
    name: &str,
    version: &'static SupportedProtocolVersion,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let stream = TcpStream::connect(address).await?;
    let name = name.to_owned().try_into().unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_trusts_the_development_authority_reaches_localhost_by_every_name() {
    let server = TlsServer::development(tempfile::tempdir().unwrap()).await;
    let (address, ca) = (server.address(), server.ca());

    for name in ["localhost", "127.0.0.1", "::1"] {
        for (version, agreed) in [
            (&TLS12, ProtocolVersion::TLSv1_2),
            (&TLS13, ProtocolVersion::TLSv1_3),
        ] {
            let stream = connect(address, &ca, name, version).await.unwrap();
            let (_, session) = stream.get_ref();
            assert_eq!(session.protocol_version(), Some(agreed));
            assert_eq!(session.alpn_protocol(), Some(&b"http/1.1"[..]));
        }
    }
    assert!(connect(address, &ca, "example.com", &TLS13).await.is_err());
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let other = other.cert.pem();
    assert!(
        connect(address, other.as_bytes(), "localhost", &TLS13)
            .await
            .is_err()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn with_tls_the_issuer_is_https_and_the_endpoints_are_below_it() {
    let server = TlsServer::development(tempfile::tempdir().unwrap()).await;
    let ca = server.ca();

    let issuer = server.issuer();
    assert_eq!(
        issuer,
        format!("https://localhost:{}/", server.address().port())
    );
    let document = server.get(&ca, "/.well-known/openid-configuration").await;
    let document = document.expect(200);
    assert_eq!(document["issuer"], issuer);
    assert_eq!(document["token_endpoint"], format!("{issuer}oauth/token"));
    server.get(&ca, "/.well-known/jwks.json").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_the_authority_so_that_it_is_trusted_once() {
    let server = TlsServer::development(tempfile::tempdir().unwrap()).await;
    let ca = server.ca();

    let server = TlsServer::development(server.stop().await).await;

    assert_eq!(server.ca(), ca);
    server.get(&ca, "/healthz").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_development_authority_can_vouch_for_this_machine_only() {
    let folder = TlsServer::development(tempfile::tempdir().unwrap())
        .await
        .stop()
        .await;
    let read = |name: &str| fs::read_to_string(folder.path().join("tls").join(name)).unwrap();
    let ca = read("ca.pem");
    let key = KeyPair::from_pem(&read("ca.key")).unwrap();
    // Somebody took the key, and makes a certificate for another name.
    let subject = subject_of(&ca);
    let forged_key = KeyPair::generate().unwrap();
    let forged = CertificateParams::new(["bank.example".to_owned()])
        .unwrap()
        .signed_by(&forged_key, &rcgen::Issuer::new(subject, &key))
        .unwrap();
    let files = tempfile::tempdir().unwrap();
    let tls = in_files(files.path(), &forged.pem(), &forged_key.serialize_pem());
    let server = TlsServer::start(tempfile::tempdir().unwrap(), tls).await;

    let refused = connect(server.address(), ca.as_bytes(), "bank.example", &TLS13).await;

    let error = refused.unwrap_err().to_string();
    assert!(error.contains("NameConstraintViolation"), "{error}");
}

/// What the authority's certificate says of itself: its one name.
fn subject_of(ca: &str) -> CertificateParams {
    let der = CertificateDer::from_pem_slice(ca.as_bytes()).unwrap();
    let text = String::from_utf8_lossy(&der);
    let begin = text.find("Claimsmith development authority").unwrap();
    let name: String = text[begin..].chars().take(41).collect();
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    params
}

fn in_files(folder: &Path, cert: &str, key: &str) -> TlsOptions {
    let (cert_file, key_file) = (folder.join("cert.pem"), folder.join("key.pem"));
    fs::write(&cert_file, cert).unwrap();
    fs::write(&key_file, key).unwrap();
    TlsOptions {
        cert: Some(cert_file),
        key: Some(key_file),
        dev: false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_ones_own_is_shown_with_its_chain() {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(params.clone(), KeyPair::generate().unwrap()).unwrap();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "in between");
    let between = KeyPair::generate().unwrap();
    let between = CertifiedIssuer::signed_by(params, between, &root).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(["login.example.com".to_owned()])
        .unwrap()
        .signed_by(&key, &between)
        .unwrap();
    let files = tempfile::tempdir().unwrap();
    let chain = [leaf.pem(), between.pem()].concat();
    let tls = in_files(files.path(), &chain, &key.serialize_pem());

    let server = TlsServer::start(tempfile::tempdir().unwrap(), tls).await;

    let root = root.pem();
    let name = "login.example.com";
    connect(server.address(), root.as_bytes(), name, &TLS13)
        .await
        .unwrap();
    // Who speaks no TLS gets nothing.
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let plain = hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stream)).await;
    let (mut sender, connection) = plain.unwrap();
    tokio::spawn(connection);
    let request = http::Request::get("/healthz").body(String::new()).unwrap();
    assert!(sender.send_request(request).await.is_err());
}

/// The certificate that a new connection is shown.
async fn shown(address: SocketAddr, trusted: &[&str]) -> CertificateDer<'static> {
    let trusted = trusted.concat();
    let stream = connect(address, trusted.as_bytes(), "localhost", &TLS13);
    let stream = stream.await.unwrap();
    let (_, session) = stream.get_ref();
    session.peer_certificates().unwrap()[0].clone().into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_was_renewed_is_shown_without_a_restart() {
    let made = || rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (old, new) = (made(), made());
    let (old_pem, new_pem) = (old.cert.pem(), new.cert.pem());
    let trusted = [old_pem.as_str(), new_pem.as_str()];
    let files = tempfile::tempdir().unwrap();
    let write = |cert: &str, key: &KeyPair| in_files(files.path(), cert, &key.serialize_pem());
    let tls = write(&old_pem, &old.signing_key);
    let server = TlsServer::start(tempfile::tempdir().unwrap(), tls).await;
    let address = server.address();
    let before = connect(address, old_pem.as_bytes(), "localhost", &TLS13).await;
    assert_eq!(shown(address, &trusted).await, *old.cert.der());

    // Half of it is nothing yet.
    write(&new_pem, &old.signing_key);
    server.running.renew_certificate().await;
    assert_eq!(shown(address, &trusted).await, *old.cert.der());
    write(&new_pem, &new.signing_key);
    server.running.renew_certificate().await;

    assert_eq!(shown(address, &trusted).await, *new.cert.der());
    // Who was connected stays so.
    let headers = HeaderMap::new();
    let answer = send_on(
        before.unwrap(),
        "localhost",
        Method::GET,
        "/healthz",
        headers,
        "",
    );
    assert_eq!(answer.await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn sighup_has_the_certificate_read_anew_and_ends_nothing() {
    let made = || rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (old, new) = (made(), made());
    let (old_pem, new_pem) = (old.cert.pem(), new.cert.pem());
    let (folder, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let write = |cert: &str, key: &KeyPair| in_files(files.path(), cert, &key.serialize_pem());
    let tls = write(&old_pem, &old.signing_key);
    let mut process = claimsmith()
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(folder.path())
        .arg("--tls-cert")
        .arg(tls.cert.unwrap())
        .arg("--tls-key")
        .arg(tls.key.unwrap())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
    let mut line_with = |text: &str| -> String {
        let mut lines = lines.by_ref().map(Result::unwrap);
        lines.find(|line| line.contains(text)).unwrap()
    };
    let serving = line_with("serving address=");
    let address = serving.split("serving address=").nth(1).unwrap().parse();
    let address = address.unwrap();
    write(&new_pem, &new.signing_key);

    let pid = process.id().to_string();
    let kill = |signal: &str| {
        let killed = Command::new("kill").args([signal, &pid]).status();
        assert!(killed.unwrap().success());
    };
    kill("-HUP");
    line_with("renewed certificate");

    let trusted = [old_pem.as_str(), new_pem.as_str()];
    assert_eq!(shown(address, &trusted).await, *new.cert.der());
    kill("-TERM");
    assert!(process.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_with_a_wrong_certificate_says_what_is_wrong_and_serves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let files = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let other = KeyPair::generate().unwrap().serialize_pem();
    let config = ServeConfig {
        tls: in_files(files.path(), &made.cert.pem(), &other),
        ..harness::config(folder.path())
    };

    let error = claimsmith_server::start(config).await.unwrap_err();

    let error = format!("{error:#}");
    assert!(
        error.contains("cert.pem") && error.contains("key.pem"),
        "{error}"
    );
    assert!(!error.contains("PRIVATE"), "{error}");
}
