//! `/api/v2/grants`: what users allowed clients.

use axum::response::Response;
use claimsmith_model::{ClientId, Consent, ConsentId, UserId};
use claimsmith_service::admin::{ConsentSearch, consents};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    ApiError, At,
    access::{Admin, DeleteGrants, ReadGrants, Routes, delete, get},
    listing, operation as answers,
    query::{ClassicPage, FromQuery, Parameters},
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .at(
            "/grants",
            get(
                list,
                "List what users allowed clients",
                answers::page::<GrantView>("grants"),
            )
            .delete(
                withdraw_all,
                "Withdraw all that a user allowed",
                answers::nothing(),
            ),
        )
        .at(
            "/grants/{id}",
            delete(
                withdraw,
                "Withdraw what a user allowed a client",
                answers::nothing(),
            ),
        )
}

/// What a user allowed a client, as admins see it.
#[derive(JsonSchema, Serialize)]
struct GrantView<'a> {
    id: &'a ConsentId,
    #[serde(rename = "clientID")]
    client_id: &'a ClientId,
    user_id: &'a UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    audience: Option<&'a str>,
    scope: &'a [String],
}

fn view((id, consent): &(ConsentId, Consent)) -> GrantView<'_> {
    GrantView {
        id,
        client_id: &consent.client_id,
        user_id: &consent.user_id,
        audience: consent.audience.as_deref(),
        scope: &consent.scope,
    }
}

struct GrantsQuery {
    search: ConsentSearch,
    page: ClassicPage,
}

impl FromQuery for GrantsQuery {
    fn from_query(parameters: &mut Parameters) -> Result<Self, ApiError> {
        Ok(Self {
            search: ConsentSearch {
                user: parameters.parsed("user_id")?,
                client: parameters.parsed("client_id")?,
                audience: parameters.text("audience")?,
            },
            page: ClassicPage::from_query(parameters)?,
        })
    }
}

async fn list(admin: Admin<ReadGrants, GrantsQuery>) -> Result<Response, ApiError> {
    let GrantsQuery { search, page } = &admin.query;
    let part = listing::page(&admin, page)?;
    let (found, total) = consents::list(&admin, search, part).await?;
    let views: Vec<_> = found.iter().map(view).collect();
    listing::classic(&admin, "grants", page, &views, total, found.last())
}

/// Whose grants shall go.
struct OfUser(UserId);

impl FromQuery for OfUser {
    fn from_query(parameters: &mut Parameters) -> Result<Self, ApiError> {
        parameters.required("user_id").map(Self)
    }
}

async fn withdraw_all(admin: Admin<DeleteGrants, OfUser>) -> Result<StatusCode, ApiError> {
    consents::withdraw_all(&admin, &admin.query.0).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn withdraw(
    admin: Admin<DeleteGrants>,
    At(id): At<ConsentId>,
) -> Result<StatusCode, ApiError> {
    consents::withdraw(&admin, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
