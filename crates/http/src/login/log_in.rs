//! `POST /u/login`: the form of the login page.

use axum::{body::Body, extract::State, response::Response};
use claimsmith_model::Secret;
use claimsmith_service::authorize::LoginForm;

use super::{STATE, form::Form, next};
use crate::{
    AppState,
    pages::{IDENTIFIER, PASSWORD},
    visit::Visit,
};

/// Checks the password, and goes on to the client.
pub(super) async fn post(State(state): State<AppState>, visit: Visit, body: Body) -> Response {
    let mut form = match Form::read(body).await {
        Ok(form) => form,
        Err(error) => return next::refuse(&visit.tenant, &visit.id, &error),
    };
    let form = LoginForm {
        username: form.take(IDENTIFIER),
        password: Secret::new(form.take(PASSWORD)),
        state: form.take(STATE),
    };
    let answer = state
        .authorize
        .log_in(&visit.tenant, &visit.browser, form, visit.facts)
        .await;
    next::answer(&visit.tenant, &visit.id, &answer)
}
