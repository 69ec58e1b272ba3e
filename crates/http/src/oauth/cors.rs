//! Which pages may call the endpoints from a browser (CORS, as the Fetch standard has
//! it).
//!
//! A preflight names no client, so it is answered for the origins of all clients of the
//! tenant. What follows it does, and its answer may be read by the origins of that very
//! client only. `Access-Control-Allow-Credentials` is never sent: no cookie counts here.

use axum::{
    extract::{Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::MethodRouter,
};
use claimsmith_model::ClientId;
use claimsmith_service::TenantContext;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::{
    AppState, answer,
    tenant::{self, RequestTenant},
};

/// Whatever route it is: browsers send GET and POST without asking, so naming them
/// permits nothing.
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST");
/// What clients set: credentials, a body's type, and the reference product's libraries
/// their name and version.
const HEADERS: HeaderValue = HeaderValue::from_static("Authorization, Content-Type, Auth0-Client");
/// What pages may see of an answer beside its body.
const EXPOSED: HeaderValue =
    HeaderValue::from_static("Claimsmith-Execution-Id, Retry-After, WWW-Authenticate");
/// How long a browser keeps the answer to a preflight, in seconds. The answer to the
/// request itself is looked at each time, so nothing is late.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");
const EVERY: HeaderValue = HeaderValue::from_static("*");

/// Whose answer it is: the client that a request names, whether or not it is right.
#[derive(Debug, Clone)]
struct OfClient(ClientId);

/// Says whose answer it is, so that pages of that client may read it. Without this, an
/// answer may be read by pages of any client of the tenant: it belongs to none.
pub(crate) fn of_client(answer: &mut Response, client: &ClientId) {
    answer.extensions_mut().insert(OfClient(client.clone()));
}

/// A route that clients' pages may call; its handler says with [`of_client`] whose answer
/// it gives.
pub(crate) fn for_clients(
    state: &AppState,
    route: MethodRouter<AppState>,
) -> MethodRouter<AppState> {
    let allow = middleware::from_fn_with_state(state.clone(), allow);
    route.layer(allow).options(preflight)
}

/// A route that every page may read.
pub(crate) fn for_all(route: MethodRouter<AppState>) -> MethodRouter<AppState> {
    route
        .layer(middleware::map_response(allow_every))
        .options(preflight_for_all)
}

async fn preflight(RequestTenant(tenant): RequestTenant, headers: HeaderMap) -> Response {
    let Some(origin) = origin(&headers) else {
        return no_preflight();
    };
    if !may_read(&tenant, &origin, None).await {
        let message = "no client of this tenant has this origin; add it to the client's \
                       web_origins or allowed_origins";
        let mut answer = answer::error(StatusCode::FORBIDDEN, "Forbidden", message);
        depends_on_origin(answer.headers_mut());
        return answer;
    }
    let mut answer = preflight_answer(origin);
    depends_on_origin(answer.headers_mut());
    answer
}

async fn preflight_for_all(headers: HeaderMap) -> Response {
    match origin(&headers) {
        Some(_) => preflight_answer(EVERY),
        None => no_preflight(),
    }
}

/// The answer to an OPTIONS request that no browser sends before another.
fn no_preflight() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

fn preflight_answer(allowed: HeaderValue) -> Response {
    let headers: [(HeaderName, HeaderValue); 4] = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed),
        (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS),
        (header::ACCESS_CONTROL_MAX_AGE, MAX_AGE),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

async fn allow(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let origin = origin(request.headers());
    let host = tenant::host(request.headers(), request.uri());
    let tenant = host.and_then(|host| state.services.tenants.by_host(host));
    let mut answer = next.run(request).await;
    depends_on_origin(answer.headers_mut());
    if let (Some(origin), Some(tenant)) = (origin, tenant) {
        let of_client = answer.extensions().get::<OfClient>().cloned();
        if may_read(&tenant, &origin, of_client).await {
            let headers = answer.headers_mut();
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
    }
    answer
}

async fn allow_every(mut answer: Response) -> Response {
    let headers = answer.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, EVERY);
    answer
}

async fn may_read(tenant: &TenantContext, origin: &HeaderValue, client: Option<OfClient>) -> bool {
    let Ok(origin) = origin.to_str() else {
        return false;
    };
    let client = client.as_ref().map(|OfClient(id)| id);
    tenant.is_origin(origin, client).await.unwrap_or_else(|error| {
        tracing::error!(tenant = %tenant.tenant.id, ?error, "the clients' origins can't be read");
        false
    })
}

/// The origin of the page that asks. Browsers send one such header.
fn origin(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let origin = origins.next().cloned();
    origin.filter(|_| origins.next().is_none())
}

/// Tells caches that the answer is for one origin.
fn depends_on_origin(headers: &mut HeaderMap) {
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
}
