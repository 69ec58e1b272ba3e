//! `/oidc/logout` (OpenID Connect RP-Initiated Logout 1.0).

use axum::{
    body::Body,
    extract::{RawQuery, State},
    response::{IntoResponse, Response},
};
use claimsmith_model::Secret;
use claimsmith_service::{
    TenantContext,
    logout::{self, AfterLogout, Logout, LogoutError, LogoutQuestion, LogoutRequest},
};
use http::{HeaderValue, StatusCode, header};

use crate::{
    AppState, answer,
    logged_out::{self, Parameters},
    pages::{self, Branding, ConfirmLogout},
    visit::Visit,
};

/// Where the answer to the question goes.
pub(super) const CONFIRM: &str = "/oidc/logout/confirm";

/// The name of what the answer brings along.
const CONFIRMATION: &str = "confirmation";

/// Ends the browser's session, or asks whether to.
pub(crate) async fn get(
    State(state): State<AppState>,
    visit: Visit,
    RawQuery(query): RawQuery,
) -> Response {
    let parameters = match Parameters::parse(query.as_deref().unwrap_or_default()) {
        Ok(parameters) => parameters,
        Err(text) => return logged_out::invalid(&visit, &text),
    };
    let request = request(parameters);
    let outcome = logout::requested(logged_out::visit(&state, &visit), &request).await;
    answer(&visit, &request, outcome)
}

/// Sends the browser on to the same by GET: with a POST from another site it keeps the
/// session's cookie back.
pub(crate) async fn post(visit: Visit, body: Body) -> Response {
    let query = match Parameters::of_form(body).await {
        Ok(parameters) => parameters.into_query(),
        Err(text) => return logged_out::invalid(&visit, &text),
    };
    let Ok(location) = HeaderValue::try_from(format!("/oidc/logout?{query}")) else {
        return logged_out::invalid(&visit, "the parameters are too long");
    };
    let headers = [(header::LOCATION, location)];
    (StatusCode::SEE_OTHER, answer::no_store(), headers).into_response()
}

/// Ends the browser's session: the user was asked and said so.
pub(crate) async fn confirm(State(state): State<AppState>, visit: Visit, body: Body) -> Response {
    let mut parameters = match Parameters::of_form(body).await {
        Ok(parameters) => parameters,
        Err(text) => return logged_out::invalid(&visit, &text),
    };
    let brought = parameters.take(CONFIRMATION).unwrap_or_default();
    let request = request(parameters);
    let leaving = logged_out::visit(&state, &visit);
    let outcome = logout::confirmed(leaving, &request, &brought).await;
    answer(&visit, &request, outcome)
}

/// Of the rest, `logout_hint` says who is meant, which the session knows, and
/// `ui_locales` asks for languages, of which the pages have one.
fn request(mut parameters: Parameters) -> LogoutRequest {
    LogoutRequest {
        client_id: parameters.take("client_id"),
        redirect_uri: parameters.take("post_logout_redirect_uri"),
        state: parameters.take("state"),
        id_token_hint: parameters.take("id_token_hint").map(Secret::new),
    }
}

fn answer(
    visit: &Visit,
    request: &LogoutRequest,
    outcome: Result<Logout, LogoutError>,
) -> Response {
    match outcome {
        Ok(Logout::Done(then)) => logged_out::answer(visit, StatusCode::SEE_OTHER, &then),
        Ok(Logout::Ask(question)) => ask(&visit.tenant, request, &question),
        Err(error) => logged_out::refused(visit, &error),
    }
}

fn ask(tenant: &TenantContext, request: &LogoutRequest, question: &LogoutQuestion) -> Response {
    let client = question.client.as_deref();
    let mut hidden = vec![(CONFIRMATION, question.confirmation.expose())];
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
