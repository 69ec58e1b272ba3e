//! What is told of a request beside its parameters.

use std::net::SocketAddr;

use claimsmith_model::JsonObject;
use claimsmith_service::{RequestFacts, host_name};
use http::{HeaderMap, HeaderName, header, request::Parts};

use crate::tenant;

/// What is told of a request, with its query as it was read.
pub(crate) fn of(parts: &Parts, peer: SocketAddr, query: JsonObject) -> RequestFacts {
    RequestFacts {
        ip: peer.ip().to_canonical().to_string(),
        method: parts.method.as_str().to_owned(),
        hostname: tenant::host(&parts.headers, &parts.uri)
            .map(|host| host_name(host).to_ascii_lowercase()),
        user_agent: text(&parts.headers, &header::USER_AGENT),
        language: text(&parts.headers, &header::ACCEPT_LANGUAGE),
        query,
    }
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned)
}
