//! `GET /.well-known/openid-configuration` and `…/oauth-authorization-server`
//! (OpenID Connect Discovery section 4, RFC 8414).

use axum::Json;
use claimsmith_oauth::DiscoveryDocument;

use crate::tenant::RequestTenant;

/// What this tenant's issuer can do.
pub(crate) async fn get(RequestTenant(tenant): RequestTenant) -> Json<DiscoveryDocument> {
    Json(DiscoveryDocument::new(&tenant.tenant.issuer))
}
