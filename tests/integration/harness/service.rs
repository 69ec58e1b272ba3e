//! A service that Actions call: what it answers depends on the path.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer, pki_types::PrivatePkcs8KeyDer,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
    sync::Semaphore,
};
use tokio_rustls::TlsAcceptor;

/// A service on a free port of this machine.
///
/// | path | answer |
/// |---|---|
/// | `/silent` | none, and the connection stays open |
/// | `/held` | 200 and `hello`, as soon as the test lets it |
/// | `/slow` | one byte of a long body after another |
/// | `/large` | a body of 2 MiB that says so |
/// | `/endless` | a body without an announced length |
/// | `/long-head` | a head of 200 KiB |
/// | `/garbage` | no HTTP |
/// | `/cut` | half of its body |
/// | `/redirect?…` | 302 to what follows the question mark |
/// | others | 200 and `hello` |
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    closed: Arc<Semaphore>,
    held: Arc<Held>,
}

/// Requests whose answers the test holds back.
#[derive(Debug)]
struct Held {
    arrived: Semaphore,
    released: Semaphore,
}

impl Service {
    /// Starts a service over plain HTTP.
    pub(crate) async fn start() -> Self {
        Self::start_on("127.0.0.1:0", None).await
    }

    /// Starts one over TLS, whose certificate is for `localhost` and from an authority of
    /// its own; answers that authority's certificate, too.
    pub(crate) async fn start_with_tls() -> (Self, String) {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &authority).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let service = Self::start_on("127.0.0.1:0", Some(acceptor)).await;
        (service, authority.pem())
    }

    async fn start_on(address: &str, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let service = Self {
            address: listener.local_addr().unwrap(),
            requests: Arc::default(),
            closed: Arc::new(Semaphore::new(0)),
            held: Arc::new(Held {
                arrived: Semaphore::new(0),
                released: Semaphore::new(0),
            }),
        };
        let (requests, closed) = (Arc::clone(&service.requests), Arc::clone(&service.closed));
        let held = Arc::clone(&service.held);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (requests, closed) = (Arc::clone(&requests), Arc::clone(&closed));
                let held = Arc::clone(&held);
                let tls = tls.clone();
                tokio::spawn(async move {
                    // A caller that hangs up is what some tests are about.
                    let _ = match tls {
                        None => serve(stream, &requests, &held).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => serve(stream, &requests, &held).await,
                            Err(error) => Err(error),
                        },
                    };
                    closed.add_permits(1);
                });
            }
        });
        service
    }

    /// What stands for the service in a list of allowed hosts.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A URL of the service.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin())
    }

    /// The requests that came, each from its first line to the end of its body.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// Waits until a request is held, does something, and lets it be answered.
    pub(crate) async fn while_held<T>(&self, something: impl Future<Output = T>) -> T {
        self.held.arrived.acquire().await.unwrap().forget();
        let done = something.await;
        self.release();
        done
    }

    /// Lets the next held request be answered.
    pub(crate) fn release(&self) {
        self.held.released.add_permits(1);
    }

    /// Waits until so many connections were closed by their callers.
    pub(crate) async fn closed(&self, connections: u32) {
        let waiting = self.closed.acquire_many(connections);
        match tokio::time::timeout(Duration::from_secs(30), waiting).await {
            Ok(ended) => ended.unwrap().forget(),
            Err(_) => panic!("a connection stays open"),
        }
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    requests: &Mutex<Vec<String>>,
    held: &Held,
) -> std::io::Result<()> {
    let request = read(&mut stream).await?;
    requests.lock().unwrap().push(request.clone());
    let target = request.split(' ').nth(1).unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    match path {
        "/silent" => {}
        "/held" => {
            held.arrived.add_permits(1);
            if let Ok(permit) = held.released.acquire().await {
                permit.forget();
            }
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
                .await?;
        }
        "/slow" => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                .await?;
            let mut pause = tokio::time::interval(Duration::from_millis(10));
            loop {
                pause.tick().await;
                stream.write_all(b".").await?;
                stream.flush().await?;
            }
        }
        "/large" => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2097152\r\n\r\n")
                .await?;
            stream.write_all(&vec![b'x'; 2 << 20]).await?;
        }
        "/endless" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
            loop {
                stream.write_all(&[b'x'; 8192]).await?;
            }
        }
        "/long-head" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nX: ").await?;
            stream.write_all(&vec![b'x'; 200 << 10]).await?;
            stream.write_all(b"\r\n\r\n").await?;
        }
        "/garbage" => stream.write_all(b"this is no HTTP\r\n\r\n").await?,
        "/cut" => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
                .await?;
            return stream.shutdown().await;
        }
        "/redirect" => {
            let head =
                format!("HTTP/1.1 302 Found\r\nLocation: {query}\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(head.as_bytes()).await?;
        }
        _ => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
                .await?;
        }
    }
    stream.flush().await?;
    // The caller closes the connection.
    stream.read_to_end(&mut Vec::new()).await.map(|_| ())
}

/// One request: its head, and as much body as it says.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                let is_length = name.eq_ignore_ascii_case("content-length");
                is_length.then(|| value.parse::<usize>().unwrap())
            });
            if body.len() >= length.unwrap_or(0) {
                return Ok(text.into_owned());
            }
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}
