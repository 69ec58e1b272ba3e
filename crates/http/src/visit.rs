//! A request that a browser makes for somebody who looks at it: wrong or right, the answer
//! is a page, or leads to one.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Extension,
    body::Body,
    extract::{ConnectInfo, FromRequestParts},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use claimsmith_oauth::parse_query;
use claimsmith_service::{RequestFacts, TenantContext, authorize::Browser};
use http::request::Parts;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::{
    AppState, facts, login::BindingCookie, observe::RequestId, session_cookie::SessionCookie,
    tenant::RequestTenant,
};

/// What every handler of such a request begins with.
pub(crate) struct Visit {
    /// Whose pages they are.
    pub(crate) tenant: Arc<TenantContext>,
    /// Under which the log has the request.
    pub(crate) id: RequestId,
    /// What the browser sent along by itself.
    pub(crate) browser: Browser,
    /// What is told of the request, for Actions and the log.
    pub(crate) facts: RequestFacts,
}

impl FromRequestParts<AppState> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Response> {
        let RequestTenant(tenant) = RequestTenant::from_request_parts(parts, state).await?;
        let id = Extension::<RequestId>::from_request_parts(parts, state).await;
        let Extension(id) = id.map_err(IntoResponse::into_response)?;
        let peer = ConnectInfo::<SocketAddr>::from_request_parts(parts, state).await;
        let ConnectInfo(peer) = peer.map_err(IntoResponse::into_response)?;
        // What is wrong with the query is found again, and told, by who answers it.
        let query = parse_query(parts.uri.query().unwrap_or_default()).unwrap_or_default();
        let browser = Browser {
            session: SessionCookie::of(&tenant.tenant).read(&parts.headers),
            binding: BindingCookie::of(&tenant.tenant).read(&parts.headers),
        };
        Ok(Self {
            facts: facts::of(parts, peer, query),
            tenant,
            id,
            browser,
        })
    }
}

/// The body of a form, of at most `bytes_max`; what is wrong is told in words.
pub(crate) async fn form_body(body: Body, bytes_max: usize) -> Result<Bytes, String> {
    let collected = Limited::new(body, bytes_max).collect().await;
    let bytes = collected.map_err(|error| {
        if error.is::<LengthLimitError>() {
            format!("the form has more than {bytes_max} bytes")
        } else {
            format!("the form did not arrive: {error}")
        }
    })?;
    Ok(bytes.to_bytes())
}
