//! Actions, their versions, and their place in a trigger.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    ActionId, AllowedHosts, BindingId, DatabaseScript, LimitSettings, Secret, Timestamp, Trigger,
    VersionId,
};

/// An Action: a named piece of a tenant's code with a draft and versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// The identifier.
    pub id: ActionId,
    /// The name, unique in the tenant.
    pub name: String,
    /// The trigger that it is for.
    pub trigger: Trigger,
    /// What was sent as code and is no module, which is what runs; empty when there is a
    /// module.
    #[serde(default)]
    pub code: String,
    /// The draft's module; none until one is uploaded.
    #[serde(default)]
    pub module: Option<ModuleInfo>,
    /// When the draft's module was uploaded.
    #[serde(default)]
    pub built_at: Option<Timestamp>,
    /// The draft's secrets.
    #[serde(default)]
    pub secrets: Vec<ActionSecret>,
    /// What the draft asks for of the limits of an execution.
    #[serde(default)]
    pub limits: LimitSettings,
    /// The hosts that the draft may call over HTTP.
    #[serde(default)]
    pub allowed_hosts: AllowedHosts,
    /// The version that runs where the Action is bound; none until one is deployed.
    #[serde(default)]
    pub deployed_version: Option<VersionId>,
    /// The number of the newest version; 0 before the first.
    #[serde(default)]
    pub latest_number: u32,
    /// Whether the deployed version is the draft.
    #[serde(default)]
    pub all_changes_deployed: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A secret that an Action can read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionSecret {
    /// The name under which the Action reads it.
    pub name: String,
    /// The secret.
    pub value: Secret,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a checked module is. Only checking makes one: the module compiled, exports
/// at least one handler and imports nothing but the contract and WASI.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct ModuleInfo {
    /// SHA-256 of the uploaded bytes, in lower-case hexadecimal.
    pub sha256: String,
    /// Size of the uploaded bytes.
    pub size_bytes: u64,
    /// The triggers whose handlers it exports.
    pub triggers: Vec<Trigger>,
    /// The scripts of a custom database that it exports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scripts: Vec<DatabaseScript>,
    /// The interfaces that it imports.
    pub imports: Vec<String>,
    /// The version of the contract that it was built for.
    pub contract_version: String,
    /// The SDK that made it, such as `actions-sdk 0.1.0`, where it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sdk: Option<String>,
}

/// One immutable version of an Action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionVersion {
    /// The identifier.
    pub id: VersionId,
    /// Whose version it is.
    pub action_id: ActionId,
    /// 1 for the first, then counting up.
    pub number: u32,
    /// The trigger that it is for.
    pub trigger: Trigger,
    /// Its module.
    pub module: ModuleInfo,
    /// Its secrets.
    #[serde(default)]
    pub secrets: Vec<ActionSecret>,
    /// What it asks for of the limits of an execution.
    #[serde(default)]
    pub limits: LimitSettings,
    /// The hosts that it may call over HTTP.
    #[serde(default)]
    pub allowed_hosts: AllowedHosts,
    /// When its module was built (uploaded and checked).
    pub built_at: Timestamp,
    /// When it was deployed.
    pub created_at: Timestamp,
}

/// The bindings of one trigger, replaced as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TriggerBindings {
    /// Counts up with every change, for `If-Match`.
    pub revision: u64,
    /// The bindings in the order in which they run.
    pub bindings: Vec<Binding>,
}

/// One Action's place in a trigger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The identifier; it stays with the Action across reordering.
    pub id: BindingId,
    /// The bound Action.
    pub action_id: ActionId,
    /// The name for people.
    pub display_name: String,
    /// What happens when the Action fails.
    #[serde(default)]
    pub on_error: OnError,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What happens to a login when an Action fails (not when it denies).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// No token is issued.
    #[default]
    Deny,
    /// What the Action asked for is discarded, and the next Action runs.
    Continue,
}
