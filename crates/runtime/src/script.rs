//! What goes into a run of a custom database's script and what comes out.

use std::{fmt, sync::Arc};

use claimsmith_model::{
    ActionSecret, AllowedHosts, DatabaseScript, Fault, HttpCall, LogLine, RefusedCommand, Secret,
    Timestamp, Usage,
};

use crate::Limits;

/// One run to be made.
#[derive(Debug, Clone)]
pub struct ScriptInvocation {
    /// Which script, and what it is asked.
    pub call: ScriptCall,
    /// The connection's configuration: the secrets of its scripts.
    pub secrets: Arc<[ActionSecret]>,
    /// The hosts that the script may call over HTTP.
    pub allowed_hosts: Arc<AllowedHosts>,
    /// The time that the guest's clocks start at.
    pub started_at: Timestamp,
    /// What the guest's random numbers are derived from.
    pub seed: u64,
    /// What the run may use.
    pub limits: Limits,
}

/// What a script is asked.
#[derive(Debug, Clone)]
pub enum ScriptCall {
    /// Who is this, and is the password theirs?
    Login {
        /// An email address or a user name.
        identifier: String,
        /// The password.
        password: Secret,
    },
    /// Who is this?
    GetUser {
        /// An email address or a user name.
        identifier: String,
    },
    /// Make this user.
    Create {
        /// The user as the text of a JSON object.
        user_json: String,
        /// The password.
        password: Secret,
    },
}

impl ScriptCall {
    /// Which script is asked.
    #[must_use]
    pub const fn script(&self) -> DatabaseScript {
        match self {
            Self::Login { .. } => DatabaseScript::Login,
            Self::GetUser { .. } => DatabaseScript::GetUser,
            Self::Create { .. } => DatabaseScript::Create,
        }
    }
}

/// What came of a run.
#[derive(Debug, Clone)]
pub struct ScriptOutcome {
    /// What the script answered, or why it failed and whose fault that was.
    pub answer: Result<ScriptAnswer, Fault>,
    /// What it logged.
    pub logs: Vec<LogLine>,
    /// Bytes of log text beyond the limit.
    pub log_bytes_dropped: u64,
    /// HTTP calls that were denied.
    pub refused_commands: Vec<RefusedCommand>,
    /// Refusals beyond the number that is listed.
    pub refusals_unlisted: u64,
    /// The HTTP calls that it made.
    pub http_calls: Vec<HttpCall>,
    /// What it used.
    pub usage: Usage,
}

/// What a script answered. The texts are the script's own, cut at 4,096 bytes: for the
/// record, never for the client.
#[derive(Clone, PartialEq, Eq)]
pub enum ScriptAnswer {
    /// The user's profile: a text of at most [`PROFILE_BYTES_MAX`](crate::PROFILE_BYTES_MAX)
    /// that nobody has looked at yet.
    Profile(String),
    /// The user was made, and the script doesn't tell more.
    Created,
    /// The password is wrong.
    WrongCredentials(String),
    /// There is no such user.
    UnknownUser(String),
    /// There is such a user already.
    UserExists(String),
    /// The store doesn't want such a user.
    Rejected(String),
}

/// Shows which answer it is, and nothing of a profile.
impl fmt::Debug for ScriptAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Profile(_) => "Profile",
            Self::Created => "Created",
            Self::WrongCredentials(_) => "WrongCredentials",
            Self::UnknownUser(_) => "UnknownUser",
            Self::UserExists(_) => "UserExists",
            Self::Rejected(_) => "Rejected",
        })
    }
}
