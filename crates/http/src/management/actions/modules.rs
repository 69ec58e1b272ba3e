//! `GET /api/v2/actions/modules`: code that several Actions share. There is none,
//! because an Action's dependencies are compiled into its module; tools ask all the same.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::management::{
    access::{Admin, ReadActions},
    query::ActionsPage,
};

/// An empty page, with the zeros that this list has and others of the family leave out.
#[derive(JsonSchema, Serialize)]
pub(super) struct ModulesView {
    modules: [(); 0],
    total: usize,
    page: usize,
    per_page: usize,
}

pub(super) async fn list(admin: Admin<ReadActions, ActionsPage>) -> Response {
    let ActionsPage { page, per_page } = admin.query;
    let view = ModulesView {
        modules: [],
        total: 0,
        page,
        per_page,
    };
    Json(view).into_response()
}
