//! What happened when a trigger ran.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    ActionId, BindingId, ClientId, Denial, ExecutionId, Handler, RequestOrigin, ScriptRun,
    Timestamp, TokenKind, UserId, VersionId,
};

/// The record of one run of a trigger: everything that an author needs to see why
/// a claim is, or is not, in a token. Or of one run of a custom database's script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExecutionRecord {
    /// The identifier, sent to the caller as `Claimsmith-Execution-Id`.
    pub id: ExecutionId,
    /// The trigger, or the script.
    pub trigger: Handler,
    /// The client that asked; none when it was the server's operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientId>,
    /// The user who logged in, or whom a script told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// The grant, as its name on the wire; none when an admin created a user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_type: Option<String>,
    /// Who asked, from where, and for what.
    #[serde(default)]
    pub origin: RequestOrigin,
    /// What came of it.
    pub outcome: ExecutionOutcome,
    /// The Actions that ran, in order.
    pub runs: Vec<ActionRun>,
    /// The script that ran, in the record of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<ScriptRun>,
    /// In a trigger's record, that of the script which let the user in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_execution_id: Option<ExecutionId>,
    /// The custom claims that are in the tokens.
    pub admitted: Vec<AdmittedClaim>,
    /// The claims that are not, with reason and remedy.
    pub refused: Vec<RefusedClaim>,
    /// What the author should know although nothing failed.
    pub warnings: Vec<Warning>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
}

/// What came of a run of a trigger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecutionOutcome {
    /// Tokens were issued.
    Issued,
    /// A custom database's script answered, be it that there is no such user.
    Answered,
    /// An Action denied.
    Denied(Denial),
    /// An Action failed and its binding said `deny`, or a script failed.
    Failed,
    /// A claim was refused and the tenant's `claims.on_refusal` says `fail`.
    ClaimRefused,
    /// What the tokens were to be given for was over by then: another request had been
    /// faster with the same refresh token, or it was revoked while the Actions ran.
    GrantEnded,
    /// The server failed.
    HostFailed,
}

/// One Action's part in a run of a trigger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActionRun {
    /// Which Action.
    pub action_id: ActionId,
    /// Its name at the time.
    pub action_name: String,
    /// Which version ran.
    pub version_id: VersionId,
    /// Through which binding.
    pub binding_id: BindingId,
    /// When it began, which is also where its clocks started.
    pub started_at: Timestamp,
    /// What its random numbers were derived from; with `started_at` and the event
    /// it repeats the execution.
    pub seed: u64,
    /// What it used.
    pub usage: Usage,
    /// What it logged.
    pub logs: Vec<LogLine>,
    /// Bytes of log text beyond the limit, which were dropped.
    #[serde(default)]
    pub log_bytes_dropped: u64,
    /// Commands other than claims that the host refused.
    #[serde(default)]
    pub refused_commands: Vec<RefusedCommand>,
    /// Refusals, of claims too, beyond the number that is listed.
    #[serde(default)]
    pub refusals_unlisted: u64,
    /// The HTTP calls that it made, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub http_calls: Vec<HttpCall>,
    /// Why it failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
}

/// What one execution of an Action used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Wall time in microseconds, instantiation included.
    pub wall_time_us: u64,
    /// The most linear memory it had at once, in bytes.
    pub memory_bytes_peak: u64,
}

/// An HTTP call that an Action made: one to a host that its list allows. Path, headers
/// and bodies are left out, because they hold what nobody should find in a record.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct HttpCall {
    /// The request's method.
    pub method: String,
    /// Where it went: scheme, host and, unless it is the scheme's own, port.
    pub origin: String,
    /// The answer's status; none when there was no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why it failed, as a stable word for programs; none when it didn't.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Wall time in microseconds, from the request to the end of the answer's body.
    pub duration_us: u64,
    /// Bytes sent, head and body.
    pub request_bytes: u64,
    /// Bytes received, head and body.
    pub response_bytes: u64,
}

/// A message that an Action wrote.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct LogLine {
    /// How much it matters.
    pub level: LogLevel,
    /// The message.
    pub message: String,
}

/// How much a log line matters.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, JsonSchema, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Only of use while looking for a fault.
    Debug,
    /// Worth knowing.
    Info,
    /// Unexpected, though the Action could go on.
    Warn,
    /// Something failed.
    Error,
}

/// Why an execution failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What kind of failure.
    pub kind: FaultKind,
    /// Whose fault it was.
    pub blame: Blame,
    /// For the author and the operator; never for the client.
    pub message: String,
}

/// The kinds of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The guest trapped: a panic, `unreachable`, an access out of bounds.
    Trap,
    /// The handler returned an error.
    GuestError,
    /// The execution, or the whole trigger, took too long.
    Deadline,
    /// The guest wanted more memory or table elements than it may have.
    Memory,
    /// The guest asked for more, or larger, things than it may.
    Limit,
    /// The server failed.
    Host,
}

/// Whose fault a failure was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blame {
    /// The Action's.
    Action,
    /// The server's.
    Host,
}

impl FaultKind {
    /// Whose fault such a failure is.
    #[must_use]
    pub const fn blame(self) -> Blame {
        match self {
            Self::Host => Blame::Host,
            Self::Trap | Self::GuestError | Self::Deadline | Self::Memory | Self::Limit => {
                Blame::Action
            }
        }
    }
}

/// Why the host did not take something: the contract's `refusal`.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Refusal {
    /// A stable word for programs.
    pub code: String,
    /// What was refused, and by which rule.
    pub message: String,
    /// What to write instead, or which setting to change.
    pub remedy: String,
}

/// A custom claim that is in a token.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct AdmittedClaim {
    /// In which token.
    pub token: TokenKind,
    /// Its name.
    pub claim: String,
    /// Its value; left out when its text is longer than 1,024 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// Which Action set it.
    pub action: String,
}

/// A claim that an Action asked for and no token has.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct RefusedClaim {
    /// For which token.
    pub token: TokenKind,
    /// Its name, cut at 256 characters.
    pub claim: String,
    /// Which Action asked.
    pub action: String,
    /// Why not, and what to do.
    #[serde(flatten)]
    pub refusal: Refusal,
    /// Where the rule is explained.
    pub docs: String,
}

/// A command other than a claim that the host refused.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct RefusedCommand {
    /// The contract's function, such as `transaction.set-metadata`.
    pub command: String,
    /// Why not, and what to do.
    #[serde(flatten)]
    pub refusal: Refusal,
}

/// Something that an author should know although nothing failed.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Warning {
    /// A stable word for programs.
    pub code: String,
    /// What is the case.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}
