//! One HTTP call: its request, its response, and all the ways in which it ends.
//!
//! Each call has a connection of its own, which is closed with it: what one execution
//! left on a connection is never another's answer.

use std::{
    io,
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use claimsmith_model::{Origin, Refusal};
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::BodyExt as _;
use hyper::{
    body::{Body, Frame, Incoming, SizeHint},
    client::conn::http1,
};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};
use wasmtime_wasi::runtime::{AbortOnDropJoinHandle, spawn};
use wasmtime_wasi_http::{Error, RequestOptions, Result, WasiBody};

use super::{hooks::request_too_large, journal::Note, metered::Metered};
use crate::{
    Limits,
    outgoing::{ConnectError, OutgoingNetwork},
};

/// What requests say that they come from, unless the guest says something else.
const USER_AGENT: &str = concat!("Claimsmith/", env!("CARGO_PKG_VERSION"));
/// The largest head of a response, and the most of it that is read ahead, in bytes.
const READ_BYTES_MAX: usize = 64 << 10;

/// A response, and what keeps its connection going.
pub(super) type Sent = (
    Response<WasiBody>,
    Box<dyn Future<Output = Result<()>> + Send>,
);

/// A call that was admitted.
pub(super) struct Call {
    pub(super) note: Note,
    pub(super) origin: Origin,
    pub(super) limits: Limits,
    pub(super) deadline: Instant,
}

/// Makes the call. The response's body is bounded by the call's deadline and limits,
/// and ends the call.
pub(super) async fn send(
    network: &OutgoingNetwork,
    call: Call,
    request: Request<WasiBody>,
    options: RequestOptions,
) -> Result<Sent> {
    match exchange(network, &call, request, options).await {
        Ok((response, connection)) => {
            call.note.answered(response.status().as_u16());
            let body = ResponseBody::new(call, options.between_bytes_timeout);
            let response = response.map(|incoming| body(incoming).boxed_unsync());
            let connection = async {
                connection.await;
                Ok(())
            };
            Ok((response, Box::new(connection)))
        }
        Err(failure) => Err(call.failed(failure)),
    }
}

async fn exchange(
    network: &OutgoingNetwork,
    call: &Call,
    request: Request<WasiBody>,
    options: RequestOptions,
) -> Result<(Response<Incoming>, AbortOnDropJoinHandle<()>), Failure> {
    let request = in_origin_form(request, &call.origin)?;
    let connect_until = call.until(options.connect_timeout);
    let stream = network
        .connect(&call.origin, connect_until)
        .await
        .map_err(Failure::Connect)?;
    let stream = Metered {
        stream,
        meter: Arc::clone(&call.note.meter),
        sent_max: call.limits.http_request_bytes_max,
        received_max: call.limits.http_response_bytes_max,
    };
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(READ_BYTES_MAX)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| call.cause(&error))?;
    let connection = spawn(async {
        // The one who waits for the response gets the error, too.
        let _ = connection.await;
    });
    let answered_until = call.until(options.first_byte_timeout);
    let response = match timeout_at(answered_until, sender.send_request(request)).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return Err(call.cause(&error)),
        Err(_) => return Err(Failure::NoAnswer),
    };
    // What the response announces needs not be waited for.
    if response.body().size_hint().lower() > call.limits.http_response_bytes_max {
        return Err(Failure::ResponseTooLarge);
    }
    Ok((response, connection))
}

/// The request as it goes to the origin itself (RFC 9112, section 3.2.1), with the
/// headers that are the host's.
fn in_origin_form(
    request: Request<WasiBody>,
    origin: &Origin,
) -> Result<Request<WasiBody>, Failure> {
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let path = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    };
    parts.uri = Uri::try_from(path).map_err(|_| Failure::InvalidRequest)?;
    // The origin's spelling and not the guest's: it is the one that was checked.
    let host = HeaderValue::try_from(origin.authority()).map_err(|_| Failure::InvalidRequest)?;
    parts.headers.insert(header::HOST, host);
    parts
        .headers
        .insert(header::CONNECTION, HeaderValue::from_static("close"));
    parts
        .headers
        .entry(header::USER_AGENT)
        .or_insert(HeaderValue::from_static(USER_AGENT));
    Ok(Request::from_parts(parts, body))
}

impl Call {
    /// The end of a wait that the guest may have bounded, in any case the call's end.
    fn until(&self, timeout: Option<Duration>) -> Instant {
        timeout
            .and_then(|timeout| Instant::now().checked_add(timeout))
            .map_or(self.deadline, |until| until.min(self.deadline))
    }

    /// Notes why the call failed, and says what the guest gets to know.
    fn failed(&self, failure: Failure) -> Error {
        self.note.failed(failure.word());
        if let Some(refusal) = failure.refusal(&self.origin, &self.limits) {
            self.note.refuse(refusal, &self.limits);
        }
        failure.into()
    }

    /// What an error of hyper's means for this call.
    fn cause(&self, error: &hyper::Error) -> Failure {
        let meter = &self.note.meter;
        if meter.is_request_too_large() {
            Failure::RequestTooLarge
        } else if meter.is_response_too_large() || error.is_parse_too_large() {
            Failure::ResponseTooLarge
        } else if error.is_incomplete_message() || is_cut_off(error) {
            Failure::Incomplete
        } else if error.is_parse() {
            Failure::NotHttp
        } else if error.is_user() {
            Failure::InvalidRequest
        } else {
            Failure::Closed
        }
    }
}

