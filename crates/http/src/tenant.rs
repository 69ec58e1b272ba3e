//! The tenant of a request: by its Host header, and by nothing else.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use claimsmith_service::TenantContext;
use http::{HeaderMap, StatusCode, Uri, header, request::Parts};
use serde_json::json;

use crate::{AppState, answer, observe};

/// The tenant whose host the request names. A handler that takes one answers an
/// unknown host by itself.
#[derive(Debug, Clone)]
pub(crate) struct RequestTenant(pub(crate) Arc<TenantContext>);

impl FromRequestParts<AppState> for RequestTenant {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Response> {
        let host = host(&parts.headers, &parts.uri);
        let tenant = host.and_then(|host| state.services.tenants.by_host(host));
        let tenant = tenant.ok_or_else(|| unknown(host))?;
        observe::of_tenant(&tenant.tenant.id);
        Ok(Self(tenant))
    }
}

/// The host that the request names: the authority of an absolute URI, else the
/// Host header (RFC 9112 section 3.2). What trusted proxies say of it stands there
/// already ([`crate::proxies`]); of others nothing is believed.
pub(crate) fn host<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<&'a str> {
    let in_uri = uri.authority().map(http::uri::Authority::as_str);
    in_uri.or_else(|| {
        headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
    })
}

fn unknown(host: Option<&str>) -> Response {
    let shown: String = host.unwrap_or_default().chars().take(200).collect();
    let message = format!(
        "no tenant has the host `{shown}`; ask under a tenant's own domain, or add this one to a \
         tenant"
    );
    let body = json!({
        "statusCode": 404, "error": "Not Found", "message": message,
        "error_description": message,
    });
    (StatusCode::NOT_FOUND, answer::no_store(), axum::Json(body)).into_response()
}
