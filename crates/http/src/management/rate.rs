//! What a client may still ask of the Management API, as headers of each answer.

use std::sync::{Arc, OnceLock};

use axum::{extract::Request, middleware::Next, response::Response};
use claimsmith_service::management::RateState;
use http::{HeaderName, HeaderValue, StatusCode, header};

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// What a request left to its client, once it is known who that is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counted(Arc<OnceLock<RateState>>);

impl Counted {
    /// Notes it. The first one counts.
    pub(crate) fn note(&self, state: RateState) {
        self.0.get_or_init(|| state);
    }
}

/// Adds the headers, with the reference product's names.
pub(crate) async fn show(mut request: Request, next: Next) -> Response {
    let counted = Counted::default();
    request.extensions_mut().insert(counted.clone());
    let mut response = next.run(request).await;
    if let Some(state) = counted.0.get() {
        let headers = response.headers_mut();
        headers.insert(LIMIT, HeaderValue::from(state.limit));
        headers.insert(REMAINING, HeaderValue::from(state.remaining));
        headers.insert(RESET, HeaderValue::from(state.reset_at_s));
    }
    if let Some(retry_after_s) = counted.0.get().and_then(|state| state.retry_after_s)
        && response.status() == StatusCode::TOO_MANY_REQUESTS
    {
        let value = HeaderValue::from(retry_after_s);
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}
