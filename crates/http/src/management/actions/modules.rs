//! `GET /api/v2/actions/modules`: code that several Actions share. There is none,
//! because an Action's dependencies are compiled into its module; tools ask all the same.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::management::{
    access::{Admin, ReadActions},
    query::ActionsPage,
};

/// An empty page, with the zeros that this list has and others of the family leave out.
pub(super) async fn list(admin: Admin<ReadActions, ActionsPage>) -> Response {
    let ActionsPage { page, per_page } = admin.query;
    Json(json!({ "modules": [], "total": 0, "page": page, "per_page": per_page })).into_response()
}
