//! A backup that the running server makes.

use std::{path::Path, sync::Arc};

use anyhow::{Context as _, anyhow, bail};
use claimsmith_model::Secret;
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::Written;

/// How much of a refusal is shown.
const REFUSAL_BYTES_MAX: usize = 2_000;

/// Has the server at `url` make a backup, and writes it.
pub(super) async fn write(
    url: &str,
    token: &Secret,
    ca: Option<&Path>,
    file: &mut Written,
) -> anyhow::Result<()> {
    let url: Uri = url
        .parse()
        .with_context(|| format!("{url} is no URL of a server"))?;
    let host = url.host().context("the URL names no host")?.to_owned();
    let is_tls = match url.scheme_str() {
        Some("http") => false,
        Some("https") => true,
        _ => bail!("the URL must begin with http:// or https://"),
    };
    let port = url.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
    let address = (host.trim_matches(['[', ']']), port);
    let connection = TcpStream::connect(address)
        .await
        .with_context(|| format!("{host}:{port} can't be reached"))?;
    let request = Request::post("/platform/v1/backup")
        .header(header::HOST, format!("{host}:{port}"))
        .header(header::AUTHORIZATION, format!("Bearer {}", token.expose()))
        .body(Empty::new())
        .context("the platform token has characters that no token has")?;
    let answer = if is_tls {
        let name = ServerName::try_from(address.0.to_owned())
            .with_context(|| format!("{host} is no name that a certificate can have"))?;
        let connector = TlsConnector::from(Arc::new(tls(ca)?));
        let connection = connector.connect(name, connection).await;
        let connection = connection.with_context(|| {
            format!("{host}:{port} has no certificate that is trusted here; see --ca")
        })?;
        send(connection, request).await?
    } else {
        send(connection, request).await?
    };
    if answer.status() != StatusCode::OK {
        return Err(refused(answer).await);
    }
    let mut body = answer.into_body();
    while let Some(frame) = body.frame().await {
        let frame = frame.context("the server broke off; its log says why")?;
        if let Ok(part) = frame.into_data() {
            file.write(&part)?;
        }
    }
    Ok(())
}

async fn send(
    connection: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Empty<Bytes>>,
) -> anyhow::Result<hyper::Response<Incoming>> {
    let (mut sender, driving) = hyper::client::conn::http1::handshake(TokioIo::new(connection))
        .await
        .context("the server doesn't speak HTTP there")?;
    // Ends with the answer's body; what goes wrong is told to who reads that.
    tokio::spawn(driving);
    sender
        .send_request(request)
        .await
        .context("the server doesn't answer")
}

/// Trusts the system's authorities, and those in a file.
fn tls(ca: Option<&Path>) -> anyhow::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(file) = ca {
        let unreadable = || format!("the certificates in {} can't be read", file.display());
        for certificate in CertificateDer::pem_file_iter(file).with_context(unreadable)? {
            let certificate = certificate.with_context(unreadable)?;
            roots.add(certificate).with_context(unreadable)?;
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("TLS can't be set up")?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

async fn refused(answer: hyper::Response<Incoming>) -> anyhow::Error {
    let status = answer.status();
    let limited = http_body_util::Limited::new(answer.into_body(), REFUSAL_BYTES_MAX);
    let body = limited.collect().await.map(|body| body.to_bytes());
    let text = String::from_utf8_lossy(&body.unwrap_or_default()).into_owned();
    match status {
        StatusCode::UNAUTHORIZED => anyhow!("the server refuses the platform token: {text}"),
        StatusCode::NOT_FOUND => {
            anyhow!("the server can't make backups, or is another one: {text}")
        }
        status => anyhow!("the server answers {status}: {text}"),
    }
}
