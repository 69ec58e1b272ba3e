//! What happened when a script of a custom database ran.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ConnectionId, Fault, HttpCall, LogLine, RefusedCommand, Usage};

/// A script's part in the record of its run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptRun {
    /// Whose script.
    pub connection_id: ConnectionId,
    /// The connection's name at the time.
    pub connection: String,
    /// SHA-256 of its module; none when there was none to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module_sha256: Option<String>,
    /// What it came to.
    pub result: ScriptResult,
    /// What the script said of it, for its author; never for the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What its random numbers were derived from.
    pub seed: u64,
    /// What it used.
    pub usage: Usage,
    /// What it logged.
    pub logs: Vec<LogLine>,
    /// Bytes of log text beyond the limit, which were dropped.
    pub log_bytes_dropped: u64,
    /// HTTP calls that the host refused.
    pub refused_commands: Vec<RefusedCommand>,
    /// Refusals beyond the number that is listed.
    pub refusals_unlisted: u64,
    /// The HTTP calls that it made, in order.
    pub http_calls: Vec<HttpCall>,
    /// Why it failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
}

/// What a script's run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScriptResult {
    /// The script told who the user is.
    Profile,
    /// The script made the user, and told no more.
    Created,
    /// The password is wrong.
    WrongCredentials,
    /// There is no such user.
    UnknownUser,
    /// The script told who the user is, and an admin has blocked them.
    Blocked,
    /// There is such a user already.
    UserExists,
    /// The store doesn't want such a user.
    Rejected,
    /// There is a fault.
    Failed,
}

impl ScriptResult {
    /// The word for it in records and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Created => "created",
            Self::WrongCredentials => "wrong_credentials",
            Self::UnknownUser => "unknown_user",
            Self::Blocked => "blocked",
            Self::UserExists => "user_exists",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
        }
    }
}
