//! Admits an Action's HTTP call, or denies it and says why.

use std::{sync::Arc, time::Duration};

use claimsmith_model::{AllowedHosts, Origin, Refusal};
use http::{HeaderName, Method, Request, header, uri::Scheme};
use tokio::time::Instant;
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, ForbiddenHeaderFilter, RequestOptions, Result, WasiBody,
    WasiHttpHooks,
};

use super::{
    exchange::{Call, Sent, send},
    journal::{Journal, TooMany},
};
use crate::{Limits, outgoing::OutgoingNetwork};

/// The methods that may be used. `CONNECT` would make the host a tunnel, and `TRACE`
/// would show a guest the headers that are not its own.
const METHODS: [Method; 7] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];
/// Headers that are the host's, beside those that `wasmtime-wasi-http` keeps from
/// guests: they speak about the connection, or announce trailers.
const FORBIDDEN_HEADERS: [HeaderName; 3] = [header::TE, header::TRAILER, header::EXPECT];
/// The bytes of a body that a guest may leave with the host at a time. It may begin many
/// bodies, and they are in the host's memory.
const CHUNK_BYTES_MAX: usize = 8 << 10;

/// How `wasi:http` behaves for one execution.
pub(super) struct Hooks {
    allowed_hosts: Arc<AllowedHosts>,
    network: OutgoingNetwork,
    limits: Limits,
    journal: Journal,
}

impl Hooks {
    pub(super) fn new(
        allowed_hosts: &Arc<AllowedHosts>,
        network: &OutgoingNetwork,
        limits: Limits,
    ) -> Self {
        Self {
            allowed_hosts: Arc::clone(allowed_hosts),
            network: network.clone(),
            limits,
            journal: Journal::default(),
        }
    }

    pub(super) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The call that a request is to be, if it may be one.
    fn admit(&self, request: &Request<WasiBody>) -> Result<Call> {
        let limits = &self.limits;
        let deny = |refusal, error| {
            self.journal.refuse(refusal, limits);
            Err(error)
        };
        match self.journal.attempt(limits) {
            Ok(()) => {}
            Err(TooMany::Calls) => {
                return deny(calls_exceeded(limits), Error::ConnectionLimitReached);
            }
            Err(TooMany::InFlight) => {
                return deny(in_flight_exceeded(limits), Error::ConnectionLimitReached);
            }
        }
        if !METHODS.contains(request.method()) {
            return deny(method_not_allowed(), Error::HttpRequestMethodInvalid);
        }
        let Ok(origin) = origin(request) else {
            return deny(invalid_url(), Error::HttpRequestUriInvalid);
        };
        if !self.allowed_hosts.allow(&origin) {
            let refusal = host_not_allowed(&origin, &self.allowed_hosts);
            return deny(refusal, Error::HttpRequestDenied);
        }
        let bytes = size(request);
        if bytes > limits.http_request_bytes_max {
            let refusal = request_too_large(&origin, limits);
            return deny(refusal, Error::HttpRequestBodySize(Some(bytes)));
        }
        let note = self
            .journal
            .begin(request.method().as_str(), origin.to_string());
        Ok(Call {
            note,
            origin,
            limits: *limits,
            deadline: Instant::now() + Duration::from_millis(limits.http_call_ms),
        })
    }
}

impl WasiHttpHooks for Hooks {
    fn is_forbidden_header(&mut self, name: &HeaderName) -> bool {
        is_forbidden(name)
    }

    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        Arc::new(is_forbidden)
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<()>> + Send>,
    ) -> Box<dyn Future<Output = Result<Sent>> + Send> {
        let call = self.admit(&request);
        let network = self.network.clone();
        Box::new(async move { send(&network, call?, request, options.unwrap_or_default()).await })
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        CHUNK_BYTES_MAX
    }
}

fn is_forbidden(name: &HeaderName) -> bool {
    DEFAULT_FORBIDDEN_HEADERS.contains(name) || FORBIDDEN_HEADERS.contains(name)
}

/// Where a request goes.
fn origin(request: &Request<WasiBody>) -> Result<Origin, ()> {
    let uri = request.uri();
    let is_https = uri.scheme() == Some(&Scheme::HTTPS);
    let authority = uri.authority().ok_or(())?;
    Origin::parse(is_https, authority.as_str()).map_err(|_| ())
}

/// The bytes that a request will have at least: its head, and its body if that is told.
fn size(request: &Request<WasiBody>) -> u64 {
    let target = request
        .uri()
        .path_and_query()
        .map_or(1, |p| p.as_str().len());
    let line = request.method().as_str().len() + target + " HTTP/1.1\r\n\r\n".len() + 1;
    let headers: usize = request
        .headers()
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len())
        .sum();
    let body = request.headers().get(header::CONTENT_LENGTH);
    let body = body.and_then(|length| length.to_str().ok()?.parse().ok());
    ((line + headers) as u64).saturating_add(body.unwrap_or(0))
}

fn refusal(code: &str, message: String, remedy: String) -> Refusal {
    Refusal {
        code: code.to_owned(),
        message,
        remedy,
    }
}

fn calls_exceeded(limits: &Limits) -> Refusal {
    refusal(
        "http_calls_exceeded",
        format!(
            "An Action may make {} HTTP calls in one execution, denied ones included.",
            limits.http_calls_max
        ),
        "Ask for several things in one call, or keep answers in the cache.".to_owned(),
    )
}

fn in_flight_exceeded(limits: &Limits) -> Refusal {
    refusal(
        "http_calls_in_flight_exceeded",
        format!(
            "An Action may have {} HTTP calls in flight at once.",
            limits.http_calls_in_flight_max
        ),
        "Finish a call, or drop it, before making another.".to_owned(),
    )
}

fn method_not_allowed() -> Refusal {
    refusal(
        "http_method_not_allowed",
        "The method of the HTTP call is not one that Actions may use.".to_owned(),
        "Use GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS.".to_owned(),
    )
}

fn invalid_url() -> Refusal {
    refusal(
        "invalid_url",
        "The URL of the HTTP call has no host, or one that is none.".to_owned(),
        "Write `https://`, the host, at most a port, and the path; no user and no password."
            .to_owned(),
    )
}

fn host_not_allowed(origin: &Origin, allowed: &AllowedHosts) -> Refusal {
    let entry = if origin.is_https {
        origin.authority()
    } else {
        origin.to_string()
    };
    let message = if allowed.name(&origin.host) {
        format!(
            "{origin} is not in the Action's `allowed_hosts`: the host is, with another scheme or \
             port."
        )
    } else {
        format!("{origin} is not in the Action's `allowed_hosts`.")
    };
    refusal(
        "host_not_allowed",
        message,
        format!("Add `{entry}` to the Action's `allowed_hosts` and deploy it."),
    )
}

/// A request is larger than it may be.
pub(super) fn request_too_large(origin: &Origin, limits: &Limits) -> Refusal {
    refusal(
        "http_request_too_large",
        format!(
            "The request to {origin} has more than {} bytes, head and body.",
            limits.http_request_bytes_max
        ),
        "Send less.".to_owned(),
    )
}
