//! Serving the routes on a socket, with patience for slow clients but not for ever.

mod body;

use std::{future::Future, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo, serve::Listener};
use claimsmith_service::metrics::HttpCounters;
use http::Request;
use hyper::{
    body::{Body as _, Incoming},
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::watch,
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

use self::body::BodyInTime;
use crate::{AppState, operator_router, router};

/// Connections open at once; further ones wait in the socket's queue. Under the usual
/// limit of 1024 open files, so that clients alone can't keep storage from opening its
/// own.
const CONNECTIONS_MAX: usize = 800;

/// How long clients may take.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// For TLS to be agreed on. A connection counts among those that are open
    /// meanwhile, so there are never more handshakes than those.
    handshake: Duration,
    /// From the end of a request, or the beginning of the connection, to the end of
    /// the next request's headers.
    headers: Duration,
    /// For a body to begin; what has come of it earns more, see [`BodyInTime`].
    body: Duration,
    /// From the shutdown to the end of the last request.
    shutdown: Duration,
}

/// What the server is run with.
const PATIENCE: Patience = Patience {
    // Two round trips and a few milliseconds of computing.
    handshake: Duration::from_secs(10),
    // Idle connections count too, and the common proxies keep theirs for 60 seconds.
    // Were the server the first to close one, requests just sent on it would fail.
    headers: Duration::from_secs(65),
    // A token request is a packet or two: on any network they come within seconds.
    body: Duration::from_secs(10),
    // Longer than any token takes, and shorter than the 30 seconds or more after which
    // the common supervisors kill.
    shutdown: Duration::from_secs(10),
};

/// Serves until `shutdown` is ready, and then until the requests under way are
/// answered, or ten seconds are over. With a configuration of TLS, over TLS.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<rustls::ServerConfig>>,
    state: AppState,
    shutdown: impl Future<Output = ()> + Send,
) {
    let counters = Arc::clone(&state.services.metrics.http);
    let tls = tls.map(TlsAcceptor::from);
    serve_routes(listener, tls, router(state), PATIENCE, counters, shutdown).await;
}

/// Serves metrics without a token, and the probes, until `shutdown` is ready, without
/// TLS. For an address that only the operator's own machines reach; its connections
/// aren't counted among those of clients.
pub async fn serve_operator(
    listener: TcpListener,
    state: AppState,
    shutdown: impl Future<Output = ()> + Send,
) {
    let routes = operator_router(state);
    serve_routes(listener, None, routes, PATIENCE, Arc::default(), shutdown).await;
}

async fn serve_routes(
    mut listener: TcpListener,
    tls: Option<TlsAcceptor>,
    routes: Router,
    patience: Patience,
    counters: Arc<HttpCounters>,
    shutdown: impl Future<Output = ()> + Send,
) {
    let routes = TowerToHyperService::new(routes);
    let (stop, stopping) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let (stream, peer) = tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => continue,
            accepted = Listener::accept(&mut listener), if connections.len() < CONNECTIONS_MAX => {
                accepted
            }
        };
        // Answers are small: waiting to fill a packet only delays them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY can't be set");
        }
        let (tls, routes, mut stopping) = (tls.clone(), routes.clone(), stopping.clone());
        let open = counters.connected();
        connections.spawn(async move {
            let _open = open;
            let Some(tls) = tls else {
                serve_connection(stream, peer, routes, patience, stopping).await;
                return;
            };
            // Here and not where connections are accepted: others needn't wait for it.
            let agreed = tokio::select! {
                agreed = timeout(patience.handshake, tls.accept(stream)) => agreed,
                _ = stopping.changed() => return,
            };
            match agreed {
                Ok(Ok(stream)) => serve_connection(stream, peer, routes, patience, stopping).await,
                Ok(Err(error)) => tracing::debug!(%peer, %error, "a TLS handshake failed"),
                Err(_) => tracing::debug!(%peer, "a TLS handshake took too long"),
            }
        });
    }

    drop((listener, stop));
    let ended = async { while connections.join_next().await.is_some() {} };
    if timeout(patience.shutdown, ended).await.is_err() {
        let dropped = connections.len();
        tracing::warn!(
            dropped,
            "some requests took too long, their connections were dropped"
        );
        connections.shutdown().await;
    }
}

