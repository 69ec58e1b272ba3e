//! `GET /.well-known/jwks.json` (RFC 7517 section 5).

use std::error::Error;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};

use crate::{AppState, tenant::RequestTenant};

/// How long verifiers may keep the keys, in seconds. A rotation's next key is published
/// before it signs, but the first key of an algorithm signs from the moment it is made,
/// and one may be revoked: most verifiers ask again for a key that they lack, and the
/// others must not be wrong for long. Short as it is, it spares the server a request per
/// verified token.
const CACHE_CONTROL: &str = "public, max-age=15";

/// The tenant's public keys.
pub(crate) async fn get(
    State(state): State<AppState>,
    RequestTenant(tenant): RequestTenant,
) -> Response {
    match tenant.jwks(&state.services.environment).await {
        Ok(jwks) => {
            let headers = [
                (header::CONTENT_TYPE, "application/json"),
                (header::CACHE_CONTROL, CACHE_CONTROL),
            ];
            (headers, jwks).into_response()
        }
        Err(error) => {
            let error = &error as &(dyn Error + 'static);
            tracing::error!(tenant = %tenant.tenant.id, error, "the keys can't be read");
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                "the keys can't be read\n",
            )
                .into_response()
        }
    }
}
