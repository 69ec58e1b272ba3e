//! Logging in in a browser: the forms of the login page and the consent page, and what a
//! browser gets after each step.

mod binding_cookie;
mod consent;
mod form;
mod log_in;
pub(crate) mod next;

use axum::{Router, response::Response, routing::post};
use claimsmith_service::authorize::PageError;

pub(crate) use self::binding_cookie::BindingCookie;
use crate::{AppState, visit::Visit};

/// Where the login page's form goes.
const LOGIN: &str = "/u/login";
/// Where the consent page's form goes.
const CONSENT: &str = "/u/consent";
/// The name of the input that carries what the server put into a page.
const STATE: &str = "state";

pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route(LOGIN, post(log_in::post).get(opened))
        .route(CONSENT, post(consent::post).get(opened))
}

/// Somebody opens the address of a form, where the page was before it was sent.
async fn opened(visit: Visit) -> Response {
    next::refuse(&visit.tenant, &visit.id, &PageError::Expired)
}
