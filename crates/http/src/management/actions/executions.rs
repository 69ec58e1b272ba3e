//! `GET /api/v2/actions/executions/{id}` and `…/actions/{id}/executions`.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use claimsmith_model::{
    ActionId, ActionRun, AdmittedClaim, BindingId, Blame, ClientId, ConnectionId, Denial,
    ExecutionId, ExecutionOutcome, ExecutionRecord, Fault, FaultKind, Handler, HttpCall, LogLine,
    RefusedClaim, RefusedCommand, ScriptResult, ScriptRun, Timestamp, Usage, UserId, VersionId,
    Warning,
};
use claimsmith_service::admin::executions;
use schemars::JsonSchema;
use serde::Serialize;

use crate::management::{
    ApiError, At,
    access::{Admin, ReadActions},
    query::{FromQuery, Parameters},
};

/// What happened when a trigger ran.
pub(super) async fn get(
    admin: Admin<ReadActions>,
    At(id): At<ExecutionId>,
) -> Result<Response, ApiError> {
    let record = executions::get(&admin, &id).await?;
    Ok(Json(ExecutionView::of(&record)).into_response())
}

/// How many records a page has unless told otherwise, and at most.
const TAKE: usize = 20;
const TAKE_MAX: usize = 100;

/// Before which position, as the page before says, and how many.
pub(super) struct ExecutionsQuery {
    from: Option<u64>,
    take: usize,
}

impl FromQuery for ExecutionsQuery {
    fn from_query(parameters: &mut Parameters) -> Result<Self, ApiError> {
        let from = parameters.text("from")?.map(|from| {
            let what = "It is not what a page of this list gave as next";
            from.parse().map_err(|_| parameters.wrong("from", what))
        });
        Ok(Self {
            from: from.transpose()?,
            take: parameters.number("take", 1, TAKE_MAX)?.unwrap_or(TAKE),
        })
    }
}

/// A page of the records in which an Action ran.
#[derive(JsonSchema, Serialize)]
pub(super) struct ExecutionsView<'a> {
    executions: Vec<ExecutionView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// What happened when triggers ran an Action, the newest first.
pub(super) async fn of_action(
    admin: Admin<ReadActions, ExecutionsQuery>,
    At(id): At<ActionId>,
) -> Result<Response, ApiError> {
    let ExecutionsQuery { from, take } = &admin.query;
    let page = executions::of_action(&admin, &id, *from, *take).await?;
    let view = ExecutionsView {
        executions: page
            .records
            .iter()
            .map(|(_, record)| ExecutionView::of(record))
            .collect(),
        next: page.next.map(|position| position.to_string()),
    };
    Ok(Json(view).into_response())
}

/// The reference product's shape, and beside it what became of each claim.
#[derive(JsonSchema, Serialize)]
pub(super) struct ExecutionView<'a> {
    id: &'a ExecutionId,
    trigger_id: Handler,
    status: &'static str,
    results: Vec<ResultView<'a>>,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a ClientId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant_type: Option<&'a str>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    denial: Option<&'a Denial>,
    /// Of ours: the part of a custom database's script.
    #[serde(skip_serializing_if = "Option::is_none")]
    script: Option<ScriptView<'a>>,
    /// Of ours: the record of the script that let the user in.
    #[serde(skip_serializing_if = "Option::is_none")]
    login_execution_id: Option<&'a ExecutionId>,
    claims: ClaimsView<'a>,
    warnings: &'a [Warning],
}

/// A script's part.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "ScriptRun")]
struct ScriptView<'a> {
    connection_id: &'a ConnectionId,
    connection: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    module_sha256: Option<&'a str>,
    result: ScriptResult,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorView<'a>>,
    response: ResponseView,
    logs: &'a [LogLine],
    log_bytes_dropped: u64,
    refused_commands: &'a [RefusedCommand],
    refusals_unlisted: u64,
    http_calls: &'a [HttpCall],
    seed: String,
}

/// One Action's part.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "ActionRun")]
struct ResultView<'a> {
    action_name: &'a str,
    binding_id: &'a BindingId,
    version_id: &'a VersionId,
    started_at: Timestamp,
    ended_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorView<'a>>,
    response: ResponseView,
    logs: &'a [LogLine],
    log_bytes_dropped: u64,
    refused_commands: &'a [RefusedCommand],
    refusals_unlisted: u64,
    /// Of ours: the HTTP calls that the Action made.
    http_calls: &'a [HttpCall],
    /// For `claimsmith action run --seed`; a text, because JSON numbers lose digits.
    seed: String,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "ExecutionError")]
