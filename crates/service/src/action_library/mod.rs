//! How an Action becomes a version that runs.
//!
//! An Action has a draft: its secrets, and a module once one was uploaded. Deploying makes an immutable version of the draft, and binding puts
//! the Action's deployed version into a trigger. Whatever changes what runs takes
//! effect with the next token.

mod bindings;
mod code;
mod delete;
mod deploy;
mod draft;
mod module;
mod test;
mod versions;

use claimsmith_model::{Action, ActionId, ActionSecret, ActionVersion, Trigger, TriggerBindings};

pub(crate) use bindings::{BOUND_MAX, bind_as};
pub use bindings::{BoundAction, BoundActions, get as bindings, replace as replace_bindings};
pub use code::{
    CodeProblem, of_draft as draft_code, of_version as version_code, problem as code_problem,
};
pub use delete::delete;
pub(crate) use deploy::deploy_as;
pub use deploy::{deploy, deploy_version};
pub(crate) use draft::{
    ACTIONS_MAX, SECRET_NAME_CHARS_MAX, SECRET_VALUE_CHARS_MAX, SECRETS_MAX, allowed_hosts,
    create_as,
};
pub use draft::{create, patch};
pub(crate) use module::read as read_module;
pub use module::{
    Module, of_draft as draft_module, of_version as version_module, upload as upload_module,
};
pub use test::test;
pub use versions::{get as version, list as versions};

use crate::{ServiceError, management::TenantAdmin};

const NO_ACTION: ServiceError = ServiceError::not_found("That action does not exist.");

/// Which Actions to list.
#[derive(Debug, Clone, Default)]
pub struct ActionFilter {
    /// Those for this trigger only.
    pub trigger: Option<Trigger>,
    /// The one with this name only.
    pub name: Option<String>,
    /// Those that have, or have not, a deployed version only.
    pub deployed: Option<bool>,
    /// Those that were, or were not, installed from a marketplace only. There is
    /// none here.
    pub installed: Option<bool>,
}

/// An Action with the version that runs where it is bound.
#[derive(Debug, Clone)]
pub struct ActionWithVersion {
    /// The Action.
    pub action: Action,
    /// Its deployed version, if it has one.
    pub deployed: Option<ActionVersion>,
}

/// One Action with its deployed version.
///
/// # Errors
/// `NotFound`.
pub async fn get(admin: &TenantAdmin, id: &ActionId) -> Result<ActionWithVersion, ServiceError> {
    let action = load(admin, id).await?;
    with_version(admin, action).await
}

/// The Actions that pass the filter, oldest first.
///
/// # Errors
/// When they can't be read.
pub async fn list(admin: &TenantAdmin, filter: &ActionFilter) -> Result<Vec<Action>, ServiceError> {
    let mut actions = admin.store().actions().await?;
    actions.retain(|action| {
        filter
            .trigger
            .is_none_or(|trigger| action.trigger == trigger)
            && filter.name.as_ref().is_none_or(|name| action.name == *name)
            && filter
                .deployed
                .is_none_or(|is| action.deployed_version.is_some() == is)
            && filter.installed != Some(true)
    });
    Ok(actions)
}

/// Puts the deployed version to an Action that was read.
///
/// # Errors
/// When it can't be read.
pub async fn with_version(
    admin: &TenantAdmin,
    action: Action,
) -> Result<ActionWithVersion, ServiceError> {
    let deployed = match &action.deployed_version {
        Some(id) => admin.store().action_version(id).await?,
        None => None,
    };
    Ok(ActionWithVersion { action, deployed })
}

async fn load(admin: &TenantAdmin, id: &ActionId) -> Result<Action, ServiceError> {
    admin.store().action(id).await?.ok_or(NO_ACTION)
}

/// Whether a version runs what the draft holds.
fn is_same(draft: &Action, version: &ActionVersion) -> bool {
    let sha256 = draft.module.as_ref().map(|module| module.sha256.as_str());
    sha256 == Some(version.module.sha256.as_str())
        && draft.limits == version.limits
        && draft.allowed_hosts == version.allowed_hosts
        && draft.secrets.len() == version.secrets.len()
        && draft
            .secrets
            .iter()
            .zip(&version.secrets)
            .all(|(a, b)| is_same_secret(a, b))
}

fn is_same_secret(a: &ActionSecret, b: &ActionSecret) -> bool {
    a.name == b.name && a.value == b.value
}

/// The bindings of each trigger that has the Action.
async fn bound_at(
    admin: &TenantAdmin,
    id: &ActionId,
) -> Result<Vec<(Trigger, TriggerBindings)>, ServiceError> {
    let mut bound = Vec::new();
    for trigger in Trigger::ALL {
        let bindings = admin.store().bindings(trigger).await?;
        if bindings
            .bindings
            .iter()
            .any(|binding| binding.action_id == *id)
        {
            bound.push((trigger, bindings));
        }
    }
    Ok(bound)
}

/// Makes the next token of the trigger run what is stored now. The change that
/// called for it is stored already, so a failure is no failure of the change: it
/// leaves nothing loaded, and the next token reads again.
async fn apply(admin: &TenantAdmin, trigger: Trigger) {
    let tenant = admin.tenant();
    if let Err(error) = tenant.reload_bindings(trigger, admin.environment()).await {
        tracing::error!(tenant = %tenant.tenant.id, %trigger, ?error, "bindings can't be loaded");
    }
}
