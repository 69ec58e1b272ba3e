//! `POST /oauth/revoke` (RFC 7009).

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use claimsmith_oauth::RevocationRequest;
use claimsmith_service::{ClientCredentials, named_client};
use http::{Request, StatusCode, request::Parts};

use super::{
    cors,
    token::{
        FORM, JSON, Unreadable, bytes, credentials_of, media_type, refuse_for, unknown_media_type,
    },
};
use crate::{AppState, answer, tenant::RequestTenant};

/// Revokes a token; 200 without a body, also for one that nobody knows.
pub(crate) async fn post(
    State(state): State<AppState>,
    RequestTenant(tenant): RequestTenant,
    request: Request<Body>,
) -> Response {
    let (parts, body) = request.into_parts();
    let (request, credentials) = match read(&parts, body).await {
        Ok(read) => read,
        Err(unreadable) => return unreadable.into_response(),
    };
    let named = named_client(credentials.as_ref(), &request.client);
    let mut answer = match state.tokens.revoke(&tenant, credentials, request).await {
        Ok(()) => (StatusCode::OK, answer::no_store()).into_response(),
        Err(error) => refuse_for(&error, &parts, "nothing was revoked"),
    };
    if let Some(client) = &named {
        cors::of_client(&mut answer, client);
    }
    answer
}

async fn read(
    parts: &Parts,
    body: Body,
) -> Result<(RevocationRequest, Option<ClientCredentials>), Unreadable> {
    let bytes = bytes(body).await?;
    let request = match media_type(&parts.headers) {
        FORM => RevocationRequest::from_form(&bytes),
        JSON => RevocationRequest::from_json(&bytes),
        _ => return Err(unknown_media_type()),
    };
    let request = request.map_err(|error| Unreadable::bad_request(&error.to_string()))?;
    Ok((request, credentials_of(&parts.headers)?))
}
