//! `/api/v2/client-grants`.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use claimsmith_model::{ClientGrant, ClientGrantId, ClientId, OrganizationUsage};
use claimsmith_service::admin::client_grants;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    ApiError, At, JsonBody,
    access::{
        Admin, CreateClientGrants, DeleteClientGrants, ReadClientGrants,
        ReadOrganizationClientGrants, Routes, UpdateClientGrants, get,
    },
    listing, operation as answers, organizations,
    query::{ClassicPage, FromQuery, Parameters},
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .at(
            "/client-grants",
            get(
                list,
                "List client grants",
                answers::page::<ClientGrantView>("client_grants"),
            )
            .post(
                create,
                "Create a client grant",
                answers::created::<ClientGrantView>(),
            ),
        )
        .at(
            "/client-grants/{id}",
            get(one, "Get a client grant", answers::ok::<ClientGrantView>())
                .patch(
                    patch,
                    "Change a client grant",
                    answers::ok::<ClientGrantView>(),
                )
                .delete(delete, "Delete a client grant", answers::nothing()),
        )
        .at(
            "/client-grants/{id}/organizations",
            get(
                list_organizations,
                "List the organizations that were given a client grant",
                answers::page::<organizations::OrganizationView>("organizations"),
            ),
        )
}

/// A client grant as callers see it.
#[derive(JsonSchema, Serialize)]
pub(super) struct ClientGrantView<'a> {
    id: &'a ClientGrantId,
    client_id: &'a ClientId,
    audience: &'a str,
    scope: &'a [String],
    subject_type: &'static str,
    organization_usage: OrganizationUsage,
    allow_any_organization: bool,
}

pub(super) fn view(grant: &ClientGrant) -> ClientGrantView<'_> {
    ClientGrantView {
        id: &grant.id,
        client_id: &grant.client_id,
        audience: &grant.audience,
        scope: &grant.scope,
        subject_type: "client",
        organization_usage: grant.organization_usage,
        allow_any_organization: grant.allow_any_organization,
    }
}

struct GrantsQuery {
    client_id: Option<ClientId>,
    audience: Option<String>,
    page: ClassicPage,
}

impl FromQuery for GrantsQuery {
    fn from_query(parameters: &mut Parameters) -> Result<Self, ApiError> {
        Ok(Self {
            client_id: parameters.parsed("client_id")?,
            audience: parameters.text("audience")?,
            page: ClassicPage::from_query(parameters)?,
        })
    }
}

async fn list(admin: Admin<ReadClientGrants, GrantsQuery>) -> Result<Response, ApiError> {
    let GrantsQuery {
        client_id,
        audience,
        page,
    } = &admin.query;
    let (client_id, audience) = (client_id.as_ref(), audience.as_deref());
    let part = listing::page(&admin, page)?;
    let (grants, total) = client_grants::list_all(&admin, client_id, audience, part).await?;
    let views: Vec<_> = grants.iter().map(view).collect();
    let last = grants.last();
    listing::classic(&admin, "client_grants", page, &views, total, last)
}

async fn create(
    admin: Admin<CreateClientGrants>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let grant = client_grants::create(&admin, body).await?;
    Ok((StatusCode::CREATED, Json(view(&grant))).into_response())
}

async fn one(
    admin: Admin<ReadClientGrants>,
    At(id): At<ClientGrantId>,
) -> Result<Response, ApiError> {
    let grant = client_grants::get(&admin, &id).await?;
    Ok(Json(view(&grant)).into_response())
}

async fn patch(
    admin: Admin<UpdateClientGrants>,
    At(id): At<ClientGrantId>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let grant = client_grants::patch(&admin, &id, body).await?;
    Ok(Json(view(&grant)).into_response())
}

async fn list_organizations(
    admin: Admin<ReadOrganizationClientGrants, ClassicPage>,
    At(id): At<ClientGrantId>,
) -> Result<Response, ApiError> {
    let page = &admin.query;
    let part = listing::page(&admin, page)?;
    let (given, total) = client_grants::organizations_of(&admin, &id, part).await?;
    let views: Vec<_> = given.iter().map(organizations::view).collect();
    listing::classic(&admin, "organizations", page, &views, total, given.last())
}

async fn delete(
    admin: Admin<DeleteClientGrants>,
    At(id): At<ClientGrantId>,
) -> Result<StatusCode, ApiError> {
    client_grants::delete(&admin, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
