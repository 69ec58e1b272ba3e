//! `GET /api/v2/actions/actions/{id}/versions` and `…/versions/{version}`.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use claimsmith_model::{ActionId, VersionId};
use claimsmith_service::action_library;

use super::view::VersionView;
use crate::management::{
    ApiError, At,
    access::{Admin, ReadActions},
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
