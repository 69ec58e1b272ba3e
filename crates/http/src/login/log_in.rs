//! `POST /u/login`: the form of the login page.

use std::net::SocketAddr;

use axum::{
    Extension,
    body::Body,
    extract::{ConnectInfo, State},
    response::Response,
};
use claimsmith_model::{JsonObject, Secret};
use claimsmith_service::authorize::LoginForm;
use http::Request;

use super::{STATE, form::Form, next};
use crate::{
    AppState, facts,
    observe::RequestId,
    pages::{IDENTIFIER, PASSWORD},
    tenant::RequestTenant,
};

/// Checks the password, and goes on to the client.
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
    let form = LoginForm {
        username: form.take(IDENTIFIER),
        password: Secret::new(form.take(PASSWORD)),
        state: form.take(STATE),
    };
    let browser = next::browser(&tenant, &parts.headers);
    let facts = facts::of(&parts, peer, JsonObject::new());
    let answer = state.authorize.log_in(&tenant, &browser, form, facts).await;
    next::answer(&tenant, &id, &answer)
}
