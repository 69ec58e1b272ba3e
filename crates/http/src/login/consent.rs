//! `POST /u/consent`: the form of the consent page.

use std::net::SocketAddr;

use axum::{
    Extension,
    body::Body,
    extract::{ConnectInfo, State},
    response::Response,
};
use claimsmith_model::JsonObject;
use claimsmith_service::authorize::ConsentForm;
use http::Request;

use super::{STATE, form::Form, next};
use crate::{AppState, facts, observe::RequestId, pages::DECISION, tenant::RequestTenant};

/// Remembers what the user allowed, and goes on to the client. Anything but the word
/// `allow` is a no.
pub(super) async fn post(
    State(state): State<AppState>,
    RequestTenant(tenant): RequestTenant,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Extension(id): Extension<RequestId>,
    request: Request<Body>,
) -> Response {
    let (parts, body) = request.into_parts();
    let mut form = match Form::read(body).await {
        Ok(form) => form,
        Err(error) => return next::refuse(&tenant, &id, &error),
    };
    let form = ConsentForm {
        is_allowed: form.take(DECISION) == "allow",
        state: form.take(STATE),
    };
    let browser = next::browser(&tenant, &parts.headers);
    let facts = facts::of(&parts, peer, JsonObject::new());
    let answer = state
        .authorize
        .consent(&tenant, &browser, form, facts)
        .await;
    next::answer(&tenant, &id, &answer)
}
