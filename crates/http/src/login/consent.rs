//! `POST /u/consent`: the form of the consent page.

use axum::{body::Body, extract::State, response::Response};
use claimsmith_service::authorize::ConsentForm;

use super::{STATE, form::Form, next};
use crate::{AppState, pages::DECISION, visit::Visit};

/// Remembers what the user allowed, and goes on to the client. Anything but the word
/// `allow` is a no.
pub(super) async fn post(State(state): State<AppState>, visit: Visit, body: Body) -> Response {
    let mut form = match Form::read(body).await {
        Ok(form) => form,
        Err(error) => return next::refuse(&visit.tenant, &visit.id, &error),
    };
    let form = ConsentForm {
        is_allowed: form.take(DECISION) == "allow",
        state: form.take(STATE),
    };
    let answer = state
        .authorize
        .consent(&visit.tenant, &visit.browser, form, visit.facts)
        .await;
    next::answer(&visit.tenant, &visit.id, &answer)
}
