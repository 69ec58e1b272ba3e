//! The platform API: for the operator, across tenants.

mod backup;
mod bindings;
mod openapi;
mod tenants;

use std::fmt;

use axum::{
    Router,
    extract::FromRequestParts,
    response::{IntoResponse, Response},
    routing,
};
use claimsmith_model::Secret;
use claimsmith_oauth::BearerToken;
use claimsmith_service::is_same_secret;
use http::{header, request::Parts};

use crate::{
    AppState,
    management::{
        ApiError, Parameters,
        access::{Routes, get, post},
        operation::{self as answers, Condition},
        query::{FromQuery, NoQuery},
        triggers::BindingView,
    },
};

/// The secret that the platform API asks for.
pub struct PlatformToken(Secret);

impl PlatformToken {
    /// Wraps the secret.
    #[must_use]
    pub fn new(secret: Secret) -> Self {
        Self(secret)
    }
}

impl fmt::Debug for PlatformToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlatformToken")
    }
}

pub(crate) fn router() -> Router<AppState> {
    routes()
        .into_router()
        .route(openapi::PATH, routing::get(openapi::get))
}

fn routes() -> Routes {
    Routes::default()
        .at(
            "/backup",
            post(
                backup::post,
                "Make a backup of all tenants",
                answers::bytes(backup::MEDIA_TYPE),
            ),
        )
        .at(
            "/tenants",
            get(
                tenants::list,
                "List the tenants",
                answers::list_in::<tenants::TenantView>("tenants"),
            )
            .post(
                tenants::create,
                "Create a tenant",
                answers::created::<tenants::SetupView>(),
            ),
        )
        .at(
            "/tenants/{id}",
            get(
                tenants::get,
                "Get a tenant with its limits",
                answers::ok::<tenants::TenantWithLimits>(),
            )
            .patch(
                tenants::patch,
                "Change a tenant's limits",
                answers::ok::<tenants::TenantWithLimits>(),
            )
            .delete(
                tenants::delete,
                "Delete a tenant and everything of it",
                answers::nothing(),
            ),
        )
        .at(
            "/tenants/{id}/triggers/{trigger}/bindings",
            get(
                bindings::get,
                "List what a tenant has bound to a trigger",
                answers::page_of_actions::<BindingView>("bindings").on(Condition::IsState),
            )
            .patch(
                bindings::patch,
                "Replace what a tenant has bound to a trigger",
                answers::list_in::<BindingView>("bindings").on(Condition::IfMatch),
            ),
        )
}

/// The operator, who gave the platform token, and the query as `Q`; parameters that `Q`
/// doesn't know are refused. A handler that takes one can't forget to ask.
#[derive(Debug)]
pub(crate) struct Operator<Q = NoQuery> {
    pub(crate) query: Q,
}

impl<Q: FromQuery> FromRequestParts<AppState> for Operator<Q> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Response> {
        let value = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let token = value.and_then(|value| BearerToken::parse(value).ok());
        let is_operator =
            token.is_some_and(|token| is_same_secret(token.expose(), &state.platform_token.0));
        if !is_operator {
            let message = "give the platform token of bootstrap.json as Authorization: Bearer";
            return Err(ApiError::unauthorized(message).into_response());
        }
        let query = Parameters::read(parts.uri.query()).map_err(IntoResponse::into_response)?;
        Ok(Self { query })
    }
}
