//! `POST /api/v2/actions/actions/{id}/test`.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use claimsmith_model::{
    ActionId, ActionRun, Blame, Command, Denial, Fault, FaultKind, HttpCall, JsonObject, LogLine,
    RefusedCommand, Timestamp, Warning,
};
use claimsmith_service::{Trial, action_library};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::executions::{ClaimsView, outcome};
use crate::management::{
    ApiError, At, JsonBody,
    access::{Admin, CreateActions},
};

/// Runs the draft with the event of the body, and tells what a token would have got.
pub(super) async fn post(
    admin: Admin<CreateActions>,
    At(id): At<ActionId>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let trial = action_library::test(&admin, &id, body).await?;
    Ok(Json(TrialView::of(&trial)).into_response())
}

/// The reference product's envelope.
#[derive(JsonSchema, Serialize)]
pub(super) struct TrialView<'a> {
    payload: Payload<'a>,
}

/// `error` and `stats` are the reference product's, the rest is ours and as in the
/// execution record.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "TrialPayload")]
struct Payload<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorView<'a>>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    denial: Option<&'a Denial>,
    claims: ClaimsView<'a>,
    scopes: &'a [String],
    transaction: TransactionView<'a>,
    commands: Vec<CommandView<'a>>,
    refused_commands: &'a [RefusedCommand],
    refusals_unlisted: u64,
    logs: &'a [LogLine],
    log_bytes_dropped: u64,
    http_calls: &'a [HttpCall],
    warnings: &'a [Warning],
    started_at: Timestamp,
    /// For `claimsmith action run --seed`; a text, because JSON numbers lose digits.
    seed: String,
    stats: Stats,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "TrialError")]
struct ErrorView<'a> {
    message: &'a str,
    name: FaultKind,
    blame: Blame,
}

#[derive(JsonSchema, Serialize)]
struct TransactionView<'a> {
    metadata: &'a JsonObject,
}

/// What would be done beside the token, named as in the contract.
#[derive(JsonSchema, Serialize)]
#[serde(tag = "command")]
enum CommandView<'a> {
    #[serde(rename = "user.set-app-metadata")]
    SetAppMetadata { key: &'a str, value: &'a Value },
    #[serde(rename = "user.set-user-metadata")]
    SetUserMetadata { key: &'a str, value: &'a Value },
    #[serde(rename = "cache.set")]
    CacheSet {
        key: &'a str,
        value: &'a str,
        expires_at: Timestamp,
    },
    #[serde(rename = "cache.delete")]
    CacheDelete { key: &'a str },
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "TrialStats")]
struct Stats {
    action_duration_ms: u64,
    runtime_external_call_duration_ms: u64,
    action_duration_us: u64,
    memory_bytes_peak: u64,
}

impl<'a> TrialView<'a> {
    fn of(trial: &'a Trial) -> Self {
        let (outcome, denial) = outcome(&trial.outcome);
        let run = &trial.run;
        let commands = trial.commands.iter().map(CommandView::of).collect();
        let payload = Payload {
            error: run.fault.as_ref().map(ErrorView::of),
            outcome,
            denial,
            claims: ClaimsView {
                admitted: &trial.admitted,
                refused: &trial.refused,
            },
            scopes: &trial.scopes,
            transaction: TransactionView {
                metadata: &trial.transaction_metadata,
            },
            commands,
            refused_commands: &run.refused_commands,
            refusals_unlisted: run.refusals_unlisted,
            logs: &run.logs,
            log_bytes_dropped: run.log_bytes_dropped,
            http_calls: &run.http_calls,
            warnings: &trial.warnings,
            started_at: trial.started_at,
            seed: run.seed.to_string(),
            stats: Stats::of(run),
        };
        Self { payload }
    }
}

impl<'a> ErrorView<'a> {
    fn of(fault: &'a Fault) -> Self {
        Self {
            message: &fault.message,
            name: fault.kind,
            blame: fault.blame,
        }
    }
}

impl<'a> CommandView<'a> {
    fn of(command: &'a Command) -> Self {
        match command {
            Command::SetAppMetadata { key, value } => Self::SetAppMetadata { key, value },
            Command::SetUserMetadata { key, value } => Self::SetUserMetadata { key, value },
            Command::CacheSet {
                key,
                value,
                expires_at_ms,
            } => Self::CacheSet {
                key,
                value,
                expires_at: Timestamp::from_millis(
                    i64::try_from(*expires_at_ms).unwrap_or(i64::MAX),
                ),
            },
            Command::CacheDelete { key } => Self::CacheDelete { key },
        }
    }
}

impl Stats {
    fn of(run: &ActionRun) -> Self {
        let calls_us: u64 = run.http_calls.iter().map(|call| call.duration_us).sum();
        let duration_us = run.usage.wall_time_us;
        Self {
            action_duration_ms: duration_us.div_ceil(1_000),
            runtime_external_call_duration_ms: calls_us.div_ceil(1_000),
            action_duration_us: duration_us,
            memory_bytes_peak: run.usage.memory_bytes_peak,
        }
    }
}
