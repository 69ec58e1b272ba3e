//! Uploading the module of a draft, and giving modules back.

use std::sync::Arc;

use claimsmith_model::{Action, ActionId, ModuleInfo, Timestamp, Trigger, VersionId};
use claimsmith_runtime::ModuleProblem;

use super::{ActionWithVersion, is_same, load, with_version};
use crate::{ServiceError, management::TenantAdmin};

/// Takes the module of an Action's draft: checks it, and stores it only when it is
/// right, and starts under the limits that the draft has now; the draft is built then.
/// What is deployed stays as it is.
///
/// # Errors
/// `NotFound`; `Module` with everything that is wrong with it; `Busy`.
pub async fn upload(
    admin: &TenantAdmin,
    id: &ActionId,
    bytes: &[u8],
) -> Result<ActionWithVersion, ServiceError> {
    // Before the check, which takes long.
    let draft = load(admin, id).await?;
    let checked = check(admin, &draft, bytes).await?;

    let ActionWithVersion {
        action: before,
        deployed,
    } = with_version(admin, load(admin, id).await?).await?;
    let mut after = before.clone();
    set(&mut after, checked, admin.now());
    after.all_changes_deployed = deployed
        .as_ref()
        .is_some_and(|version| is_same(&after, version));
    if after != before {
        after.updated_at = admin.now();
        admin
            .store()
            .update_action(&before, &after, Some(bytes))
            .await?;
    }
    Ok(ActionWithVersion {
        action: after,
        deployed,
    })
}

/// Checks a module for a draft, under the limits that the draft has.
pub(super) async fn check(
    admin: &TenantAdmin,
    draft: &Action,
    bytes: &[u8],
) -> Result<ModuleInfo, ServiceError> {
    let environment = admin.environment();
    let limits = admin.tenant().execution_limits(&draft.limits, environment);
    let checked = environment
        .engine
        .check_within(admin.share(), Arc::from(bytes), limits)
        .await?;
    if checked.serves(draft.trigger) {
        Ok(checked.info().clone())
    } else {
        Err(wrong_trigger(draft.trigger))
    }
}

/// Makes a checked module the draft's.
pub(super) fn set(draft: &mut Action, module: ModuleInfo, now: Timestamp) {
    draft.code.clear();
    if draft.module.as_ref() != Some(&module) {
        draft.module = Some(module);
        draft.built_at = Some(now);
    }
}

/// A module as it was uploaded.
#[derive(Debug, Clone)]
pub struct Module {
    /// SHA-256 of the bytes, in lower-case hexadecimal.
    pub sha256: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// The module of an Action's draft.
///
/// # Errors
/// `NotFound`, also when the draft has none.
pub async fn of_draft(admin: &TenantAdmin, id: &ActionId) -> Result<Module, ServiceError> {
    let module = load(admin, id).await?.module;
    let module = module.ok_or(ServiceError::not_found("That action has no module yet."))?;
    read(admin, module.sha256).await
}

/// The module of a version.
///
/// # Errors
/// `NotFound`.
pub async fn of_version(
    admin: &TenantAdmin,
    id: &ActionId,
    version: &VersionId,
) -> Result<Module, ServiceError> {
    let version = super::version(admin, id, version).await?;
    read(admin, version.module.sha256).await
}

/// The module of that SHA-256, which something that is stored names.
pub(crate) async fn read(admin: &TenantAdmin, sha256: String) -> Result<Module, ServiceError> {
    let bytes = admin.store().module(&sha256).await?;
    let bytes = bytes.ok_or_else(|| ServiceError::internal("a module's bytes are missing"))?;
    Ok(Module { sha256, bytes })
}

pub(super) fn wrong_trigger(trigger: Trigger) -> ServiceError {
    let trigger = trigger.as_str();
    ServiceError::Module(vec![ModuleProblem {
        code: "wrong_trigger",
        message: format!(
            "the module has no handler for {trigger}, which this Action is for; export \
             {trigger}-handler (in Rust, the attribute #[actions_sdk::{}]), or create an Action \
             for the trigger that it serves",
            trigger.replace('-', "_")
        ),
    }])
}
