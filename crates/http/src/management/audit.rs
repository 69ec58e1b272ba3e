//! Every change over the Management and platform APIs stands in the tenant's log: who did
//! what, from where, to what.

use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
};

use axum::{
    extract::{ConnectInfo, FromRequestParts, MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use claimsmith_model::LogType;
use claimsmith_service::{
    RequestFacts,
    events::NewEvent,
    management::{TenantAdmin, describe_caller},
};
use http::{Method, header, request::Parts};
use serde_json::json;

use crate::{AppState, tenant};

/// How many names of properties an entry lists.
const PROPERTIES_MAX: usize = 50;
/// Routes that change nothing although their method says so.
const NO_CHANGES: [&str; 1] = ["/api/v2/actions/actions/{id}/test"];
/// Routes that change nothing and give so much away that who asked is to be known.
const NOTED_ALL_THE_SAME: [&str; 1] = ["/api/v2/tenants/export"];

/// What handlers note of a request on its way, for the log.
#[derive(Debug, Clone, Default)]
pub(crate) struct Audit(Arc<Noted>);

#[derive(Debug, Default)]
struct Noted {
    admin: OnceLock<TenantAdmin>,
    properties: OnceLock<Vec<String>>,
}

impl Audit {
    /// Notes who asks, and of which tenant. The first one counts.
    pub(crate) fn by(&self, admin: &TenantAdmin) {
        self.0.admin.get_or_init(|| admin.clone());
    }

    /// Notes what the body names. Its values, among which may be secrets, are never noted.
    pub(crate) fn names<'a>(&self, properties: impl Iterator<Item = &'a String>) {
        let listed = || properties.take(PROPERTIES_MAX).cloned().collect();
        self.0.properties.get_or_init(listed);
    }
}

impl FromRequestParts<AppState> for Audit {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

/// Logs a request that changed something, once it did.
pub(crate) async fn log_changes(
    State(state): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let route = route
        .map(|path| path.as_str().to_owned())
        .unwrap_or_default();
    let method = request.method().clone();
    let reads = method == Method::GET || method == Method::HEAD;
    let is_noted = NOTED_ALL_THE_SAME.contains(&route.as_str());
    if (reads && !is_noted) || NO_CHANGES.contains(&route.as_str()) {
        return next.run(request).await;
    }
    let audit = Audit::default();
    request.extensions_mut().insert(audit.clone());
    let facts = facts(&request);
    let uri = request.uri().clone();

    let response = next.run(request).await;

    if let Some(admin) = audit.0.admin.get()
        && response.status().is_success()
    {
        let properties = audit.0.properties.get();
        let request = json!({
            "method": method.as_str(),
            "path": uri.path(),
            "query": uri.query().unwrap_or_default(),
            "properties": properties.map(Vec::as_slice).unwrap_or_default(),
        });
        let event = NewEvent::new(LogType::AdminChanged)
            .because(&format!("{method} {route}"))
            .from(&facts)
            .detail("request", request)
            .detail(
                "response",
                json!({ "statusCode": response.status().as_u16() }),
            );
        let event = describe_caller(admin, event).await;
        state.services.events.record(admin.tenant(), event);
    }
    response
}

/// From where the request comes.
fn facts(request: &Request) -> RequestFacts {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let user_agent = request.headers().get(header::USER_AGENT);
    let user_agent = user_agent.and_then(|value| value.to_str().ok());
    RequestFacts {
        ip: peer.map_or_else(String::new, |peer| peer.0.ip().to_canonical().to_string()),
        hostname: tenant::host(request.headers(), request.uri()).map(str::to_owned),
        user_agent: user_agent.map(str::to_owned),
        ..RequestFacts::default()
    }
}