/// Whether a body ended before its announced end.
fn is_cut_off(error: &hyper::Error) -> bool {
    let cause = std::error::Error::source(error);
    cause
        .and_then(|cause| cause.downcast_ref::<io::Error>())
        .is_some_and(|cause| cause.kind() == io::ErrorKind::UnexpectedEof)
}

/// Why a call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    /// There is no connection.
    Connect(ConnectError),
    /// The request's body ended early, or was not what its length said.
    InvalidRequest,
    /// No response came in time.
    NoAnswer,
    /// The rest of the response didn't come in time.
    Stalled,
    RequestTooLarge,
    ResponseTooLarge,
    /// The connection ended inside the response.
    Incomplete,
    /// What came is not HTTP/1.1.
    NotHttp,
    /// The connection was closed or failed.
    Closed,
}

impl Failure {
    /// The stable word of the record.
    const fn word(self) -> &'static str {
        match self {
            Self::Connect(ConnectError::NotFound) => "host_not_found",
            Self::Connect(ConnectError::Prohibited(_)) => "address_not_public",
            Self::Connect(ConnectError::Refused) => "connection_refused",
            Self::Connect(ConnectError::TimedOut) | Self::NoAnswer | Self::Stalled => "timed_out",
            Self::Connect(ConnectError::Certificate) => "certificate_not_trusted",
            Self::Connect(ConnectError::Tls) => "tls_failed",
            Self::InvalidRequest => "request_invalid",
            Self::RequestTooLarge => "http_request_too_large",
            Self::ResponseTooLarge => "http_response_too_large",
            Self::Incomplete => "response_incomplete",
            Self::NotHttp => "response_invalid",
            Self::Closed => "connection_closed",
        }
    }

    /// What the author is told, where it was the host that ended the call.
    fn refusal(self, origin: &Origin, limits: &Limits) -> Option<Refusal> {
        match self {
            Self::Connect(ConnectError::Prohibited(address)) => {
                Some(address_not_public(origin, address))
            }
            Self::RequestTooLarge => Some(request_too_large(origin, limits)),
            Self::ResponseTooLarge => Some(response_too_large(origin, limits)),
            _ => None,
        }
    }
}

/// What the guest gets to know.
impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Connect(ConnectError::NotFound) => Self::DestinationNotFound,
            Failure::Connect(ConnectError::Prohibited(_)) => Self::DestinationIpProhibited,
            Failure::Connect(ConnectError::Refused) => Self::ConnectionRefused,
            Failure::Connect(ConnectError::TimedOut) => Self::ConnectionTimeout,
            Failure::Connect(ConnectError::Certificate) => Self::TlsCertificateError,
            Failure::Connect(ConnectError::Tls) => Self::TlsProtocolError,
            Failure::InvalidRequest | Failure::NotHttp => Self::HttpProtocolError,
            Failure::NoAnswer => Self::HttpResponseTimeout,
            Failure::Stalled => Self::ConnectionReadTimeout,
            Failure::RequestTooLarge => Self::HttpRequestBodySize(None),
            Failure::ResponseTooLarge => Self::HttpResponseBodySize(None),
            Failure::Incomplete => Self::HttpResponseIncomplete,
            Failure::Closed => Self::ConnectionTerminated,
        }
    }
}

fn address_not_public(origin: &Origin, address: IpAddr) -> Refusal {
    Refusal {
        code: "address_not_public".to_owned(),
        message: format!(
            "The host of {origin} has the address {address}, which is not a public one."
        ),
        remedy: "Call a public host, or ask the operator to start the server with \
                 `--outgoing-allow` and the range of the address."
            .to_owned(),
    }
}

fn response_too_large(origin: &Origin, limits: &Limits) -> Refusal {
    Refusal {
        code: "http_response_too_large".to_owned(),
        message: format!(
            "The response of {origin} has more than {} bytes, head and body, or a head of more \
             than {READ_BYTES_MAX}.",
            limits.http_response_bytes_max
        ),
        remedy: "Ask the host for less, such as for single fields or a page.".to_owned(),
    }
}

/// The body of a response, as long as the call may last.
struct ResponseBody {
    incoming: Incoming,
    call: Call,
    /// How long to wait between two parts, where the guest has bounded that.
    pause: Option<Duration>,
    /// The end of the present wait.
    timer: Pin<Box<Sleep>>,
}

impl ResponseBody {
    fn new(call: Call, pause: Option<Duration>) -> impl FnOnce(Incoming) -> Self {
        move |incoming| {
            let timer = Box::pin(sleep_until(call.until(pause)));
            Self {
                incoming,
                call,
                pause,
                timer,
            }
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        let failure = match Pin::new(&mut this.incoming).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                this.timer.as_mut().reset(this.call.until(this.pause));
                return Poll::Ready(Some(Ok(frame)));
            }
            Poll::Ready(None) => {
                this.call.note.completed();
                return Poll::Ready(None);
            }
            Poll::Ready(Some(Err(error))) => this.call.cause(&error),
            Poll::Pending => {
                ready!(this.timer.as_mut().poll(cx));
                Failure::Stalled
            }
        };
        Poll::Ready(Some(Err(this.call.failed(failure))))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
