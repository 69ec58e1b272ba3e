//! The call as a guest makes it: `wasi:http`.

use super::{Error, ErrorKind, Request, Response};

mod bindings {
    wit_bindgen::generate!({
        path: "wit",
        world: "http",
        generate_all,
    });
}

use bindings::wasi::{
    http::{
        outgoing_handler::handle,
        types::{
            ErrorCode, Fields, FutureIncomingResponse, IncomingResponse, Method, OutgoingBody,
            OutgoingRequest, Scheme, http_error_code,
        },
    },
    io::streams::StreamError,
};

/// The bytes that a stream takes at once; so it is defined in `wasi:io`.
const WRITE_BYTES_MAX: usize = 4096;
/// The bytes that are read at once.
const READ_BYTES_MAX: u64 = 64 << 10;

/// Makes the call, and waits for the whole answer.
pub(super) fn send(request: &Request) -> Result<Response, Error> {
    let outgoing = outgoing(request)?;
    let body = match request.body.is_empty() {
        true => None,
        false => outgoing.body().ok(),
    };
    let pending = handle(outgoing, None).map_err(|code| error(&code))?;
    if let Some(body) = body {
        write(body, &request.body);
    }
    let answer = wait(&pending)?;
    Ok(Response {
        status: answer.status(),
        headers: answer.headers().entries(),
        body: read(&answer)?,
    })
}

fn outgoing(request: &Request) -> Result<OutgoingRequest, Error> {
    let parts = request.parts()?;
    let headers = Fields::from_list(&request.headers);
    let headers = headers.map_err(|_| {
        Error::invalid("a header is malformed, or one of those that are the host's")
    })?;
    let scheme = if parts.is_https {
        Scheme::Https
    } else {
        Scheme::Http
    };
    let outgoing = OutgoingRequest::new(headers);
    let set = outgoing
        .set_method(&method(request.method))
        .and_then(|()| outgoing.set_scheme(Some(&scheme)))
        .and_then(|()| outgoing.set_authority(Some(parts.authority)))
        .and_then(|()| outgoing.set_path_with_query(Some(&parts.path)));
    set.map_err(|()| Error::invalid("the URL is malformed or too long"))?;
    Ok(outgoing)
}

fn method(name: &str) -> Method {
    match name {
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "PATCH" => Method::Patch,
        "DELETE" => Method::Delete,
        _ => Method::Get,
    }
}

/// Writes the body. Where that fails, the answer says why.
fn write(body: OutgoingBody, bytes: &[u8]) {
    let Ok(stream) = body.write() else { return };
    for chunk in bytes.chunks(WRITE_BYTES_MAX) {
        if stream.blocking_write_and_flush(chunk).is_err() {
            return;
        }
    }
    // A stream is a child of its body, and goes first.
    drop(stream);
    let _ = OutgoingBody::finish(body, None);
}

fn wait(pending: &FutureIncomingResponse) -> Result<IncomingResponse, Error> {
    loop {
        match pending.get() {
            Some(Ok(answer)) => return answer.map_err(|code| error(&code)),
            Some(Err(())) => return Err(broken()),
            None => pending.subscribe().block(),
        }
    }
}

fn read(answer: &IncomingResponse) -> Result<Vec<u8>, Error> {
    let body = answer.consume().map_err(|()| broken())?;
    let stream = body.stream().map_err(|()| broken())?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(READ_BYTES_MAX) {
            Ok(part) => bytes.extend_from_slice(&part),
            Err(StreamError::Closed) => return Ok(bytes),
            Err(StreamError::LastOperationFailed(cause)) => {
                return Err(http_error_code(&cause).map_or_else(broken, |code| error(&code)));
            }
        }
    }
}

fn broken() -> Error {
    Error::new(ErrorKind::Broken, "the answer is incomplete")
}

/// What the host says of a call.
fn error(code: &ErrorCode) -> Error {
    use ErrorKind::{Broken, Denied, Invalid, TimedOut, TooLarge, Unreachable};
    let (kind, message) = match code {
        ErrorCode::HttpRequestDenied => (Denied, "the call was denied: see the report"),
        ErrorCode::DestinationIpProhibited => (Denied, "the host's address may not be reached"),
        ErrorCode::ConnectionLimitReached => (Denied, "there were too many calls"),
        ErrorCode::HttpRequestMethodInvalid => (Denied, "the method may not be used"),
        ErrorCode::HttpRequestUriInvalid | ErrorCode::HttpRequestUriTooLong => {
            (Invalid, "the URL is malformed or too long")
        }
        ErrorCode::DnsError(_) | ErrorCode::DestinationNotFound => {
            (Unreachable, "the host's name has no address")
        }
        ErrorCode::DestinationUnavailable
        | ErrorCode::DestinationIpUnroutable
        | ErrorCode::ConnectionRefused => (Unreachable, "the host took no connection"),
        ErrorCode::TlsCertificateError => (Unreachable, "the host's certificate isn't trusted"),
        ErrorCode::TlsProtocolError | ErrorCode::TlsAlertReceived(_) => {
            (Unreachable, "TLS with the host failed")
        }
        ErrorCode::DnsTimeout
        | ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::ConnectionWriteTimeout
        | ErrorCode::HttpResponseTimeout => (TimedOut, "the host took too long"),
        ErrorCode::HttpRequestBodySize(_) | ErrorCode::HttpRequestHeaderSectionSize(_) => {
            (TooLarge, "the request is too large")
        }
        ErrorCode::HttpResponseBodySize(_) | ErrorCode::HttpResponseHeaderSectionSize(_) => {
            (TooLarge, "the answer is too large")
        }
        _ => (Broken, "the answer is incomplete, or no HTTP"),
    };
    Error::new(kind, message)
}
