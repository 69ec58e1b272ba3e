//! `/oidc/logout` (OpenID Connect RP-Initiated Logout 1.0).

use axum::{
    Extension,
    extract::{RawQuery, State},
    response::{IntoResponse, Response},
};
use claimsmith_service::{
    TenantContext,
    logout::{self, AfterLogout, Logout, LogoutQuestion, LogoutRequest},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::{
    AppState, answer,
    logged_out::{self, Parameters},
    observe::RequestId,
    pages::{self, Branding, ConfirmLogout},
    session_cookie::SessionCookie,
    tenant::RequestTenant,
};

/// Where the answer to the question goes.
pub(super) const CONFIRM: &str = "/oidc/logout/confirm";

/// The name of what the answer brings along.
const CONFIRMATION: &str = "confirmation";

/// Ends the browser's session, or asks whether to.
pub(crate) async fn get(
    State(state): State<AppState>,
    RequestTenant(tenant): RequestTenant,
    Extension(id): Extension<RequestId>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let parameters = match Parameters::parse(query.as_deref().unwrap_or_default()) {
        Ok(parameters) => parameters,
        Err(text) => return logged_out::invalid(&tenant, &id, &text),
    };
    let request = request(parameters);
    let session = SessionCookie::of(&tenant.tenant).read(&headers);
    match logout::requested(&state.services, &tenant, &request, session.as_ref()).await {
        Ok(logout) => answer(&tenant, &id, &request, &logout),
        Err(error) => logged_out::refused(&tenant, &id, &error),
    }
}

/// Sends the browser on to the same by GET: with a POST from another site it keeps the
/// session's cookie back.
pub(crate) async fn post(
    RequestTenant(tenant): RequestTenant,
    Extension(id): Extension<RequestId>,
    body: String,
) -> Response {
    let query = match Parameters::parse(&body) {
        Ok(parameters) => parameters.into_query(),
        Err(text) => return logged_out::invalid(&tenant, &id, &text),
    };
    let Ok(location) = HeaderValue::try_from(format!("/oidc/logout?{query}")) else {
        return logged_out::invalid(&tenant, &id, "the parameters are too long");
    };
    let headers = [(header::LOCATION, location)];
    (StatusCode::SEE_OTHER, answer::no_store(), headers).into_response()
}

/// Ends the browser's session: the user was asked and said so.
pub(crate) async fn confirm(
    RequestTenant(tenant): RequestTenant,
    Extension(id): Extension<RequestId>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let mut parameters = match Parameters::parse(&body) {
        Ok(parameters) => parameters,
        Err(text) => return logged_out::invalid(&tenant, &id, &text),
    };
    let brought = parameters.take(CONFIRMATION).unwrap_or_default();
    let request = request(parameters);
    let session = SessionCookie::of(&tenant.tenant).read(&headers);
    match logout::confirmed(&tenant, &request, &brought, session.as_ref()).await {
        Ok(logout) => answer(&tenant, &id, &request, &logout),
        Err(error) => logged_out::refused(&tenant, &id, &error),
    }
}

/// Of the rest, `logout_hint` says who is meant, which the session knows, and
/// `ui_locales` asks for languages, of which the pages have one.
fn request(mut parameters: Parameters) -> LogoutRequest {
    LogoutRequest {
        client_id: parameters.take("client_id"),
        redirect_uri: parameters.take("post_logout_redirect_uri"),
        state: parameters.take("state"),
        id_token_hint: parameters.take("id_token_hint"),
    }
}

fn answer(
    tenant: &TenantContext,
    id: &RequestId,
    request: &LogoutRequest,
    logout: &Logout,
) -> Response {
    match logout {
        Logout::Done(then) => logged_out::answer(tenant, id, StatusCode::SEE_OTHER, then),
        Logout::Ask(question) => ask(tenant, request, question),
    }
}

fn ask(tenant: &TenantContext, request: &LogoutRequest, question: &LogoutQuestion) -> Response {
    let client = question.client.as_deref();
    let mut hidden = vec![(CONFIRMATION, question.confirmation.as_str())];
    hidden.extend(client.map(|client| ("client_id", client.client_id.as_str())));
    let others = [
        ("post_logout_redirect_uri", &request.redirect_uri),
        ("state", &request.state),
    ];
    hidden.extend(
        others
            .iter()
            .filter_map(|(name, value)| Some((*name, value.as_deref()?))),
    );
    pages::confirm_logout(&ConfirmLogout {
        branding: Branding::of(&tenant.tenant),
        client_name: client.map(|client| client.name.as_str()),
        action: CONFIRM,
        hidden: &hidden,
        redirect_uri: match &question.then {
            AfterLogout::Redirect(url) => Some(url),
            AfterLogout::Stay | AfterLogout::NotRegistered => None,
        },
    })
}
