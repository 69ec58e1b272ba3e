//! `/api/v2/connections`: every tenant's one database of users, to read.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use claimsmith_model::{Connection, ConnectionId};
use claimsmith_service::admin::connections;
use serde::Serialize;

use super::{
    ApiError, At,
    access::{Admin, ReadConnections, Routes, get},
    listing,
    query::{ClassicPage, FromQuery, Parameters},
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .at("/connections", get(list))
        .at("/connections/{id}", get(one))
}

/// A connection as callers see it.
#[derive(Serialize)]
struct ConnectionView<'a> {
    id: &'a ConnectionId,
    name: &'a str,
    strategy: &'a str,
    realms: [&'a str; 1],
    is_domain_connection: bool,
    metadata: &'a std::collections::BTreeMap<String, String>,
}

fn view(connection: &Connection) -> ConnectionView<'_> {
    ConnectionView {
        id: &connection.id,
        name: &connection.name,
        strategy: &connection.strategy,
        realms: [&connection.name],
        is_domain_connection: false,
        metadata: &connection.metadata,
    }
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
        .map(view)
        .collect();
    listing::classic("connections", *page, &part, all.len())
}

async fn one(
    admin: Admin<ReadConnections>,
    At(id): At<ConnectionId>,
) -> Result<Response, ApiError> {
    let connection = connections::get(&admin, &id).await?;
    Ok(Json(view(&connection)).into_response())
}
