//! HTTP, one connection for each request, with whatever Host header a test wants.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
    /// The body as text; what is no text in it is replaced.
    pub(crate) text: String,
}

impl Answer {
    /// The body as JSON; `null` when it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// The body of an answer that must have this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.json()
    }

    /// A header's text; empty when it isn't there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

/// Sends a request and reads the answer as a whole.
pub(crate) async fn send(
    address: SocketAddr,
    host: &str,
    method: Method,
    path: &str,
    headers: HeaderMap,
    body: impl Into<Bytes>,
) -> Answer {
    try_send(address, host, method, path, headers, body)
        .await
        .unwrap()
}

/// The same with a server that may be gone before it has answered.
pub(crate) async fn try_send(
    address: SocketAddr,
    host: &str,
    method: Method,
    path: &str,
    headers: HeaderMap,
    body: impl Into<Bytes>,
) -> anyhow::Result<Answer> {
    let stream = TcpStream::connect(address).await?;
    try_send_on(stream, host, method, path, headers, body).await
}

/// The same on a connection that is there.
pub(crate) async fn send_on(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    host: &str,
    method: Method,
    path: &str,
    headers: HeaderMap,
    body: impl Into<Bytes>,
) -> Answer {
    try_send_on(stream, host, method, path, headers, body)
        .await
        .unwrap()
}

async fn try_send_on(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    host: &str,
    method: Method,
    path: &str,
    headers: HeaderMap,
    body: impl Into<Bytes>,
) -> anyhow::Result<Answer> {
    let answer = begin_on(stream, host, method, path, headers, body.into()).await?;
    let (parts, body) = answer.into_parts();
    let body = body.collect().await?.to_bytes();
    Ok(Answer {
        status: parts.status,
        headers: parts.headers,
        text: String::from_utf8_lossy(&body).into_owned(),
        bytes: body,
    })
}

/// Sends a request and leaves the answer's body to be read.
pub(crate) async fn begin(
    address: SocketAddr,
    host: &str,
    method: Method,
    path: &str,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Incoming> {
    let stream = TcpStream::connect(address).await.unwrap();
    let begun = begin_on(stream, host, method, path, headers, body).await;
    begun.unwrap()
}

async fn begin_on(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    host: &str,
    method: Method,
    path: &str,
    headers: HeaderMap,
    body: Bytes,
) -> anyhow::Result<Response<Incoming>> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends when the answer is read; how is seen by who waits for the answer.
    tokio::spawn(connection);

    let mut request = Request::new(Full::new(body));
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().unwrap();
    *request.headers_mut() = headers;
    request
        .headers_mut()
        .insert(header::HOST, host.parse().unwrap());
    Ok(sender.send_request(request).await?)
}
