//! `GET` and `POST /authorize` (RFC 6749 section 3.1, OpenID Connect Core section 3.1.2).

use std::net::SocketAddr;

use axum::{
    Extension,
    body::Body,
    extract::{ConnectInfo, State},
    response::Response,
};
use claimsmith_oauth::{AUTHORIZATION_REQUEST_BYTES_MAX, parse_query};
use claimsmith_service::authorize::PageError;
use http::Request;
use http_body_util::{BodyExt as _, Limited};

use crate::{AppState, facts, login::next, observe::RequestId, tenant::RequestTenant};

/// Answers an authorization request.
pub(crate) async fn get(
    State(state): State<AppState>,
    RequestTenant(tenant): RequestTenant,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Extension(id): Extension<RequestId>,
    request: Request<Body>,
) -> Response {
    let (parts, _) = request.into_parts();
    let query = parts.uri.query().unwrap_or_default();
    let browser = next::browser(&tenant, &parts.headers);
    // What is wrong with it is found again, and told, by who answers it.
    let facts = facts::of(&parts, peer, parse_query(query).unwrap_or_default());
    let answer = state.authorize.begin(&tenant, &browser, query, facts).await;
    next::answer(&tenant, &id, &answer)
}

/// Sends the browser on to the same by GET: with a POST from another site it keeps the
/// session's cookie back, and the user would have to log in again.
pub(crate) async fn post(
    RequestTenant(tenant): RequestTenant,
    Extension(id): Extension<RequestId>,
    body: Body,
) -> Response {
    let too_long = || {
        let text = format!(
            "its parameters have more than {AUTHORIZATION_REQUEST_BYTES_MAX} bytes, or did not \
             arrive"
        );
        next::refuse(&tenant, &id, &PageError::Request(text))
    };
    let bytes = Limited::new(body, AUTHORIZATION_REQUEST_BYTES_MAX)
        .collect()
        .await;
    let Ok(bytes) = bytes else {
        return too_long();
    };
    let bytes = bytes.to_bytes();
    // A form is a query as it is; written anew, so that nothing but that gets into a header.
    let form = url::form_urlencoded::parse(&bytes);
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish();
    if query.len() > AUTHORIZATION_REQUEST_BYTES_MAX {
        return too_long();
    }
    next::see_other(Some(&format!("/authorize?{query}")))
}
