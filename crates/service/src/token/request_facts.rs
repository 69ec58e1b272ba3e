//! What the event says of the HTTP request.

use claimsmith_model::{EventRequest, JsonObject};

/// The longest header text that is handed on, in bytes.
const HEADER_BYTES_MAX: usize = 1_024;

/// What is known of the HTTP request beside its body.
#[derive(Debug, Clone, Default)]
pub struct RequestFacts {
    /// The caller's address.
    pub ip: String,
    /// The method.
    pub method: String,
    /// The host asked for, without port.
    pub hostname: Option<String>,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
    /// The `Accept-Language` header.
    pub language: Option<String>,
    /// The query, without what holds secrets.
    pub query: JsonObject,
}

impl RequestFacts {
    pub(super) fn into_event(self, body: JsonObject) -> EventRequest {
        EventRequest {
            ip: self.ip,
            method: self.method,
            hostname: self.hostname.map(bounded),
            user_agent: self.user_agent.map(bounded),
            language: self.language.map(bounded),
            body,
            query: self.query,
            geoip: JsonObject::new(),
        }
    }
}

fn bounded(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(HEADER_BYTES_MAX));
    text
}
