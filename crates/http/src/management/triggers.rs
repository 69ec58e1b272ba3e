//! `/api/v2/actions/triggers` with what is bound to them.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use claimsmith_model::{BindingId, OnError, Timestamp, Trigger};
use claimsmith_service::{
    action_library::{self, BoundAction, BoundActions},
    management::TenantAdmin,
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    ApiError, At, JsonBody,
    access::{Admin, ReadActions, Routes, UpdateActions, get},
    actions::view::{ActionSummary, SupportedTrigger},
    listing,
    operation::{self as answers, Condition},
    query::ActionsPage,
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .at(
            "/actions/triggers",
            get(
                list,
                "List the triggers that there are",
                answers::list_in::<TriggerView>("triggers"),
            ),
        )
        .at(
            "/actions/triggers/{trigger}/bindings",
            get(
                bindings,
                "List what is bound to a trigger, in its order",
                answers::page_of_actions::<BindingView>("bindings").on(Condition::IsState),
            )
            .patch(
                patch_bindings,
                "Replace what is bound to a trigger",
                answers::list_in::<BindingView>("bindings").on(Condition::IfMatch),
            ),
        )
}

/// A trigger as callers see it.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "TriggerDescription")]
struct TriggerView {
    id: Trigger,
    version: &'static str,
    status: &'static str,
    runtimes: [&'static str; 1],
    default_runtime: &'static str,
    binding_policy: &'static str,
    compatible_triggers: [SupportedTrigger; 0],
}

fn view(trigger: Trigger) -> TriggerView {
    TriggerView {
        id: trigger,
        version: trigger.version(),
        status: "CURRENT",
        runtimes: ["wasm"],
        default_runtime: "wasm",
        binding_policy: "trigger-bound",
        compatible_triggers: [],
    }
}

/// A binding as callers see it.
#[derive(JsonSchema, Serialize)]
pub(crate) struct BindingView<'a> {
    id: &'a BindingId,
    trigger_id: Trigger,
    action: ActionSummary<'a>,
    display_name: &'a str,
    on_error: OnError,
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn binding_view(trigger: Trigger, bound: &BoundAction) -> BindingView<'_> {
    BindingView {
        id: &bound.binding.id,
        trigger_id: trigger,
        action: ActionSummary::of(&bound.action),
        display_name: &bound.binding.display_name,
        on_error: bound.binding.on_error,
        created_at: bound.binding.created_at,
        updated_at: bound.binding.updated_at,
    }
}

async fn list(_: Admin<ReadActions>) -> Response {
    Json(json!({ "triggers": Trigger::ALL.map(view) })).into_response()
}

async fn bindings(
    admin: Admin<ReadActions, ActionsPage>,
    At(trigger): At<Trigger>,
) -> Result<Response, ApiError> {
    show_bindings(&admin, trigger, admin.query).await
}

async fn patch_bindings(
    admin: Admin<UpdateActions>,
    At(trigger): At<Trigger>,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    replace_bindings(&admin, trigger, &headers, body).await
}

/// A page of what is bound to a trigger, with the revision as `ETag`.
pub(crate) async fn show_bindings(
    admin: &TenantAdmin,
    trigger: Trigger,
    page: ActionsPage,
) -> Result<Response, ApiError> {
    let BoundActions {
        revision, bound, ..
    } = action_library::bindings(admin, trigger).await?;
    let (bound, total) = listing::part(bound, page);
    let views: Vec<_> = bound
        .iter()
        .map(|bound| binding_view(trigger, bound))
        .collect();
    let body = listing::of_actions("bindings", page, &views, total)?;
    Ok((etag(revision), body).into_response())
}

/// Replaces what is bound to a trigger; with `If-Match` only if nobody else did
/// since (RFC 9110 section 13.1.1).
pub(crate) async fn replace_bindings(
    admin: &TenantAdmin,
    trigger: Trigger,
    headers: &HeaderMap,
    body: Map<String, Value>,
) -> Result<Response, ApiError> {
    let if_match = if_match(headers)?;
    let replaced = action_library::replace_bindings(admin, trigger, body, if_match).await?;
    let views: Vec<_> = replaced
        .bound
        .iter()
        .map(|it| binding_view(trigger, it))
        .collect();
    Ok((etag(replaced.revision), Json(json!({ "bindings": views }))).into_response())
}

fn etag(revision: u64) -> [(http::HeaderName, HeaderValue); 1] {
    let value = HeaderValue::try_from(format!("\"{revision}\""));
    [(
        header::ETAG,
        value.unwrap_or(HeaderValue::from_static("\"\"")),
    )]
}

/// The revision that `If-Match` names; `None` without one, and for `*`.
fn if_match(headers: &HeaderMap) -> Result<Option<u64>, ApiError> {
    let Some(value) = headers.get(header::IF_MATCH) else {
        return Ok(None);
    };
    let value = value.to_str().unwrap_or_default().trim();
    if value == "*" {
        return Ok(None);
    }
    let revision = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'));
    let revision = revision.and_then(|revision| revision.parse().ok());
    revision.map(Some).ok_or_else(|| {
        let message = "If-Match names no revision of the bindings; give the ETag of their GET";
        ApiError::new(StatusCode::PRECONDITION_FAILED, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_match_takes_back_what_etag_gave() {
        let [(_, value)] = etag(7);
        let headers = HeaderMap::from_iter([(header::IF_MATCH, value)]);
        assert_eq!(if_match(&headers).unwrap(), Some(7));
        assert_eq!(if_match(&HeaderMap::new()).unwrap(), None);
    }

    #[test]
    fn an_if_match_that_is_no_revision_matches_nothing() {
        for wrong in ["7", "W/\"7\"", "\"x\"", ""] {
            let value = HeaderValue::from_static(wrong);
            assert!(
                if_match(&HeaderMap::from_iter([(header::IF_MATCH, value)])).is_err(),
                "{wrong}"
            );
        }
    }
}
