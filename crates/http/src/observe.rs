//! What is seen of every request: a span that its log lines stand in, one line when it
//! is answered, its counters. And the last net: a handler that panics is an answer 500.

use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
    time::Instant,
};

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use claimsmith_service::metrics::HttpCounters;
use http::StatusCode;
use tracing::{Instrument as _, Span, field::Empty};

use crate::{AppState, answer};

/// The target of the line that each request gets, so that the log's filter can name it.
const ACCESS: &str = "claimsmith_http::access";

/// Methods that are logged by their name; a caller can make up others, of any length.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"];

/// The error code that an answer carries in its body, for the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AnsweredError(pub(crate) &'static str);

/// The number of a request, as its log lines have it; among its extensions.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

/// What observing needs: little, because each request has its own clone.
#[derive(Debug, Clone)]
pub(crate) struct Observer {
    counters: Arc<HttpCounters>,
    request_ids: Arc<RequestIds>,
}

impl Observer {
    pub(crate) fn of(state: &AppState) -> Self {
        Self {
            counters: Arc::clone(&state.services.metrics.http),
            request_ids: Arc::clone(&state.request_ids),
        }
    }
}

/// Observes a request. The log gets nothing of it that its sender can choose: the
/// route's template and not the path, the tenant and not the host.
pub(crate) async fn observe(
    State(observer): State<Observer>,
    mut request: Request,
    next: Next,
) -> Response {
    let began = Instant::now();
    let request_id = RequestId(observer.request_ids.next());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map(MatchedPath::as_str);
    let method = request.method().as_str();
    let method = METHODS.into_iter().find(|known| *known == method);
    let method = method.unwrap_or("other");
    // Of the level of errors, so that an error's line has it whenever there is one.
    let span = tracing::error_span!(
        "request",
        request_id = request_id.0,
        method,
        route = route.unwrap_or("none"),
        tenant = Empty,
        execution_id = Empty,
    );
    request.extensions_mut().insert(request_id);

    let response = unless_it_panics(next.run(request))
        .instrument(span.clone())
        .await;

    let (status, took) = (response.status().as_u16(), began.elapsed());
    observer.counters.answered(route, method, status, took);
    span.in_scope(|| {
        let error = response.extensions().get::<AnsweredError>();
        let error = error.map(|AnsweredError(code)| *code);
        let duration_ms = took.as_secs_f64() * 1e3;
        if is_probe(route) {
            tracing::debug!(target: ACCESS, status, duration_ms, error, "answered");
        } else {
            tracing::info!(target: ACCESS, status, duration_ms, error, "answered");
        }
    });
    response
}

/// Requests that come every few seconds, for ever, and say nothing about clients.
fn is_probe(route: Option<&str>) -> bool {
    matches!(route, Some("/healthz" | "/readyz" | "/metrics"))
}

/// Notes in the request's span which tenant it is for.
pub(crate) fn of_tenant(tenant: &claimsmith_model::TenantId) {
    Span::current().record("tenant", tracing::field::display(tenant));
}

/// The answer, or 500 in its place. The panic itself is logged by the process's hook.
async fn unless_it_panics(answer: impl Future<Output = Response>) -> Response {
    let mut answer = pin!(answer);
    poll_fn(|context| {
        // A future that panicked is not polled again, and everything that requests
        // share is whole after a panic: locks are taken over, writes are all or none.
        let polled = catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(context)));
        polled.unwrap_or_else(|_| Poll::Ready(panicked()))
    })
    .await
}

/// The answer in place of a handler's that panicked.
pub(crate) fn panicked() -> Response {
    tracing::error!("a handler panicked");
    answer::error(
        StatusCode::INTERNAL_SERVER_ERROR,
        "Internal Server Error",
        "An internal server error occurred",
    )
}

/// Numbers the requests of one run of the server.
#[derive(Debug)]
pub(crate) struct RequestIds {
    prefix: u32,
    next: AtomicU64,
}

impl RequestIds {
    /// Numbers that begin with `prefix`, which should differ from run to run.
    pub(crate) const fn new(prefix: u32) -> Self {
        Self {
            prefix,
            next: AtomicU64::new(0),
        }
    }

    fn next(&self) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        format!("{:08x}-{number}", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, middleware, routing::get};
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    use claimsmith_model::Secret;

    use super::*;
    use crate::{PlatformToken, management::tests::services, to_the_end};

    async fn panics() -> &'static str {
        panic!("on purpose")
    }

    async fn get_at(routes: &Router, path: &str) -> (u16, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = routes.clone().oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_handler_that_panics_is_answered_with_500_and_the_next_request_is_served() {
        let token = PlatformToken::new(Secret::new("token"));
        let state = AppState::new(services().await, token);
        let routes = Router::new()
            .route("/panics", get(panics))
            .layer(middleware::from_fn(to_the_end))
            .route("/panics-too", get(panics))
            .route("/things/{id}", get(async || "fine"))
            .layer(middleware::from_fn_with_state(
                Observer::of(&state),
                observe,
            ));

        let panicked = [
            get_at(&routes, "/panics").await,
            get_at(&routes, "/panics-too").await,
        ];
        let next = get_at(&routes, "/things/7").await;

        for (status, text) in panicked {
            assert_eq!(status, 500);
            assert!(text.contains("internal server error"), "{text}");
            assert!(!text.contains("on purpose"), "{text}");
        }
        assert_eq!(next, (200, "fine".to_owned()));
        let page = claimsmith_service::metrics::page(&state.services, None).unwrap();
        for series in [
            "{route=\"/panics\",method=\"GET\",status=\"5xx\"} 1",
            "{route=\"/things/{id}\",method=\"GET\",status=\"2xx\"} 1",
        ] {
            let series = format!("claimsmith_http_requests_total{series}\n");
            assert!(page.contains(&series), "{series}\n{page}");
        }
    }
}
