//! Actions and their versions as callers see them.

use claimsmith_model::{
    Action, ActionId, ActionSecret, ActionVersion, AllowedHosts, LimitSettings, ModuleInfo,
    Timestamp, Trigger, VersionId,
};
use claimsmith_service::action_library::{
    ActionWithVersion, CodeProblem, code_problem, version_code,
};
use schemars::JsonSchema;
use serde::Serialize;

/// What runs Actions here.
const RUNTIME: &str = "wasm";

/// An Action: its draft, and the version that runs.
#[derive(JsonSchema, Serialize)]
pub(crate) struct ActionView<'a> {
    id: &'a ActionId,
    name: &'a str,
    supported_triggers: [SupportedTrigger; 1],
    code: String,
    dependencies: [(); 0],
    runtime: &'static str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<[ErrorView; 1]>,
    /// Of ours: what the draft's module is.
    #[serde(skip_serializing_if = "Option::is_none")]
    module: Option<&'a ModuleInfo>,
    secrets: Vec<SecretView<'a>>,
    /// Of ours: what the draft asks for of the limits.
    #[serde(skip_serializing_if = "LimitSettings::is_empty")]
    limits: &'a LimitSettings,
    /// Of ours: the hosts that the draft may call over HTTP.
    allowed_hosts: &'a AllowedHosts,
    #[serde(skip_serializing_if = "Option::is_none")]
    current_version: Option<CurrentVersion<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deployed_version: Option<VersionView<'a>>,
    all_changes_deployed: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// Why a draft can't run.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "CodeError")]
struct ErrorView {
    id: &'static str,
    msg: String,
}

/// An Action without code and secrets, within something else.
#[derive(JsonSchema, Serialize)]
pub(crate) struct ActionSummary<'a> {
    id: &'a ActionId,
    name: &'a str,
    supported_triggers: [SupportedTrigger; 1],
    created_at: Timestamp,
    updated_at: Timestamp,
    all_changes_deployed: bool,
}

/// An immutable version of an Action.
#[derive(JsonSchema, Serialize)]
pub(crate) struct VersionView<'a> {
    id: &'a VersionId,
    action_id: &'a ActionId,
    number: u32,
    deployed: bool,
    status: &'static str,
    code: String,
    dependencies: [(); 0],
    runtime: &'static str,
    supported_triggers: [SupportedTrigger; 1],
    /// Of ours: what its module is.
    module: &'a ModuleInfo,
    secrets: Vec<SecretView<'a>>,
    /// Of ours: what it asks for of the limits.
    #[serde(skip_serializing_if = "LimitSettings::is_empty")]
    limits: &'a LimitSettings,
    /// Of ours: the hosts that it may call over HTTP.
    allowed_hosts: &'a AllowedHosts,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<ActionSummary<'a>>,
    built_at: Timestamp,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// The deployed version once more, in an older form that tools still read.
#[derive(JsonSchema, Serialize)]
struct CurrentVersion<'a> {
    id: &'a VersionId,
    code: String,
    runtime: &'static str,
    status: &'static str,
    number: u32,
    build_time: Timestamp,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// A trigger by name and version.
#[derive(JsonSchema, Serialize)]
pub(crate) struct SupportedTrigger {
    id: Trigger,
    version: &'static str,
}

/// A secret without its value, which is never shown.
#[derive(JsonSchema, Serialize)]
struct SecretView<'a> {
    name: &'a str,
    updated_at: Timestamp,
}

impl<'a> ActionView<'a> {
    /// With the draft's code, as
    /// [`draft_code`](claimsmith_service::action_library::draft_code) gives it.
    pub(crate) fn of(
        ActionWithVersion { action, deployed }: &'a ActionWithVersion,
        code: String,
    ) -> Self {
        let problem = code_problem(action);
        Self {
            id: &action.id,
            name: &action.name,
            supported_triggers: [SupportedTrigger::of(action.trigger)],
            code,
            dependencies: [],
            runtime: RUNTIME,
            status: match (&action.module, &problem) {
                (Some(_), _) => "built",
                (None, Some(_)) => "failed",
                (None, None) => "pending",
            },
            errors: problem.map(|CodeProblem { id, message }| [ErrorView { id, msg: message }]),
            module: action.module.as_ref(),
            secrets: secrets(&action.secrets),
            limits: &action.limits,
            allowed_hosts: &action.allowed_hosts,
            current_version: deployed.as_ref().map(CurrentVersion::of),
            deployed_version: deployed
                .as_ref()
                .map(|version| VersionView::of(version, true, None)),
            all_changes_deployed: action.all_changes_deployed,
            created_at: action.created_at,
            updated_at: action.updated_at,
        }
    }
}

impl<'a> ActionSummary<'a> {
    pub(crate) fn of(action: &'a Action) -> Self {
        Self {
            id: &action.id,
            name: &action.name,
            supported_triggers: [SupportedTrigger::of(action.trigger)],
            created_at: action.created_at,
            updated_at: action.updated_at,
            all_changes_deployed: action.all_changes_deployed,
        }
    }
}

impl<'a> VersionView<'a> {
    pub(crate) fn with_action(version: &'a ActionVersion, action: &'a Action) -> Self {
        let deployed = action.deployed_version.as_ref() == Some(&version.id);
        Self::of(version, deployed, Some(ActionSummary::of(action)))
    }

    fn of(version: &'a ActionVersion, deployed: bool, action: Option<ActionSummary<'a>>) -> Self {
        Self {
            id: &version.id,
            action_id: &version.action_id,
            number: version.number,
            deployed,
            status: "built",
            code: version_code(&version.module),
            dependencies: [],
            runtime: RUNTIME,
            supported_triggers: [SupportedTrigger::of(version.trigger)],
            module: &version.module,
            secrets: secrets(&version.secrets),
            limits: &version.limits,
            allowed_hosts: &version.allowed_hosts,
            action,
            built_at: version.built_at,
            created_at: version.created_at,
            updated_at: version.created_at,
        }
    }
}

impl<'a> CurrentVersion<'a> {
    fn of(version: &'a ActionVersion) -> Self {
        Self {
            id: &version.id,
            code: version_code(&version.module),
            runtime: RUNTIME,
            status: "BUILT",
            number: version.number,
            build_time: version.built_at,
            created_at: version.created_at,
            updated_at: version.created_at,
        }
    }
}

impl SupportedTrigger {
    fn of(trigger: Trigger) -> Self {
        Self {
            id: trigger,
            version: trigger.version(),
        }
    }
}

fn secrets(secrets: &[ActionSecret]) -> Vec<SecretView<'_>> {
    secrets
        .iter()
        .map(|secret| SecretView {
            name: &secret.name,
            updated_at: secret.updated_at,
        })
        .collect()
}
