//! `/api/v2/tenants/settings`.

use std::collections::BTreeMap;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use claimsmith_model::{ClaimSettings, Limit, LimitInForce, SigningAlgorithm, TenantSettings};
use claimsmith_service::{admin::settings, management::TenantAdmin};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    ApiError, JsonBody,
    access::{self, Admin, ReadTenantSettings, Routes, UpdateTenantSettings},
    operation as answers,
};

pub(super) fn routes() -> Routes {
    Routes::default().at(
        "/tenants/settings",
        access::get(
            get,
            "Get the tenant's settings",
            answers::ok::<SettingsView>(),
        )
        .patch(
            patch,
            "Change the tenant's settings",
            answers::ok::<SettingsView>(),
        ),
    )
}

/// The settings as callers see them; what isn't set is an empty text, as in the
/// reference product.
#[derive(JsonSchema, Serialize)]
pub(super) struct SettingsView<'a> {
    friendly_name: &'a str,
    picture_url: &'a str,
    allowed_logout_urls: &'a [String],
    default_audience: &'a str,
    signing_alg: SigningAlgorithm,
    session_lifetime: u32,
    idle_session_lifetime: u32,
    claims: ClaimSettings,
    /// Of ours: what the operator grants; for reading only.
    limits: BTreeMap<Limit, LimitInForce>,
}

pub(super) fn view<'a>(admin: &TenantAdmin, settings: &'a TenantSettings) -> SettingsView<'a> {
    SettingsView {
        friendly_name: settings.friendly_name.as_deref().unwrap_or_default(),
        allowed_logout_urls: &settings.allowed_logout_urls,
        picture_url: settings.picture_url.as_deref().unwrap_or_default(),
        default_audience: settings.default_audience.as_deref().unwrap_or_default(),
        signing_alg: settings.signing_algorithm,
        session_lifetime: settings.sessions.lifetime_h,
        idle_session_lifetime: settings.sessions.idle_lifetime_h,
        claims: settings.claims,
        limits: settings::limits(admin),
    }
}

async fn get(admin: Admin<ReadTenantSettings>) -> Response {
    Json(view(&admin, &settings::get(&admin))).into_response()
}

async fn patch(
    admin: Admin<UpdateTenantSettings>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let settings = settings::patch(&admin, body).await?;
    Ok(Json(view(&admin, &settings)).into_response())
}
