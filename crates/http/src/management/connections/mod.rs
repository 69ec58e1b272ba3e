//! `/api/v2/connections`: where a tenant's users come from.

mod clients;
mod scripts;
pub(super) mod view;

use std::collections::BTreeMap;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use claimsmith_model::{Connection, ConnectionId};
use claimsmith_service::admin::connections;
use http::StatusCode;

use super::{
    ApiError, At, JsonBody,
    access::{
        Admin, CreateConnections, DeleteConnections, ReadConnections, Routes, UpdateConnections,
        get,
    },
    field_filter::{FieldFilter, Filtered},
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
                answers::page::<Filtered<ConnectionView>>("connections"),
            )
            .post(
                create,
                "Create a connection",
                answers::created::<ConnectionView>(),
            ),
        )
        .at(
            "/connections/{id}",
            get(
                one,
                "Get a connection",
                answers::ok::<Filtered<ConnectionView>>(),
            )
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

/// How many strategies can be asked for; there is one.
const STRATEGIES_MAX: usize = 100;

struct ConnectionsQuery {
    name: Option<String>,
    strategies: Strategies,
    page: ClassicPage,
    fields: FieldFilter,
}

/// The strategies that are asked for; any when none is named.
pub(super) struct Strategies(Vec<String>);

impl FromQuery for Strategies {
    fn from_query(parameters: &mut Parameters) -> Result<Self, ApiError> {
        parameters.repeated("strategy", STRATEGIES_MAX).map(Self)
    }
}

impl Strategies {
    pub(super) fn have(&self, connection: &Connection) -> bool {
        self.0.is_empty() || self.0.contains(&connection.strategy)
    }
}

impl FromQuery for ConnectionsQuery {
    fn from_query(parameters: &mut Parameters) -> Result<Self, ApiError> {
        Ok(Self {
            name: parameters.text("name")?,
            strategies: Strategies::from_query(parameters)?,
            page: ClassicPage::from_query(parameters)?,
            fields: FieldFilter::from_query(parameters)?,
        })
    }
}

async fn list(admin: Admin<ReadConnections, ConnectionsQuery>) -> Result<Response, ApiError> {
    let ConnectionsQuery {
        name,
        strategies,
        page,
        fields,
    } = &admin.query;
    let mut all = connections::list_all(&admin).await?;
    all.retain(|connection| {
        name.as_ref().is_none_or(|name| connection.name == *name) && strategies.have(connection)
    });
    let (part, total) = listing::page(&admin, page)?.of(all);
    let views = fields.apply_to_all(part.iter().map(ConnectionView::of))?;
    listing::classic(&admin, "connections", page, &views, total, part.last())
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
    admin: Admin<ReadConnections, FieldFilter>,
    At(id): At<ConnectionId>,
) -> Result<Response, ApiError> {
    let connection = connections::get(&admin, &id).await?;
    let view = admin.query.apply(&ConnectionView::of(&connection))?;
    Ok(Json(view).into_response())
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
