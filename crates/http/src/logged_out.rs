//! What the two ways to log out have in common: their parameters and answers.

#[cfg(test)]
mod tests;

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use claimsmith_model::JsonObject;
use claimsmith_oauth::{REQUEST_BYTES_MAX, parse_query};
use claimsmith_service::logout::{AfterLogout, LogoutError, LogoutVisit};
use http::{HeaderValue, StatusCode, header};
use serde_json::Value;
use url::form_urlencoded;

use crate::{
    AppState, answer,
    observe::AnsweredError,
    pages::{self, Branding, ErrorPage},
    session_cookie::SessionCookie,
    visit::{Visit, form_body},
};

/// The parameters of a query or a form, each once.
pub(crate) struct Parameters(JsonObject);

impl Parameters {
    /// Reads them; what is wrong is told in words.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        parse_query(text)
            .map(Self)
            .map_err(|error| error.to_string())
    }

    /// Reads those of a form; what is wrong is told in words.
    pub(crate) async fn of_form(body: Body) -> Result<Self, String> {
        let bytes = form_body(body, REQUEST_BYTES_MAX).await?;
        let text = std::str::from_utf8(&bytes).map_err(|_| "the form is not UTF-8".to_owned())?;
        Self::parse(text)
    }

    /// One of them.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        match self.0.shift_remove(name)? {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// All of them as a query.
    pub(crate) fn into_query(self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in &self.0 {
            query.append_pair(name, value.as_str().unwrap_or_default());
        }
        query.finish()
    }
}

/// What decides on a logout needs of the request.
pub(crate) fn visit<'a>(state: &'a AppState, visit: &'a Visit) -> LogoutVisit<'a> {
    LogoutVisit {
        services: &state.services,
        context: &visit.tenant,
        session: visit.browser.session.as_ref(),
        facts: &visit.facts,
    }
}

/// The session is over: on to where the browser shall go, with `redirect` as status.
pub(crate) fn answer(visit: &Visit, redirect: StatusCode, then: &AfterLogout) -> Response {
    let mut answer = match then {
        AfterLogout::Redirect(url) => match HeaderValue::try_from(url) {
            Ok(url) => (redirect, answer::no_store(), [(header::LOCATION, url)]).into_response(),
            Err(_) => not_registered(visit),
        },
        AfterLogout::Stay => pages::logged_out(Branding::of(&visit.tenant.tenant)),
        AfterLogout::NotRegistered => not_registered(visit),
    };
    let clear = SessionCookie::of(&visit.tenant.tenant).clear();
    answer.headers_mut().insert(header::SET_COOKIE, clear);
    answer
}

fn not_registered(visit: &Visit) -> Response {
    page(
        visit,
        StatusCode::BAD_REQUEST,
        "invalid_request",
        "You are logged out, but the application asked to send you on to an address that is not \
         registered for it.",
        "You can close this page. Whoever looks after the application can add the address to its \
         allowed_logout_urls, letter by letter.",
    )
}

/// The request can't be read. Nothing was done.
pub(crate) fn invalid(visit: &Visit, text: &str) -> Response {
    let what =
        format!("The application asked for a logout in a way that is not understood: {text}.");
    error(visit, StatusCode::BAD_REQUEST, "invalid_request", &what)
}

/// The logout was refused, or went wrong.
pub(crate) fn refused(visit: &Visit, error: &LogoutError) -> Response {
    match error {
        LogoutError::OtherClient => invalid(visit, &error.to_string()),
        LogoutError::Host(cause) => {
            let cause: &dyn std::error::Error = cause;
            tracing::error!(cause, "no logout");
            let what = "The server could not end your session.";
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            self::error(visit, status, "server_error", what)
        }
    }
}

fn error(visit: &Visit, status: StatusCode, code: &'static str, what: &str) -> Response {
    let remedy = "You may still be logged in. Go back to the application and try again; should it \
                  happen again, tell whoever looks after it, with the trace id below.";
    page(visit, status, code, what, remedy)
}

fn page(
    visit: &Visit,
    status: StatusCode,
    code: &'static str,
    what: &str,
    remedy: &str,
) -> Response {
    let mut answer = pages::error(&ErrorPage {
        branding: Some(Branding::of(&visit.tenant.tenant)),
        status,
        what,
        remedy,
        code,
        trace_id: &visit.id.0,
    });
    answer.extensions_mut().insert(AnsweredError(code));
    answer
}
