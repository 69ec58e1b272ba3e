//! Uploading the module of a draft.

use std::sync::Arc;

use claimsmith_model::ActionId;
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
    let environment = admin.environment();
    let limits = admin.tenant().execution_limits(&draft.limits, environment);
    let checked = environment
        .engine
        .check_within(admin.share(), Arc::from(bytes), limits)
        .await?;

    let ActionWithVersion {
        action: before,
        deployed,
    } = with_version(admin, load(admin, id).await?).await?;
    if !checked.serves(before.trigger) {
        return Err(wrong_trigger(before.trigger.as_str()));
    }
    let mut after = before.clone();
    if after.module.as_ref() != Some(checked.info()) {
        after.module = Some(checked.info().clone());
        after.built_at = Some(admin.now());
    }
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

fn wrong_trigger(trigger: &str) -> ServiceError {
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