/// Serves one connection until it ends, or until the sender of `stopping` is gone and
/// the request under way is answered.
async fn serve_connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    routes: TowerToHyperService<Router>,
    patience: Patience,
    mut stopping: watch::Receiver<()>,
) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        routes.call(request.map(|body| {
            if body.is_end_stream() {
                Body::empty()
            } else {
                Body::new(BodyInTime::new(body, patience.body))
            }
        }))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.headers)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = stopping.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection ended abnormally");
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        net::TcpStream,
    };

    use axum::{extract::rejection::BytesRejection, routing};
    use bytes::Bytes;
    use http::StatusCode;
    use rustls::pki_types::PrivatePkcs8KeyDer;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        sync::oneshot,
        task::{JoinHandle, spawn_blocking},
    };
    use tokio_rustls::TlsConnector;

    use super::*;

    const LONG: Duration = Duration::from_secs(600);
    const SHORT: Duration = Duration::from_millis(100);
    const PATIENT: Patience = Patience {
        handshake: LONG,
        headers: LONG,
        body: LONG,
        shutdown: LONG,
    };

    struct Serving {
        address: SocketAddr,
        stop: oneshot::Sender<()>,
        ended: JoinHandle<()>,
    }

    async fn read(body: Result<Bytes, BytesRejection>) -> (StatusCode, String) {
        match body {
            Ok(body) => (StatusCode::OK, body.len().to_string()),
            Err(error) => (StatusCode::REQUEST_TIMEOUT, error.body_text()),
        }
    }

    /// Serves `POST /`, which answers with the length of the body.
    async fn start(patience: Patience) -> Serving {
        start_with(None, patience).await
    }

    async fn start_with(tls: Option<TlsAcceptor>, patience: Patience) -> Serving {
        let routes = Router::new().route("/", routing::post(read));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let ended = tokio::spawn(serve_routes(
            listener,
            tls,
            routes,
            patience,
            Arc::default(),
            async {
                let _ = stopped.await;
            },
        ));
        Serving {
            address,
            stop,
            ended,
        }
    }

    /// Sends a text and answers with what comes back until the server closes.
    async fn send(address: SocketAddr, text: &'static str) -> String {
        let answer = spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(text.as_bytes()).unwrap();
            let mut answer = Vec::new();
            // A reset is an end like any other.
            let _ = stream.read_to_end(&mut answer);
            String::from_utf8_lossy(&answer).into_owned()
        });
        answer.await.unwrap()
    }

    #[tokio::test]
    async fn a_request_is_answered() {
        let server = start(PATIENT).await;
        let request =
            "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 3\r\n\r\nabc";

        let answer = send(server.address, request).await;

        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(answer.ends_with("\r\n\r\n3"), "{answer}");
    }

    /// TLS with a certificate for localhost, for both sides.
    fn tls() -> (TlsAcceptor, TlsConnector) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let certificate = made.cert.der().clone();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let server = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key.into())
            .unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(certificate).unwrap();
        let client = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        (Arc::new(server).into(), Arc::new(client).into())
    }

    async fn send_over_tls(connector: &TlsConnector, address: SocketAddr, text: &str) -> String {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let name = "localhost".try_into().unwrap();
        let mut stream = connector.connect(name, stream).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        answer
    }

    #[tokio::test]
    async fn a_handshake_that_does_not_end_holds_up_nobody() {
        let (acceptor, connector) = tls();
        let server = start_with(Some(acceptor), PATIENT).await;
        let silent: Vec<_> = (0..50)
            .map(|_| TcpStream::connect(server.address).unwrap())
            .collect();
        let request =
            "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 3\r\n\r\nabc";

        let answer = send_over_tls(&connector, server.address, request).await;

        assert!(answer.ends_with("\r\n\r\n3"), "{answer}");
        // Nor a shutdown.
        server.stop.send(()).unwrap();
        server.ended.await.unwrap();
        drop(silent);
    }

    #[tokio::test]
    async fn a_handshake_that_fails_or_takes_too_long_ends_the_connection_alone() {
        let (acceptor, connector) = tls();
        let patience = Patience {
            handshake: SHORT,
            ..PATIENT
        };
        let server = start_with(Some(acceptor), patience).await;

        for nonsense in ["", "GET / HTTP/1.1\r\nhost: a\r\n\r\n", "\x16\x03"] {
            let answer = send(server.address, nonsense).await;
            assert!(!answer.contains("HTTP"), "{answer}");
        }

        let request =
            "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 1\r\n\r\na";
        let answer = send_over_tls(&connector, server.address, request).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }

    #[tokio::test]
    async fn headers_that_do_not_end_end_the_connection() {
        let server = start(Patience {
            headers: SHORT,
            ..PATIENT
        })
        .await;

        assert!(
            !send(server.address, "POST / HTTP/1.1\r\nhost:")
                .await
                .contains("200")
        );
        assert!(!send(server.address, "").await.contains("200"));
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_not_waited_for() {
        let server = start(Patience {
            body: SHORT,
            ..PATIENT
        })
        .await;
        let request = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\na";

        let answer = send(server.address, request).await;

        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(answer.contains("too slowly"), "{answer}");
    }

    #[tokio::test]
    async fn a_shutdown_waits_for_a_request_under_way_no_longer_than_its_time() {
        let server = start(Patience {
            shutdown: SHORT,
            ..PATIENT
        })
        .await;
        let request =
            "POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n";
        let mut stream = spawn_blocking(move || {
            let mut stream = TcpStream::connect(server.address).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            // The server says "continue" when the handler waits for the body.
            let mut interim = [0; 25];
            stream.read_exact(&mut interim).unwrap();
            stream
        })
        .await
        .unwrap();

        server.stop.send(()).unwrap();
        server.ended.await.unwrap();

        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert_eq!(rest, b"");
        assert!(TcpStream::connect(server.address).is_err());
    }

    #[tokio::test]
    async fn a_shutdown_answers_the_request_under_way() {
        let server = start(PATIENT).await;
        let request =
            "POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n";
        let (waiting, is_waiting) = oneshot::channel();
        let (stopping, is_stopping) = std::sync::mpsc::channel::<()>();
        let client = spawn_blocking(move || {
            let mut stream = TcpStream::connect(server.address).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            let mut interim = [0; 25];
            stream.read_exact(&mut interim).unwrap();
            waiting.send(()).unwrap();
            is_stopping.recv().unwrap();
            stream.write_all(b"abc").unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        });

        is_waiting.await.unwrap();
        server.stop.send(()).unwrap();
        stopping.send(()).unwrap();

        let answer = client.await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        server.ended.await.unwrap();
    }
}
