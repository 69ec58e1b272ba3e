use serde::de::DeserializeOwned;

use crate::host::{Host, call, read};

/// The HTTP request that led to this execution.
#[derive(Debug, Clone, Copy)]
pub struct Request<'e>(pub(crate) &'e Host);

impl Request<'_> {
    /// The address of the caller.
    #[must_use]
    pub fn ip(&self) -> String {
        read!(self.0, event_request::ip, "/request/ip")
    }

    /// The HTTP method, upper case.
    #[must_use]
    pub fn method(&self) -> String {
        read!(self.0, event_request::method, "/request/method")
    }

    /// The host that was asked for, without port.
    #[must_use]
    pub fn hostname(&self) -> Option<String> {
        read!(self.0, event_request::hostname, "/request/hostname")
    }

    /// The `User-Agent` header.
    #[must_use]
    pub fn user_agent(&self) -> Option<String> {
        read!(self.0, event_request::user_agent, "/request/user_agent")
    }

    /// The `Accept-Language` header.
    #[must_use]
    pub fn language(&self) -> Option<String> {
        read!(self.0, event_request::language, "/request/language")
    }

    /// One member of the request's body; `None` when there is none, or (logged)
    /// when it is not a `T`. Never a password, secret, code or token.
    #[must_use]
    pub fn body<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let json = read!(self.0, json event_request::body_json(key), "/request/body");
        crate::json::decode("event.request.body", key, json)
    }

    /// One parameter of the request's query; `None` when there is none, or
    /// (logged) when it is not a `T`.
    #[must_use]
    pub fn query<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let json = read!(self.0, json event_request::query_json(key), "/request/query");
        crate::json::decode("event.request.query", key, json)
    }

    /// One field of the caller's location (`countryCode`, `timeZone`, …); `None`
    /// when it is not known, or (logged) when it is not a `T`.
    #[must_use]
    pub fn geoip<T: DeserializeOwned>(&self, field: &str) -> Option<T> {
        let json = read!(self.0, json event_request::geoip_json(field), "/request/geoip");
        crate::json::decode("event.request.geoip", field, json)
    }

    /// When the request came, in milliseconds since 1970-01-01T00:00:00Z: the
    /// present time for an Action, which has no clock of its own.
    #[must_use]
    pub fn received_at_ms(&self) -> u64 {
        call!(self.0, event_request::received_at_ms())
    }
}
