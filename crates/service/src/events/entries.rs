//! What stands in the log: events, and what execution records tell.

use std::borrow::Cow;

use claimsmith_model::{
    ActionRun, Blame, ExecutionId, ExecutionOutcome, ExecutionRecord, Fault, FaultKind, GrantType,
    JsonObject, LogType, ScriptResult, TenantEvent, log_text,
};
use claimsmith_storage::{LogEntry, Logged};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use crate::token::TokenEndpointError;

/// How many refused claims an entry lists; the execution record has all.
const CLAIMS_LISTED_MAX: usize = 20;

/// How many entries of the log one record can be: one for the grant, one for each of at
/// most 20 Actions, one for refused claims.
const PARTS_MAX: u64 = 100;

/// An entry of a tenant's log.
#[derive(Debug, Clone, PartialEq)]
pub struct TenantLogEntry {
    /// Its identifier, in whose order entries were taken.
    pub log_id: LogId,
    /// What it tells.
    pub event: TenantEvent,
}

/// The identifier of an entry: the position of what it tells of, and which part of that it
/// is. 18 digits, as long as time has no more than 16 in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogId {
    pub(super) position: u64,
    pub(super) part: u64,
}

/// A text that is no identifier of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a log_id is 3 to 19 digits, as GET /api/v2/logs gives them")]
pub struct InvalidLogId;

impl JsonSchema for LogId {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "LogId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9]{3,19}$" })
    }
}

impl std::fmt::Display for LogId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016}{:02}", self.position, self.part)
    }
}

impl std::str::FromStr for LogId {
    type Err = InvalidLogId;

    fn from_str(text: &str) -> Result<Self, InvalidLogId> {
        let is_id = (3..=19).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_digit());
        let number: u64 = text.parse().map_err(|_| InvalidLogId)?;
        is_id
            .then_some(Self {
                position: number / PARTS_MAX,
                part: number % PARTS_MAX,
            })
            .ok_or(InvalidLogId)
    }
}

/// What a grant is called in the log when it succeeded, and when it failed.
pub(crate) const fn of_grant(grant: Option<GrantType>, has_succeeded: bool) -> LogType {
    match (grant, has_succeeded) {
        (Some(GrantType::ClientCredentials), true) => LogType::ClientCredentialsSucceeded,
        (Some(GrantType::ClientCredentials), false) => LogType::ClientCredentialsFailed,
        (Some(GrantType::RefreshToken), true) => LogType::RefreshSucceeded,
        (Some(GrantType::RefreshToken), false) => LogType::RefreshFailed,
        (Some(GrantType::AuthorizationCode), true) => LogType::CodeExchangeSucceeded,
        (Some(GrantType::AuthorizationCode), false) => LogType::CodeExchangeFailed,
        (Some(GrantType::Password | GrantType::PasswordRealm), true) => {
            LogType::PasswordExchangeSucceeded
        }
        (Some(GrantType::Password | GrantType::PasswordRealm), false) => {
            LogType::PasswordExchangeFailed
        }
        (Some(GrantType::Implicit) | None, true) => LogType::LoginSucceeded,
        (Some(GrantType::Implicit) | None, false) => LogType::LoginFailed,
    }
}

/// What a refusal is called in the log: guessing at passwords has types of its own,
/// whatever the grant.
pub(crate) const fn of_refusal(grant: Option<GrantType>, error: &TokenEndpointError) -> LogType {
    match error {
        TokenEndpointError::WrongPassword => LogType::WrongPassword,
        TokenEndpointError::UnknownUser => LogType::UnknownUser,
        _ => of_grant(grant, false),
    }
}

/// The entries of the log that something taken is, the first part first.
pub(super) fn parts(entry: LogEntry) -> Vec<TenantLogEntry> {
    let events = match entry.what {
        Logged::Event(event) => vec![TenantEvent::clone(&event)],
        Logged::Execution(record) => of_record(&record),
    };
    let of_part = |(part, event)| TenantLogEntry {
        log_id: LogId {
            position: entry.position,
            part,
        },
        event,
    };
    (0..).zip(events).map(of_part).collect()
}

