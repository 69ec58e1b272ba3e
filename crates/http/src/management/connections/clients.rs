//! `/api/v2/connections/{id}/clients`: the clients whose users a connection may log in.

use axum::response::Response;
use claimsmith_model::{ClientId, ConnectionId};
use claimsmith_service::admin::connections;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use crate::management::{
    ApiError, At,
    access::{Admin, ReadConnections, UpdateConnections},
    body::JsonList,
    listing,
    query::CheckpointPage,
};

/// One of the clients as callers see it.
#[derive(JsonSchema, Serialize)]
pub(super) struct EnabledClientView<'a> {
    client_id: &'a ClientId,
}

pub(super) async fn list(
    admin: Admin<ReadConnections, CheckpointPage>,
    At(id): At<ConnectionId>,
) -> Result<Response, ApiError> {
    let CheckpointPage(page) = &admin.query;
    let part = listing::page(&admin, page)?;
    let (clients, total) = connections::clients(&admin, &id, part).await?;
    let views: Vec<_> = clients
        .iter()
        .map(|client_id| EnabledClientView { client_id })
        .collect();
    listing::classic(&admin, "clients", page, &views, total, clients.last())
}

pub(super) async fn patch(
    admin: Admin<UpdateConnections>,
    At(id): At<ConnectionId>,
    JsonList(changes): JsonList,
) -> Result<StatusCode, ApiError> {
    connections::change_clients(&admin, &id, changes).await?;
    Ok(StatusCode::NO_CONTENT)
}