struct ErrorView<'a> {
    id: FaultKind,
    msg: &'a str,
    blame: Blame,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "ExecutionResponse")]
struct ResponseView {
    stats: Stats,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "ExecutionStats")]
struct Stats {
    action_duration_us: u64,
    memory_bytes_peak: u64,
}

#[derive(JsonSchema, Serialize)]
pub(super) struct ClaimsView<'a> {
    pub(super) admitted: &'a [AdmittedClaim],
    pub(super) refused: &'a [RefusedClaim],
}

/// An outcome's name, and the denial that it is.
pub(super) fn outcome(outcome: &ExecutionOutcome) -> (&'static str, Option<&Denial>) {
    match outcome {
        ExecutionOutcome::Issued => ("issued", None),
        ExecutionOutcome::Answered => ("answered", None),
        ExecutionOutcome::Denied(denial) => ("denied", Some(denial)),
        ExecutionOutcome::Failed => ("failed", None),
        ExecutionOutcome::ClaimRefused => ("claim_refused", None),
        ExecutionOutcome::GrantEnded => ("grant_ended", None),
        ExecutionOutcome::HostFailed => ("host_failed", None),
    }
}

impl<'a> ExecutionView<'a> {
    fn of(record: &'a ExecutionRecord) -> Self {
        let (outcome, denial) = outcome(&record.outcome);
        Self {
            id: &record.id,
            trigger_id: record.trigger,
            status: "final",
            results: record.runs.iter().map(ResultView::of).collect(),
            created_at: record.started_at,
            updated_at: record.ended_at,
            client_id: record.client_id.as_ref(),
            user_id: record.user_id.as_ref(),
            grant_type: record.grant_type.as_deref(),
            outcome,
            denial,
            script: record.script.as_ref().map(ScriptView::of),
            login_execution_id: record.login_execution_id.as_ref(),
            claims: ClaimsView {
                admitted: &record.admitted,
                refused: &record.refused,
            },
            warnings: &record.warnings,
        }
    }
}

impl<'a> ScriptView<'a> {
    fn of(run: &'a ScriptRun) -> Self {
        Self {
            connection_id: &run.connection_id,
            connection: &run.connection,
            module_sha256: run.module_sha256.as_deref(),
            result: run.result,
            reason: run.reason.as_deref(),
            error: run.fault.as_ref().map(ErrorView::of),
            response: ResponseView::of(&run.usage),
            logs: &run.logs,
            log_bytes_dropped: run.log_bytes_dropped,
            refused_commands: &run.refused_commands,
            refusals_unlisted: run.refusals_unlisted,
            http_calls: &run.http_calls,
            seed: run.seed.to_string(),
        }
    }
}

impl<'a> ErrorView<'a> {
    fn of(fault: &'a Fault) -> Self {
        Self {
            id: fault.kind,
            msg: &fault.message,
            blame: fault.blame,
        }
    }
}

impl ResponseView {
    fn of(usage: &Usage) -> Self {
        Self {
            stats: Stats {
                action_duration_us: usage.wall_time_us,
                memory_bytes_peak: usage.memory_bytes_peak,
            },
        }
    }
}

impl<'a> ResultView<'a> {
    fn of(run: &'a ActionRun) -> Self {
        let millis = i64::try_from(run.usage.wall_time_us.div_ceil(1000)).unwrap_or(i64::MAX);
        let ended_at = run.started_at.as_millis().saturating_add(millis);
        Self {
            action_name: &run.action_name,
            binding_id: &run.binding_id,
            version_id: &run.version_id,
            started_at: run.started_at,
            ended_at: Timestamp::from_millis(ended_at),
            error: run.fault.as_ref().map(ErrorView::of),
            response: ResponseView::of(&run.usage),
            logs: &run.logs,
            log_bytes_dropped: run.log_bytes_dropped,
            refused_commands: &run.refused_commands,
            refusals_unlisted: run.refusals_unlisted,
            http_calls: &run.http_calls,
            seed: run.seed.to_string(),
        }
    }
}
