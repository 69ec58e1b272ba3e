//! `GET` and `POST /authorize` (RFC 6749 section 3.1, OpenID Connect Core section 3.1.2).

use axum::{
    body::Body,
    extract::{RawQuery, State},
    response::Response,
};
use claimsmith_oauth::{AUTHORIZATION_REQUEST_BYTES_MAX, parse_page_form};
use claimsmith_service::authorize::PageError;
use url::form_urlencoded;

use crate::{
    AppState,
    login::next,
    visit::{Visit, form_body},
};

/// Answers an authorization request.
pub(crate) async fn get(
    State(state): State<AppState>,
    visit: Visit,
    RawQuery(query): RawQuery,
) -> Response {
    let query = query.unwrap_or_default();
    let answer = state
        .authorize
        .begin(&visit.tenant, &visit.browser, &query, visit.facts)
        .await;
    next::answer(&visit.tenant, &visit.id, &answer)
}

/// Sends the browser on to the same by GET: with a POST from another site it keeps the
/// session's cookie back, and the user would have to log in again.
pub(crate) async fn post(visit: Visit, body: Body) -> Response {
    match as_query(body).await {
        Ok(query) => next::see_other(Some(&format!("/authorize?{query}"))),
        Err(text) => next::refuse(&visit.tenant, &visit.id, &PageError::Request(text)),
    }
}

/// A form is a query as it is; written anew, so that nothing but that gets into a header.
async fn as_query(body: Body) -> Result<String, String> {
    let bytes = form_body(body, AUTHORIZATION_REQUEST_BYTES_MAX).await?;
    let pairs = parse_page_form(&bytes).map_err(|error| error.to_string())?;
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish();
    if query.len() > AUTHORIZATION_REQUEST_BYTES_MAX {
        return Err(format!(
            "its parameters have more than {AUTHORIZATION_REQUEST_BYTES_MAX} bytes"
        ));
    }
    Ok(query)
}
