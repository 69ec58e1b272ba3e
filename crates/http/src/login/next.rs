//! What a browser gets after each step of a login.

use axum::response::{IntoResponse as _, Response};
use claimsmith_oauth::{AuthorizationResponse, ResponseMode};
use claimsmith_service::{
    TenantContext,
    authorize::{Answer, ConsentQuestion, LoginQuestion, Next, PageError},
};
use http::{HeaderValue, StatusCode, header};

use super::{BindingCookie, CONSENT, LOGIN, STATE};
use crate::{
    answer,
    observe::{AnsweredError, RequestId},
    pages::{self, AskedScope, Branding, ErrorPage, WebMessage},
    session_cookie::SessionCookie,
};

/// The answer to a browser: a page, or back to the client.
pub(crate) fn answer(tenant: &TenantContext, id: &RequestId, answer: &Answer) -> Response {
    let mut response = match &answer.next {
        Next::Login(question) => login(tenant, question),
        Next::Consent(question) => consent(tenant, question),
        Next::Respond(response) => respond(response),
        Next::Refuse(error) => refuse(tenant, id, error),
    };
    let headers = response.headers_mut();
    if let Some(session) = &answer.session {
        let cookie = SessionCookie::of(&tenant.tenant).set(&session.secret, session.lifetime_s);
        headers.append(header::SET_COOKIE, cookie);
    }
    if let Some(binding) = &answer.binding {
        let cookie = BindingCookie::of(&tenant.tenant).set(binding);
        headers.append(header::SET_COOKIE, cookie);
    }
    if let Some(execution_id) = &answer.execution_id {
        answer::set_execution_id(&mut response, execution_id);
    }
    response
}

fn login(tenant: &TenantContext, question: &LoginQuestion) -> Response {
    pages::login(&pages::Login {
        branding: Branding::of(&tenant.tenant),
        client_name: &question.client_name,
        action: LOGIN,
        hidden: &[(STATE, &question.state)],
        identifier: &question.identifier,
        error: question.error.as_deref(),
        redirect_uri: &question.redirect_uri,
    })
}

fn consent(tenant: &TenantContext, question: &ConsentQuestion) -> Response {
    let scopes: Vec<_> = question
        .scopes
        .iter()
        .map(|scope| AskedScope {
            value: &scope.value,
            description: scope.description.as_deref(),
        })
        .collect();
    pages::consent(&pages::Consent {
        branding: Branding::of(&tenant.tenant),
        client_name: &question.client_name,
        user: &question.user,
        api_name: question.api_name.as_deref(),
        scopes: &scopes,
        action: CONSENT,
        hidden: &[(STATE, &question.state)],
        redirect_uri: &question.redirect_uri,
    })
}

/// Back to the client. 303 and never 307, by which a browser would send the password
/// along (RFC 9700 section 4.12).
fn respond(response: &AuthorizationResponse) -> Response {
    let parameters: Vec<_> = response
        .parameters
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let mut answer = match response.mode {
        ResponseMode::Query | ResponseMode::Fragment => see_other(response.url().as_deref()),
        ResponseMode::FormPost => pages::form_post(&response.redirect_uri, &parameters),
        ResponseMode::WebMessage => {
            let origin = pages::web_origin(&response.redirect_uri).unwrap_or_default();
            pages::web_message(&WebMessage {
                origin: &origin,
                response: &parameters,
                framed_by: std::slice::from_ref(&origin),
            })
        }
    };
    if let Some(code) = response.error {
        answer.extensions_mut().insert(AnsweredError(code.as_str()));
    }
    answer
}

/// Sends the browser to a URL by GET.
pub(crate) fn see_other(url: Option<&str>) -> Response {
    // Redirect URIs and what is added to them are visible ASCII.
    let Some(Ok(location)) = url.map(HeaderValue::try_from) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let headers = [(header::LOCATION, location)];
    (StatusCode::SEE_OTHER, answer::no_store(), headers).into_response()
}

/// The page of what can't be told to a client.
pub(crate) fn refuse(tenant: &TenantContext, id: &RequestId, error: &PageError) -> Response {
    let status = match error {
        PageError::Host(cause) => {
            let cause = cause.as_ref();
            tracing::error!(cause, "no answer to a browser but an error");
            StatusCode::INTERNAL_SERVER_ERROR
        }
        _ => StatusCode::BAD_REQUEST,
    };
    let code = error.code().as_str();
    let mut answer = pages::error(&ErrorPage {
        branding: Some(Branding::of(&tenant.tenant)),
        status,
        what: &error.to_string(),
        remedy: error.remedy(),
        code,
        trace_id: &id.0,
    });
    answer.extensions_mut().insert(AnsweredError(code));
    answer
}
