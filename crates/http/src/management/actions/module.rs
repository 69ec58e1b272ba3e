//! `PUT /api/v2/actions/actions/{id}/module`.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use claimsmith_model::ActionId;
use claimsmith_service::action_library;

use super::view::ActionView;
use crate::management::{
    ApiError, At,
    access::{Admin, UpdateActions},
    body::ModuleBody,
};

/// Takes the module of the Action's draft, or says what is wrong with it.
pub(super) async fn put(
    admin: Admin<UpdateActions>,
    At(id): At<ActionId>,
    ModuleBody(bytes): ModuleBody,
) -> Result<Response, ApiError> {
    let action = action_library::upload_module(&admin, &id, &bytes).await?;
    Ok(Json(ActionView::of(&action)).into_response())
}
