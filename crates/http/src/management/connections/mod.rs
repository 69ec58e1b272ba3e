//! `/api/v2/connections`: where a tenant's users come from.

mod clients;
mod scripts;
pub(super) mod view;

use std::collections::BTreeMap;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use claimsmith_model::ConnectionId;
use claimsmith_service::admin::connections;
use http::StatusCode;

use super::{
    ApiError, At, JsonBody,
    access::{
        Admin, CreateConnections, DeleteConnections, ReadConnections, Routes, UpdateConnections,
        get,
    },
    listing, operation as answers,
    query::{ClassicPage, FromQuery, Parameters},
};
use scripts::ScriptView;
use view::ConnectionView;

pub(super) fn routes() -> Routes {
    Routes::default()
        .at(
            "/connections",
            get(
                list,
                "List connections",
                answers::page::<ConnectionView>("connections"),
            )
            .post(
                create,
                "Create a connection",
                answers::created::<ConnectionView>(),
            ),
        )
        .at(
            "/connections/{id}",
            get(one, "Get a connection", answers::ok::<ConnectionView>())
                .patch(
                    patch,
                    "Change a connection",
                    answers::ok::<ConnectionView>(),
                )
                .delete(
                    delete,
                    "Delete a connection with its users",
                    answers::nothing(),
                ),
        )
        .at(
            "/connections/{id}/clients",
            get(
                clients::list,
                "List the clients whose users a connection may log in",
                answers::part::<clients::EnabledClientView>("clients"),
            )
            .patch(
                clients::patch,
                "Enable and disable clients of a connection",
                answers::nothing(),
            ),
        )
        .at(
            "/connections/{id}/scripts",
            get(
                scripts::list,
                "List the scripts of a custom database, by their names",
                answers::ok::<BTreeMap<String, ScriptView>>(),
            ),
        )
        .at(
            "/connections/{id}/scripts/{script}",
            get(
                scripts::one,
                "Get what is known of a script",
                answers::ok::<ScriptView>(),
            )
            .delete(scripts::delete, "Remove a script", answers::nothing()),
        )
        .at(
            "/connections/{id}/scripts/{script}/module",
            get(
                scripts::module,
                "Download a script's module",
                answers::module(),
            )
            .put(
                scripts::put_module,
                "Upload a script's module",
                answers::ok::<ScriptView>(),
            ),
        )
}

struct ConnectionsQuery {
    name: Option<String>,
    strategy: Option<String>,
    page: ClassicPage,
}

impl FromQuery for ConnectionsQuery {
    fn from_query(parameters: &mut Parameters) -> Result<Self, ApiError> {
        Ok(Self {
            name: parameters.text("name"),
            strategy: parameters.text("strategy"),
            page: ClassicPage::from_query(parameters)?,
        })
    }
}

async fn list(admin: Admin<ReadConnections, ConnectionsQuery>) -> Result<Response, ApiError> {
    let ConnectionsQuery {
        name,
        strategy,
        page,
    } = &admin.query;
    let mut all = connections::list_all(&admin).await?;
    all.retain(|connection| {
        name.as_ref().is_none_or(|name| connection.name == *name)
            && strategy
                .as_ref()
                .is_none_or(|strategy| connection.strategy == *strategy)
    });
    let part: Vec<_> = all
        .iter()
        .skip(page.start)
        .take(page.per_page)
        .map(ConnectionView::of)
        .collect();
    listing::classic("connections", *page, &part, all.len())
}

async fn create(
    admin: Admin<CreateConnections>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let connection = connections::create(&admin, body).await?;
    let view = Json(ConnectionView::of(&connection));
    Ok((StatusCode::CREATED, view).into_response())
}

async fn one(
    admin: Admin<ReadConnections>,
    At(id): At<ConnectionId>,
) -> Result<Response, ApiError> {
    let connection = connections::get(&admin, &id).await?;
    Ok(Json(ConnectionView::of(&connection)).into_response())
}

async fn patch(
    admin: Admin<UpdateConnections>,
    At(id): At<ConnectionId>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let connection = connections::patch(&admin, &id, body).await?;
    Ok(Json(ConnectionView::of(&connection)).into_response())
}

async fn delete(
    admin: Admin<DeleteConnections>,
    At(id): At<ConnectionId>,
) -> Result<StatusCode, ApiError> {
    connections::delete(&admin, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
