//! Whom an authorization response goes to, and how.

use std::sync::Arc;

use claimsmith_model::Client;
use claimsmith_oauth::{
    AuthorizationRequest, AuthorizationResponse, ResponseMode, ResponseType, is_redirect_uri,
    is_registered,
};

use super::{AuthorizeService, PageError, Visit};
use crate::TenantContext;

/// The longest `state` in bytes: it comes back in a URL.
pub(super) const STATE_BYTES_MAX: usize = 4 * 1024;

/// The parameters without which it can't be known whom to answer, and how. A request
/// that repeats one of them gets no answer but a page.
const NEEDED_ONCE: [&str; 5] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "state",
];

/// Whom an authorization response goes to, and how.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) client: Arc<Client>,
    /// One of the client's redirect URIs.
    pub(super) redirect_uri: String,
    pub(super) mode: ResponseMode,
    state: Option<String>,
}

impl AuthorizeService {
    /// Finds out whom to answer.
    ///
    /// # Errors
    /// When that can't be known: then nobody but the user is told.
    pub(super) async fn target(
        &self,
        visit: &Visit<'_>,
        request: &AuthorizationRequest,
    ) -> Result<Target, PageError> {
        if let Some(repeated) = &request.repeated
            && NEEDED_ONCE.contains(&repeated.as_str())
        {
            let text = format!("the parameter {repeated} appears more than once");
            return Err(PageError::Request(text));
        }
        let id = request.client_id.as_deref();
        let id = id.ok_or_else(|| missing("client_id"))?;
        let id = id.parse().map_err(|_| PageError::UnknownClient)?;
        let found = visit.configuration.client(&id).await;
        let found = found.map_err(|error| PageError::Host(Box::new(error)))?;
        let client = found.ok_or(PageError::UnknownClient)?;
        let redirect_uri = redirect_uri(&client, request)?;
        Ok(Target {
            client,
            mode: mode(request, &redirect_uri),
            state: request
                .state
                .clone()
                .filter(|state| state.len() <= STATE_BYTES_MAX),
            redirect_uri,
        })
    }
}

impl Target {
    /// A response that holds nothing yet but the request's `state` and the issuer.
    pub(super) fn response(self, context: &TenantContext) -> AuthorizationResponse {
        let issuer = &context.tenant.issuer;
        AuthorizationResponse::new(self.redirect_uri, self.mode, self.state, issuer)
    }
}

/// The redirect URI of the request, which must be one of the client's; a client that has
/// one only may leave it out (RFC 6749 section 3.1.2.3), unless it speaks OpenID Connect
/// (Core section 3.1.2.1).
fn redirect_uri(client: &Client, request: &AuthorizationRequest) -> Result<String, PageError> {
    let Some(asked) = &request.redirect_uri else {
        let scope = request.scope.as_deref().unwrap_or_default();
        let is_openid = scope.split(' ').any(|scope| scope == "openid");
        return match client.callbacks.as_slice() {
            [only] if !is_openid && is_redirect_uri(only) => Ok(only.clone()),
            _ => Err(missing("redirect_uri")),
        };
    };
    let is_native = client.app_type.as_deref() == Some("native");
    if is_registered(asked, &client.callbacks, is_native) {
        Ok(asked.clone())
    } else {
        tracing::warn!(client = %client.client_id, "a redirect URI is none of the client's");
        Err(PageError::RedirectUri)
    }
}

/// How the client gets its answer, errors too: as it asks for, where that is possible.
fn mode(request: &AuthorizationRequest, redirect_uri: &str) -> ResponseMode {
    let response_type = request.response_type.as_deref();
    let response_type = response_type.and_then(ResponseType::parse);
    let default = response_type.map_or(ResponseMode::Query, ResponseType::default_mode);
    let asked = request.response_mode.as_deref();
    match asked.and_then(ResponseMode::from_wire) {
        // Tokens are never in a query, which servers log.
        Some(ResponseMode::Query) | None => default,
        Some(ResponseMode::FormPost | ResponseMode::WebMessage) if !is_web(redirect_uri) => default,
        Some(asked) => asked,
    }
}

/// Whether a page can be at that URI; a native client's own scheme has none.
pub(super) fn is_web(redirect_uri: &str) -> bool {
    ["https://", "http://"]
        .iter()
        .any(|scheme| redirect_uri.starts_with(scheme))
}

fn missing(parameter: &str) -> PageError {
    PageError::Request(format!("the parameter {parameter} is missing"))
}
