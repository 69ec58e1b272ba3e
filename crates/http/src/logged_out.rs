//! What the two ways to log out have in common: their parameters and answers.

#[cfg(test)]
mod tests;

use axum::response::{IntoResponse, Response};
use claimsmith_model::JsonObject;
use claimsmith_oauth::parse_query;
use claimsmith_service::{
    TenantContext,
    logout::{AfterLogout, LogoutError},
};
use http::{HeaderValue, StatusCode, header};
use serde_json::Value;
use url::form_urlencoded;

use crate::{
    answer,
    observe::RequestId,
    pages::{self, Branding, ErrorPage},
    session_cookie::SessionCookie,
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

/// The session is over: on to where the browser shall go, with `redirect` as status.
pub(crate) fn answer(
    tenant: &TenantContext,
    id: &RequestId,
    redirect: StatusCode,
    then: &AfterLogout,
) -> Response {
    let branding = Branding::of(&tenant.tenant);
    let mut answer = match then {
        AfterLogout::Redirect(url) => match HeaderValue::try_from(url) {
            Ok(url) => (redirect, answer::no_store(), [(header::LOCATION, url)]).into_response(),
            Err(_) => not_registered(branding, id),
        },
        AfterLogout::Stay => pages::logged_out(branding),
        AfterLogout::NotRegistered => not_registered(branding, id),
    };
    let clear = SessionCookie::of(&tenant.tenant).clear();
    answer.headers_mut().insert(header::SET_COOKIE, clear);
    answer
}

fn not_registered(branding: Branding<'_>, id: &RequestId) -> Response {
    pages::error(&ErrorPage {
        branding: Some(branding),
        status: StatusCode::BAD_REQUEST,
        what: "You are logged out, but the application asked to send you on to an address that \
               is not registered for it.",
        remedy: "You can close this page. Whoever looks after the application can add the address \
                 to its allowed_logout_urls, letter by letter.",
        code: "invalid_request",
        trace_id: &id.0,
    })
}

/// The request can't be read. Nothing was done.
pub(crate) fn invalid(tenant: &TenantContext, id: &RequestId, text: &str) -> Response {
    let what =
        format!("The application asked for a logout in a way that is not understood: {text}.");
    error(
        tenant,
        id,
        StatusCode::BAD_REQUEST,
        "invalid_request",
        &what,
    )
}

/// The logout was refused, or went wrong.
pub(crate) fn refused(tenant: &TenantContext, id: &RequestId, error: &LogoutError) -> Response {
    match error {
        LogoutError::OtherClient => invalid(tenant, id, &error.to_string()),
        LogoutError::Host(cause) => {
            let cause: &dyn std::error::Error = cause;
            tracing::error!(cause, "no logout");
            let what = "The server could not end your session.";
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            self::error(tenant, id, status, "server_error", what)
        }
    }
}

fn error(
    tenant: &TenantContext,
    id: &RequestId,
    status: StatusCode,
    code: &str,
    what: &str,
) -> Response {
    pages::error(&ErrorPage {
        branding: Some(Branding::of(&tenant.tenant)),
        status,
        what,
        remedy: "You may still be logged in. Go back to the application and try again; should it \
                 happen again, tell whoever looks after it, with the trace id below.",
        code,
        trace_id: &id.0,
    })
}
