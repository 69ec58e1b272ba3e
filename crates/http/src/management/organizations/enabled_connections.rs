//! `/api/v2/organizations/{id}/enabled_connections`, and `…/connections`, which is the same
//! in the reference product's later tools.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use claimsmith_model::{ConnectionId, OrganizationId};
use claimsmith_service::admin::organization_connections::{self as connections, EnabledConnection};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use crate::management::{
    ApiError, At, JsonBody,
    access::{
        Admin, CreateOrganizationConnections, DeleteOrganizationConnections, Methods,
        ReadOrganizationConnections, Routes, UpdateOrganizationConnections, get,
    },
    listing, operation as answers,
    query::{ClassicPage, FromQuery, Parameters},
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .at(
            "/organizations/{id}/enabled_connections",
            all_of_them("enabled_connections"),
        )
        .at(
            "/organizations/{id}/enabled_connections/{connection}",
            one_of_them(),
        )
        .at(
            "/organizations/{id}/connections",
            all_of_them("connections"),
        )
        .at(
            "/organizations/{id}/connections/{connection}",
            one_of_them(),
        )
}

fn all_of_them(name: &'static str) -> Methods {
    list(name).post(
        enable,
        "Enable a connection for an organization",
        answers::created::<EnabledView>(),
    )
}

fn one_of_them() -> Methods {
    get(
        one,
        "Get a connection that is enabled for an organization",
        answers::ok::<EnabledView>(),
    )
    .patch(
        patch,
        "Say how an organization takes a connection's users",
        answers::ok::<EnabledView>(),
    )
    .delete(
        disable,
        "Disable a connection for an organization",
        answers::nothing(),
    )
}

/// An enabled connection as callers see it. The other flags are the same for all.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "EnabledConnection")]
struct EnabledView<'a> {
    connection_id: &'a ConnectionId,
    connection: NamedView<'a>,
    is_enabled: bool,
    assign_membership_on_login: bool,
    show_as_button: bool,
    is_signup_enabled: bool,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "NamedConnection")]
struct NamedView<'a> {
    name: &'a str,
    strategy: &'a str,
}

fn view(enabled: &EnabledConnection) -> EnabledView<'_> {
    let connection = &enabled.connection;
    EnabledView {
        connection_id: &connection.id,
        connection: NamedView {
            name: &connection.name,
            strategy: &connection.strategy,
        },
        is_enabled: true,
        assign_membership_on_login: enabled.is_joined_from,
        show_as_button: true,
        is_signup_enabled: false,
    }
}

struct EnabledQuery {
    /// Whether those that are enabled are asked for; there are no others in the list.
    are_enabled: bool,
    page: ClassicPage,
}

impl FromQuery for EnabledQuery {
    fn from_query(parameters: &mut Parameters) -> Result<Self, ApiError> {
        Ok(Self {
            are_enabled: parameters.flag("is_enabled")?.unwrap_or(true),
            page: ClassicPage::from_query(parameters)?,
        })
    }
}

/// The list, by the name that it has at its path.
fn list(name: &'static str) -> Methods {
    get(
        async move |admin: Admin<ReadOrganizationConnections, EnabledQuery>,
                    At(id): At<OrganizationId>| {
            let EnabledQuery { are_enabled, page } = &admin.query;
            let mut enabled = connections::list_all(&admin, &id).await?;
            enabled.retain(|_| *are_enabled);
            let (part, total) = listing::page(&admin, page)?.of(enabled);
            let views: Vec<_> = part.iter().map(view).collect();
            listing::classic(&admin, name, page, &views, total, part.last())
        },
        "List the connections that are enabled for an organization",
        answers::page::<EnabledView>(name),
    )
}

async fn enable(
    admin: Admin<CreateOrganizationConnections>,
    At(id): At<OrganizationId>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let enabled = connections::enable(&admin, &id, body).await?;
    Ok((StatusCode::CREATED, Json(view(&enabled))).into_response())
}

async fn one(
    admin: Admin<ReadOrganizationConnections>,
    At((id, connection)): At<(OrganizationId, ConnectionId)>,
) -> Result<Response, ApiError> {
    let enabled = connections::get(&admin, &id, &connection).await?;
    Ok(Json(view(&enabled)).into_response())
}

async fn patch(
    admin: Admin<UpdateOrganizationConnections>,
    At((id, connection)): At<(OrganizationId, ConnectionId)>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let enabled = connections::patch(&admin, &id, &connection, body).await?;
    Ok(Json(view(&enabled)).into_response())
}

async fn disable(
    admin: Admin<DeleteOrganizationConnections>,
    At((id, connection)): At<(OrganizationId, ConnectionId)>,
) -> Result<StatusCode, ApiError> {
    connections::disable(&admin, &id, &connection).await?;
    Ok(StatusCode::NO_CONTENT)
}
