//! `GET /v2/logout`: the reference product's.

use axum::{Extension, extract::RawQuery, response::Response};
use claimsmith_service::logout::{self, LogoutRequest};
use http::{HeaderMap, StatusCode};

use crate::{
    logged_out::{self, Parameters},
    observe::RequestId,
    session_cookie::SessionCookie,
    tenant::RequestTenant,
};

/// Ends the browser's session and sends it to where the request says. `federated`, which
/// is about other identity providers, means nothing yet.
pub(crate) async fn get(
    RequestTenant(tenant): RequestTenant,
    Extension(id): Extension<RequestId>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let mut parameters = match Parameters::parse(query.as_deref().unwrap_or_default()) {
        Ok(parameters) => parameters,
        Err(text) => return logged_out::invalid(&tenant, &id, &text),
    };
    let request = LogoutRequest {
        client_id: parameters.take("client_id"),
        redirect_uri: parameters.take("returnTo"),
        ..LogoutRequest::default()
    };
    let session = SessionCookie::of(&tenant.tenant).read(&headers);
    match logout::at_once(&tenant, &request, session.as_ref()).await {
        Ok(then) => logged_out::answer(&tenant, &id, StatusCode::FOUND, &then),
        Err(error) => logged_out::refused(&tenant, &id, &error),
    }
}
