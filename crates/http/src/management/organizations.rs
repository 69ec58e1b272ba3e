//! `/api/v2/organizations` with their members and the members' roles.

mod enabled_connections;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use claimsmith_model::{ClientGrantId, Organization, OrganizationId, UserId};
use claimsmith_service::admin::{client_grants as grants, organizations};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::{
    ApiError, At, JsonBody,
    access::{
        Admin, CreateOrganizationClientGrants, CreateOrganizationMemberRoles,
        CreateOrganizationMembers, CreateOrganizations, DeleteOrganizationClientGrants,
        DeleteOrganizationMemberRoles, DeleteOrganizationMembers, DeleteOrganizations, Methods,
        ReadOrganizationClientGrants, ReadOrganizationMemberRoles, ReadOrganizationMembers,
        ReadOrganizations, Routes, UpdateOrganizations, delete as delete_by, get,
    },
    client_grants, listing, operation as answers,
    query::ClassicPage,
    roles,
    users::{self, UserSummaryView},
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .at(
            "/organizations/{id}/client-grants",
            get(
                list_client_grants,
                "List the client grants of an organization",
                answers::page::<client_grants::ClientGrantView>("client_grants"),
            )
            .post(
                add_client_grant,
                "Give an organization a client grant",
                answers::created::<client_grants::ClientGrantView>(),
            ),
        )
        .at(
            "/organizations/{id}/client-grants/{grant}",
            delete_by(
                remove_client_grant,
                "Take a client grant from an organization",
                answers::nothing(),
            ),
        )
        .at(
            "/organizations",
            get(
                list,
                "List organizations",
                answers::page::<OrganizationView>("organizations"),
            )
            .post(
                create,
                "Create an organization",
                answers::created::<OrganizationView>(),
            ),
        )
        .at(
            "/organizations/name/{name}",
            get(
                one_by_name,
                "Get an organization by its name",
                answers::ok::<OrganizationView>(),
            ),
        )
        .at(
            "/organizations/{id}",
            get(
                one,
                "Get an organization",
                answers::ok::<OrganizationView>(),
            )
            .patch(
                patch,
                "Change an organization",
                answers::ok::<OrganizationView>(),
            )
            .delete(delete, "Delete an organization", answers::nothing()),
        )
        .at(
            "/organizations/{id}/members",
            get(
                list_members,
                "List the members of an organization",
                answers::page::<UserSummaryView>("members"),
            )
            .post(
                add_members,
                "Make users members of an organization",
                answers::nothing(),
            )
            .delete(
                remove_members,
                "Remove members from an organization",
                answers::nothing(),
            ),
        )
        .at(
            "/organizations/{id}/members/{user_id}/roles",
            get(
                list_roles,
                "List the roles of a member",
                answers::page::<roles::RoleView>("roles"),
            )
            .post(add_roles, "Give a member roles", answers::nothing())
            .delete(remove_roles, "Take roles from a member", answers::nothing()),
        )
        .at("/organizations/{id}/clients", empty("clients"))
        .at("/organizations/{id}/discovery-domains", empty("domains"))
        .at("/organizations/{id}/invitations", empty("invitations"))
        .and(enabled_connections::routes())
}

/// An organization as callers see it.
#[derive(JsonSchema, Serialize)]
pub(super) struct OrganizationView<'a> {
    id: &'a OrganizationId,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<&'a str>,
    metadata: &'a std::collections::BTreeMap<String, String>,
}

pub(super) fn view(organization: &Organization) -> OrganizationView<'_> {
    OrganizationView {
        id: &organization.id,
        name: &organization.name,
        display_name: organization.display_name.as_deref(),
        metadata: &organization.metadata,
    }
}

/// One page of a user's organizations.
pub(super) fn page_of<S>(
    admin: &Admin<S, ClassicPage>,
    organizations: Vec<Organization>,
) -> Result<Response, ApiError> {
    let page = &admin.query;
    let (part, total) = listing::page(admin, page)?.of(organizations);
    let views: Vec<_> = part.iter().map(view).collect();
    listing::classic(admin, "organizations", page, &views, total, part.last())
}

async fn list(admin: Admin<ReadOrganizations, ClassicPage>) -> Result<Response, ApiError> {
    let page = &admin.query;
    let part = listing::page(&admin, page)?;
    let (all, total) = organizations::list_all(&admin, part).await?;
    let views: Vec<_> = all.iter().map(view).collect();
    listing::classic(&admin, "organizations", page, &views, total, all.last())
}