/// What a run of a trigger comes to: a token or none, Actions that failed, claims that
/// were refused.
fn of_record(record: &ExecutionRecord) -> Vec<TenantEvent> {
    let origin = record.origin.clone().as_log_text();
    let event = |log_type: LogType, description: Option<&str>, details| TenantEvent {
        log_type,
        at: record.ended_at,
        description: log_text(description.unwrap_or(log_type.description())),
        client_id: record.client_id.clone(),
        user_id: record.user_id.clone(),
        origin: origin.clone(),
        details,
    };
    let has_succeeded = record.outcome == ExecutionOutcome::Issued;
    // The run that a code came from was a login; redeeming it runs nothing.
    let grant = record
        .grant_type
        .as_deref()
        .and_then(GrantType::from_wire)
        .filter(|grant| *grant != GrantType::AuthorizationCode);
    if let Some(script) = &record.script {
        // Of a login that went on, the trigger's record tells.
        let mut events = Vec::new();
        if let Some(reason) = login_reason(script.result).filter(|_| grant.is_some()) {
            let log_type = match script.result {
                ScriptResult::WrongCredentials => LogType::WrongPassword,
                ScriptResult::UnknownUser => LogType::UnknownUser,
                _ => of_grant(grant, false),
            };
            events.push(event(log_type, Some(reason), of_execution(&record.id)));
        }
        if let Some(fault) = &script.fault {
            let mut details = members([
                ("trigger_id", json!(record.trigger)),
                ("execution_id", json!(record.id)),
                ("connection_id", json!(script.connection_id)),
                ("connection", json!(log_text(&script.connection))),
            ]);
            insert_fault(&mut details, fault);
            events.push(event(LogType::ActionFailed, None, details));
        }
        return events;
    }
    let mut events = vec![event(
        of_grant(grant, has_succeeded),
        reason(&record.outcome),
        of_execution(&record.id),
    )];
    for run in record.runs.iter().filter(|run| run.fault.is_some()) {
        events.push(event(LogType::ActionFailed, None, failure(record, run)));
    }
    if !record.refused.is_empty() {
        events.push(event(LogType::ClaimsRefused, None, refusals(record)));
    }
    events
}

/// The details that lead to an execution record.
pub(super) fn of_execution(id: &ExecutionId) -> JsonObject {
    members([("actions", json!({ "executions": [id] }))])
}

/// Why a custom database's script lets nobody in, for an admin.
const fn login_reason(result: ScriptResult) -> Option<&'static str> {
    match result {
        ScriptResult::WrongCredentials => Some("The script says that the password is wrong"),
        ScriptResult::UnknownUser => Some("The script says that there is no such user"),
        ScriptResult::Blocked => Some("The user is blocked"),
        ScriptResult::Failed => Some("The connection's script failed"),
        ScriptResult::Profile
        | ScriptResult::Created
        | ScriptResult::UserExists
        | ScriptResult::Rejected => None,
    }
}

/// Why there is no token, for an admin.
fn reason(outcome: &ExecutionOutcome) -> Option<&str> {
    match outcome {
        ExecutionOutcome::Issued | ExecutionOutcome::Answered => None,
        ExecutionOutcome::Denied(denial) => Some(&denial.reason),
        ExecutionOutcome::Failed => Some("An Action failed"),
        ExecutionOutcome::ClaimRefused => Some("A claim that an Action set was refused"),
        ExecutionOutcome::GrantEnded => {
            Some("The refresh token was used or revoked while Actions ran")
        }
        ExecutionOutcome::HostFailed => Some("The server failed"),
    }
}

/// The reference product's details, and beside them whose fault it was.
fn failure(record: &ExecutionRecord, run: &ActionRun) -> JsonObject {
    let mut details = members([
        ("trigger_id", json!(record.trigger)),
        ("execution_id", json!(record.id)),
        ("action_id", json!(run.action_id)),
        ("action_name", json!(log_text(&run.action_name))),
        ("version_id", json!(run.version_id)),
        ("binding_id", json!(run.binding_id)),
    ]);
    if let Some(fault) = &run.fault {
        insert_fault(&mut details, fault);
    }
    details
}

fn insert_fault(details: &mut JsonObject, fault: &Fault) {
    let class = match (fault.blame, fault.kind) {
        (Blame::Host, _) => "platform_error",
        (Blame::Action, FaultKind::Deadline) => "action_timeout",
        (Blame::Action, _) => "action_error",
    };
    details.insert("error_class".to_owned(), json!(class));
    let error = json!({ "name": fault.kind, "message": log_text(&fault.message) });
    details.insert("action_error".to_owned(), error);
}

fn refusals(record: &ExecutionRecord) -> JsonObject {
    let claims = record
        .refused
        .iter()
        .take(CLAIMS_LISTED_MAX)
        .map(|refused| {
            json!({
                "token": refused.token,
                "claim": log_text(&refused.claim),
                "action": log_text(&refused.action),
                "code": refused.refusal.code,
                "message": log_text(&refused.refusal.message),
                "remedy": log_text(&refused.refusal.remedy),
                "docs": refused.docs,
            })
        });
    members([
        ("trigger_id", json!(record.trigger)),
        ("execution_id", json!(record.id)),
        ("claims", claims.collect()),
        ("claims_total", json!(record.refused.len())),
    ])
}

fn members<const N: usize>(members: [(&str, Value); N]) -> JsonObject {
    let named = members.into_iter();
    named
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
