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
use claimsmith_service::{
    action_library::{self, ActionFilter, ActionWithVersion},
    management::TenantAdmin,
};
use http::StatusCode;

use super::{
    ApiError, At, JsonBody,
    access::{
        self, Admin, CreateActions, DeleteActions, ReadActions, Routes, UpdateActions, get, post,
    },
    listing, operation as answers,
    query::{ActionsPage, FromQuery, Parameters},
};
use view::{ActionView, VersionView};

pub(super) fn routes() -> Routes {
    Routes::default()
        .at(
            "/actions/actions",
            get(
                list,
                "List Actions",
                answers::page_of_actions::<ActionView>("actions"),
            )
            .post(
                create,
                "Create an Action, whose draft has no module yet",
                answers::created::<ActionView>(),
            ),
        )
        .at(
            "/actions/actions/{id}",
            get(one, "Get an Action", answers::ok::<ActionView>())
                .patch(
                    patch,
                    "Change an Action's draft",
                    answers::ok::<ActionView>(),
                )
                .delete(delete, "Delete an Action", answers::nothing()),
        )
        .at(
            "/actions/actions/{id}/module",
            get(
                module::get,
                "Download the module of an Action's draft",
                answers::module(),
            )
            .put(
                module::put,
                "Upload the module of an Action's draft",
                answers::ok::<ActionView>(),
            ),
        )
        .at(
            "/actions/actions/{id}/deploy",
            post(
                deploy::post,
                "Deploy an Action's draft as a version",
                answers::ok::<VersionView>(),
            ),
        )
        .at(
            "/actions/actions/{id}/test",
            post(
                test::post,
                "Run an Action's draft with an event, without a token",
                answers::ok::<test::TrialView>(),
            ),
        )
        .at(
            "/actions/actions/{id}/executions",
            get(
                executions::of_action,
                "List what happened when an Action ran",
                answers::ok::<executions::ExecutionsView>(),
            ),
        )
        .at(
            "/actions/actions/{id}/versions",
            get(
                versions::list,
                "List the versions of an Action",
                answers::page_of_actions::<VersionView>("versions"),
            ),
        )
        .at(
            "/actions/actions/{id}/versions/{version}",
            get(
                versions::one,
                "Get a version of an Action",
                answers::ok::<VersionView>(),
            ),
        )
        .at(
            "/actions/actions/{id}/versions/{version}/deploy",
            post(
                versions::deploy_again,
                "Deploy an older version again",
                answers::ok::<VersionView>(),
            ),
        )
        .at(
            "/actions/actions/{id}/versions/{version}/module",
            get(
                versions::module,
                "Download the module of a version",
                answers::module(),
            ),
        )
        .at(
            "/actions/modules",
            get(
                modules::list,
                "List modules that Actions share, of which there are none",
                answers::ok::<modules::ModulesView>(),
            ),
        )
        .at(
            "/actions/executions/{id}",
            access::get(
                executions::get,
                "Get what happened when a trigger ran",
                answers::ok::<executions::ExecutionView>(),
            ),
        )
}

/// An Action as callers see it.
async fn view<'a>(
    admin: &TenantAdmin,
    action: &'a ActionWithVersion,
) -> Result<ActionView<'a>, ApiError> {
    let code = action_library::draft_code(admin, &action.action).await?;
    Ok(ActionView::of(action, code))
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
            name: parameters.text("actionName")?,
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
    let mut views = Vec::with_capacity(actions.len());
    for action in &actions {
        views.push(view(&admin, action).await?);
    }
    Ok(listing::of_actions("actions", *page, &views, total)?.into_response())
}

async fn create(
    admin: Admin<CreateActions>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let action = action_library::create(&admin, body).await?;
    let view = Json(view(&admin, &action).await?);
    Ok((StatusCode::CREATED, view).into_response())
}

async fn one(admin: Admin<ReadActions>, At(id): At<ActionId>) -> Result<Response, ApiError> {
    let action = action_library::get(&admin, &id).await?;
    Ok(Json(view(&admin, &action).await?).into_response())
}

async fn patch(
    admin: Admin<UpdateActions>,
    At(id): At<ActionId>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let action = action_library::patch(&admin, &id, body).await?;
    Ok(Json(view(&admin, &action).await?).into_response())
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