async fn create(
    admin: Admin<CreateOrganizations>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let organization = organizations::create(&admin, body).await?;
    Ok((StatusCode::CREATED, Json(view(&organization))).into_response())
}

async fn one(
    admin: Admin<ReadOrganizations>,
    At(id): At<OrganizationId>,
) -> Result<Response, ApiError> {
    let organization = organizations::get(&admin, &id).await?;
    Ok(Json(view(&organization)).into_response())
}

async fn one_by_name(
    admin: Admin<ReadOrganizations>,
    At(name): At<String>,
) -> Result<Response, ApiError> {
    let organization = organizations::get_by_name(&admin, &name).await?;
    Ok(Json(view(&organization)).into_response())
}

async fn patch(
    admin: Admin<UpdateOrganizations>,
    At(id): At<OrganizationId>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let organization = organizations::patch(&admin, &id, body).await?;
    Ok(Json(view(&organization)).into_response())
}

async fn delete(
    admin: Admin<DeleteOrganizations>,
    At(id): At<OrganizationId>,
) -> Result<StatusCode, ApiError> {
    organizations::delete(&admin, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A list of what organizations have none of here; tools ask for it all the same.
fn empty(name: &'static str) -> Methods {
    get(
        async move |admin: Admin<ReadOrganizations, ClassicPage>, At(id): At<OrganizationId>| {
            organizations::get(&admin, &id).await?;
            listing::empty(&admin, name, &admin.query)
        },
        "List what organizations have none of here",
        answers::page::<Value>(name),
    )
}

async fn list_members(
    admin: Admin<ReadOrganizationMembers, ClassicPage>,
    At(id): At<OrganizationId>,
) -> Result<Response, ApiError> {
    let page = &admin.query;
    let part = listing::page(&admin, page)?;
    let (members, total) = organizations::members(&admin, &id, part).await?;
    let views: Vec<_> = members
        .iter()
        .map(|member| users::summary(&member.user))
        .collect();
    let last = members.last().map(|member| &member.membership);
    listing::classic(&admin, "members", page, &views, total, last)
}

async fn add_members(
    admin: Admin<CreateOrganizationMembers>,
    At(id): At<OrganizationId>,
    JsonBody(body): JsonBody,
) -> Result<StatusCode, ApiError> {
    organizations::add_members(&admin, &id, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn remove_members(
    admin: Admin<DeleteOrganizationMembers>,
    At(id): At<OrganizationId>,
    JsonBody(body): JsonBody,
) -> Result<StatusCode, ApiError> {
    organizations::remove_members(&admin, &id, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn list_roles(
    admin: Admin<ReadOrganizationMemberRoles, ClassicPage>,
    At((id, user)): At<(OrganizationId, UserId)>,
) -> Result<Response, ApiError> {
    let held = organizations::member_roles(&admin, &id, &user).await?;
    roles::page_of(&admin, held)
}

async fn add_roles(
    admin: Admin<CreateOrganizationMemberRoles>,
    At((id, user)): At<(OrganizationId, UserId)>,
    JsonBody(body): JsonBody,
) -> Result<StatusCode, ApiError> {
    organizations::add_member_roles(&admin, &id, &user, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn remove_roles(
    admin: Admin<DeleteOrganizationMemberRoles>,
    At((id, user)): At<(OrganizationId, UserId)>,
    JsonBody(body): JsonBody,
) -> Result<StatusCode, ApiError> {
    organizations::remove_member_roles(&admin, &id, &user, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn list_client_grants(
    admin: Admin<ReadOrganizationClientGrants, ClassicPage>,
    At(id): At<OrganizationId>,
) -> Result<Response, ApiError> {
    let grants = grants::of_organization(&admin, &id).await?;
    let page = &admin.query;
    let (part, total) = listing::page(&admin, page)?.of(grants);
    let views: Vec<_> = part.iter().map(client_grants::view).collect();
    listing::classic(&admin, "client_grants", page, &views, total, part.last())
}

async fn add_client_grant(
    admin: Admin<CreateOrganizationClientGrants>,
    At(id): At<OrganizationId>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let grant = grants::give_to_organization(&admin, &id, body).await?;
    Ok((StatusCode::CREATED, Json(client_grants::view(&grant))).into_response())
}

async fn remove_client_grant(
    admin: Admin<DeleteOrganizationClientGrants>,
    At((id, grant)): At<(OrganizationId, ClientGrantId)>,
) -> Result<StatusCode, ApiError> {
    grants::take_from_organization(&admin, &id, &grant).await?;
    Ok(StatusCode::NO_CONTENT)
}
