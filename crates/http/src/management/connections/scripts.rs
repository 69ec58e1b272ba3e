//! `/api/v2/connections/{id}/scripts`: the modules that know a connection's users.

use std::{borrow::Cow, collections::BTreeMap};

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use claimsmith_model::{ConnectionId, DatabaseScript, StoredScript, Timestamp, UnknownScript};
use claimsmith_service::admin::connections;
use http::{HeaderMap, StatusCode};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::management::{
    ApiError, At,
    access::{Admin, ReadConnections, UpdateConnections},
    actions::module::download,
    body::ModuleBody,
};

/// A script by its name in the path.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Named(DatabaseScript);

impl JsonSchema for Named {
    fn schema_name() -> Cow<'static, str> {
        "ScriptName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names = DatabaseScript::ALL.map(DatabaseScript::name);
        json_schema!({ "type": "string", "enum": names })
    }
}

impl TryFrom<String> for Named {
    type Error = UnknownScript;

    fn try_from(name: String) -> Result<Self, UnknownScript> {
        name.parse().map(Self)
    }
}

/// What a script's module is.
#[derive(JsonSchema, Serialize)]
pub(super) struct ScriptView<'a> {
    size_bytes: u64,
    sha256: &'a str,
    imports: &'a [String],
    contract_version: &'a str,
    uploaded_at: Timestamp,
}

impl<'a> ScriptView<'a> {
    fn of(script: &'a StoredScript) -> Self {
        Self {
            size_bytes: script.module.size_bytes,
            sha256: &script.module.sha256,
            imports: &script.module.imports,
            contract_version: &script.module.contract_version,
            uploaded_at: script.uploaded_at,
        }
    }
}

/// The scripts that were uploaded, by their names.
pub(super) async fn list(
    admin: Admin<ReadConnections>,
    At(id): At<ConnectionId>,
) -> Result<Response, ApiError> {
    let connection = connections::get(&admin, &id).await?;
    let scripts = connection.custom_database.unwrap_or_default().scripts;
    let views: BTreeMap<_, _> = scripts
        .iter()
        .map(|(script, stored)| (script.name(), ScriptView::of(stored)))
        .collect();
    Ok(Json(views).into_response())
}

/// One script.
pub(super) async fn one(
    admin: Admin<ReadConnections>,
    At((id, Named(script))): At<(ConnectionId, Named)>,
) -> Result<Response, ApiError> {
    let stored = connections::script(&admin, &id, script).await?;
    Ok(Json(ScriptView::of(&stored)).into_response())
}

/// A script's module, as it was uploaded.
pub(super) async fn module(
    admin: Admin<ReadConnections>,
    At((id, Named(script))): At<(ConnectionId, Named)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    download(
        connections::script_module(&admin, &id, script).await?,
        &headers,
    )
}

/// Takes a script's module, or says what is wrong with it.
pub(super) async fn put_module(
    admin: Admin<UpdateConnections>,
    At((id, Named(script))): At<(ConnectionId, Named)>,
    ModuleBody(bytes): ModuleBody,
) -> Result<Response, ApiError> {
    let stored = connections::upload_script(&admin, &id, script, &bytes).await?;
    Ok(Json(ScriptView::of(&stored)).into_response())
}

/// Removes a script.
pub(super) async fn delete(
    admin: Admin<UpdateConnections>,
    At((id, Named(script))): At<(ConnectionId, Named)>,
) -> Result<StatusCode, ApiError> {
    connections::delete_script(&admin, &id, script).await?;
    Ok(StatusCode::NO_CONTENT)
}
