//! `/api/v2/actions/actions/{id}/versions` and what belongs to a version.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use claimsmith_model::{ActionId, VersionId};
use claimsmith_service::action_library;

use http::HeaderMap;

use super::{deploy, module::download, view::VersionView};
use crate::management::{
    ApiError, At,
    access::{Admin, CreateActions, ReadActions},
    body::OptionalBody,
    listing,
    query::ActionsPage,
};

/// The versions of an Action, newest first.
pub(super) async fn list(
    admin: Admin<ReadActions, ActionsPage>,
    At(id): At<ActionId>,
) -> Result<Response, ApiError> {
    let action = action_library::get(&admin, &id).await?.action;
    let (versions, total) =
        listing::part(action_library::versions(&admin, &id).await?, admin.query);
    let views: Vec<_> = versions
        .iter()
        .map(|version| VersionView::with_action(version, &action))
        .collect();
    Ok(listing::of_actions("versions", admin.query, &views, total)?.into_response())
}

/// One version of an Action.
pub(super) async fn one(
    admin: Admin<ReadActions>,
    At((id, version)): At<(ActionId, VersionId)>,
) -> Result<Response, ApiError> {
    let action = action_library::get(&admin, &id).await?.action;
    let version = action_library::version(&admin, &id, &version).await?;
    Ok(Json(VersionView::with_action(&version, &action)).into_response())
}

/// Deploys an older version again, as a new one.
pub(super) async fn deploy_again(
    admin: Admin<CreateActions>,
    At((id, version)): At<(ActionId, VersionId)>,
    OptionalBody(body): OptionalBody,
) -> Result<Response, ApiError> {
    let deployed = action_library::deploy_version(&admin, &id, &version, body).await?;
    Ok(deploy::show(&deployed))
}

/// The module of a version, as it was uploaded.
pub(super) async fn module(
    admin: Admin<ReadActions>,
    At((id, version)): At<(ActionId, VersionId)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let module = action_library::version_module(&admin, &id, &version).await?;
    download(module, &headers)
}
