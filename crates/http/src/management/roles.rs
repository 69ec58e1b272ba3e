//! `/api/v2/roles` with their permissions.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use claimsmith_model::{JsonObject, Role, RoleId};
use claimsmith_service::admin::roles;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::{
    ApiError, At, JsonBody,
    access::{Admin, CreateRoles, DeleteRoles, ReadRoles, Routes, UpdateRoles, get},
    listing, operation as answers, permissions,
    query::{ClassicPage, FromQuery, Parameters},
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .at(
            "/roles",
            get(list, "List roles", answers::page::<RoleView>("roles")).post(
                create,
                "Create a role",
                answers::ok::<RoleView>(),
            ),
        )
        .at(
            "/roles/{id}",
            get(one, "Get a role", answers::ok::<RoleView>())
                .patch(patch, "Change a role", answers::ok::<RoleView>())
                .delete(delete, "Delete a role", answers::ok::<JsonObject>()),
        )
        .at(
            "/roles/{id}/permissions",
            get(
                list_permissions,
                "List the permissions of a role",
                answers::page::<permissions::PermissionView>("permissions"),
            )
            .post(
                add_permissions,
                "Give a role permissions",
                answers::empty(StatusCode::CREATED),
            )
            .delete(
                remove_permissions,
                "Take permissions from a role",
                answers::nothing(),
            ),
        )
}

/// Roles of the tenant as a whole, not of one organization.
const KIND: &str = "tenant";

/// A role as callers see it.
#[derive(JsonSchema, Serialize)]
pub(super) struct RoleView<'a> {
    id: &'a RoleId,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(rename = "type")]
    kind: &'static str,
}

pub(super) fn view(role: &Role) -> RoleView<'_> {
    RoleView {
        id: &role.id,
        name: &role.name,
        description: role.description.as_deref(),
        kind: KIND,
    }
}

/// One page of a user's or member's roles, of which there are few.
pub(super) fn page_of<S>(
    admin: &Admin<S, ClassicPage>,
    roles: Vec<Role>,
) -> Result<Response, ApiError> {
    let page = &admin.query;
    let (part, total) = listing::page(admin, page)?.of(roles);
    let views: Vec<_> = part.iter().map(view).collect();
    listing::classic(admin, "roles", page, &views, total, part.last())
}

struct RolesQuery {
    name_part: Option<String>,
    page: ClassicPage,
}

impl FromQuery for RolesQuery {
    fn from_query(parameters: &mut Parameters) -> Result<Self, ApiError> {
        // Of the kinds that the reference product has, all are of this one.
        parameters.one_of("type", &[(KIND, ())])?;
        Ok(Self {
            name_part: parameters.text("name_filter")?,
            page: ClassicPage::from_query(parameters)?,
        })
    }
}

async fn list(admin: Admin<ReadRoles, RolesQuery>) -> Result<Response, ApiError> {
    let RolesQuery { name_part, page } = &admin.query;
    let part = listing::page(&admin, page)?;
    let (roles, total) = roles::list_all(&admin, name_part.as_deref(), part).await?;
    let views: Vec<_> = roles.iter().map(view).collect();
    listing::classic(&admin, "roles", page, &views, total, roles.last())
}

async fn create(admin: Admin<CreateRoles>, JsonBody(body): JsonBody) -> Result<Response, ApiError> {
    let role = roles::create(&admin, body).await?;
    Ok(Json(view(&role)).into_response())
}

async fn one(admin: Admin<ReadRoles>, At(id): At<RoleId>) -> Result<Response, ApiError> {
    let role = roles::get(&admin, &id).await?;
    Ok(Json(view(&role)).into_response())
}

async fn patch(
    admin: Admin<UpdateRoles>,
    At(id): At<RoleId>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let role = roles::patch(&admin, &id, body).await?;
    Ok(Json(view(&role)).into_response())
}

/// 200 with an empty object, unlike the other entities, as in the reference product.
async fn delete(admin: Admin<DeleteRoles>, At(id): At<RoleId>) -> Result<Response, ApiError> {
    roles::delete(&admin, &id).await?;
    Ok(Json(json!({})).into_response())
}

async fn list_permissions(
    admin: Admin<ReadRoles, ClassicPage>,
    At(id): At<RoleId>,
) -> Result<Response, ApiError> {
    let permissions = roles::get(&admin, &id).await?.permissions;
    permissions::page_of(&admin, permissions)
}

async fn add_permissions(
    admin: Admin<UpdateRoles>,
    At(id): At<RoleId>,
    JsonBody(body): JsonBody,
) -> Result<StatusCode, ApiError> {
    roles::add_permissions(&admin, &id, body).await?;
    Ok(StatusCode::CREATED)
}

async fn remove_permissions(
    admin: Admin<UpdateRoles>,
    At(id): At<RoleId>,
    JsonBody(body): JsonBody,
) -> Result<StatusCode, ApiError> {
    roles::remove_permissions(&admin, &id, body).await?;
    Ok(StatusCode::NO_CONTENT)
}
