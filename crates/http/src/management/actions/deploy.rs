//! `POST /api/v2/actions/actions/{id}/deploy`.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use claimsmith_model::ActionId;
use claimsmith_service::action_library::{self, ActionWithVersion};

use super::view::VersionView;
use crate::management::{
    ApiError, At,
    access::{Admin, CreateActions},
};

/// Deploys the draft; answers the version that runs from now on.
pub(super) async fn post(
    admin: Admin<CreateActions>,
    At(id): At<ActionId>,
) -> Result<Response, ApiError> {
    Ok(show(&action_library::deploy(&admin, &id).await?))
}

/// The version that runs.
pub(super) fn show(ActionWithVersion { action, deployed }: &ActionWithVersion) -> Response {
    let view = deployed
        .as_ref()
        .map(|version| VersionView::with_action(version, action));
    Json(view).into_response()
}
