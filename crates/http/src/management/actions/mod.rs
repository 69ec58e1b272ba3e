//! `/api/v2/actions/actions` and what belongs to an Action.

mod deploy;
mod executions;
pub(super) mod module;
mod modules;
mod test;
mod versions;
pub(super) mod view;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use claimsmith_model::{ActionId, Trigger};
use claimsmith_service::action_library::{self, ActionFilter};
use http::StatusCode;

use super::{
    ApiError, At, JsonBody,
    access::{
        self, Admin, CreateActions, DeleteActions, ReadActions, Routes, UpdateActions, get, post,
    },
    listing,
    query::{ActionsPage, FromQuery, Parameters},
};
use view::ActionView;

pub(super) fn routes() -> Routes {
    Routes::default()
        .at("/actions/actions", get(list).post(create))
        .at(
            "/actions/actions/{id}",
            get(one).patch(patch).delete(delete),
        )
        .at(
            "/actions/actions/{id}/module",
            get(module::get).put(module::put),
        )
        .at("/actions/actions/{id}/deploy", post(deploy::post))
        .at("/actions/actions/{id}/test", post(test::post))
        .at(
            "/actions/actions/{id}/executions",
            get(executions::of_action),
        )
        .at("/actions/actions/{id}/versions", get(versions::list))
        .at(
            "/actions/actions/{id}/versions/{version}",
            get(versions::one),
        )
        .at(
            "/actions/actions/{id}/versions/{version}/deploy",
            post(versions::deploy_again),
        )
        .at(
            "/actions/actions/{id}/versions/{version}/module",
            get(versions::module),
        )
        .at("/actions/modules", get(modules::list))
        .at("/actions/executions/{id}", access::get(executions::get))
}

struct ActionsQuery {
    filter: ActionFilter,
    page: ActionsPage,
}

impl FromQuery for ActionsQuery {
    fn from_query(parameters: &mut Parameters) -> Result<Self, ApiError> {
        // Installed from a marketplace: there is none, so nothing is.
        let installed = parameters.flag("installed")?;
        let filter = ActionFilter {
            trigger: parameters.parsed::<Trigger>("triggerId")?,
            name: parameters.text("actionName"),
            deployed: parameters.flag("deployed")?,
            installed,
        };
        Ok(Self {
            filter,
            page: ActionsPage::from_query(parameters)?,
        })
    }
}

async fn list(admin: Admin<ReadActions, ActionsQuery>) -> Result<Response, ApiError> {
    let ActionsQuery { filter, page } = &admin.query;
    let (part, total) = listing::part(action_library::list(&admin, filter).await?, *page);
    let mut actions = Vec::with_capacity(part.len());
    for action in part {
        actions.push(action_library::with_version(&admin, action).await?);
    }
    let views: Vec<_> = actions.iter().map(ActionView::of).collect();
    Ok(listing::of_actions("actions", *page, &views, total)?.into_response())
}

async fn create(
    admin: Admin<CreateActions>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let action = action_library::create(&admin, body).await?;
    Ok((StatusCode::CREATED, Json(ActionView::of(&action))).into_response())
}

async fn one(admin: Admin<ReadActions>, At(id): At<ActionId>) -> Result<Response, ApiError> {
    let action = action_library::get(&admin, &id).await?;
    Ok(Json(ActionView::of(&action)).into_response())
}

async fn patch(
    admin: Admin<UpdateActions>,
    At(id): At<ActionId>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let action = action_library::patch(&admin, &id, body).await?;
    Ok(Json(ActionView::of(&action)).into_response())
}

struct Force(bool);

impl FromQuery for Force {
    fn from_query(parameters: &mut Parameters) -> Result<Self, ApiError> {
        Ok(Self(parameters.flag("force")?.unwrap_or(false)))
    }
}

async fn delete(
    admin: Admin<DeleteActions, Force>,
    At(id): At<ActionId>,
) -> Result<StatusCode, ApiError> {
    let Force(force) = admin.query;
    action_library::delete(&admin, &id, force).await?;
    Ok(StatusCode::NO_CONTENT)
}
