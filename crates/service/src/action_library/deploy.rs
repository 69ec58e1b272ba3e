//! Deploying a draft.

use claimsmith_model::{Action, ActionId, ActionVersion};

use super::{ActionWithVersion, apply, bound_at, is_same, load, with_version};
use crate::{ServiceError, management::TenantAdmin};

/// Makes a version of the draft and lets it run wherever the Action is bound, from
/// the next token on. A draft that is deployed already makes no version: the
/// deployed one is the answer.
///
/// # Errors
/// `NotFound`; `Invalid` when the draft has no module, or one that doesn't serve a
/// trigger where the Action is bound.
pub async fn deploy(admin: &TenantAdmin, id: &ActionId) -> Result<ActionWithVersion, ServiceError> {
    let ActionWithVersion {
        action: before,
        deployed,
    } = with_version(admin, load(admin, id).await?).await?;
    if let Some(version) = deployed.filter(|version| is_same(&before, version)) {
        return Ok(ActionWithVersion {
            action: before,
            deployed: Some(version),
        });
    }
    let version = version_of(admin, &before)?;
    let bound = bound_at(admin, id).await?;
    for (trigger, _) in &bound {
        if !version.module.triggers.contains(trigger) {
            return Err(ServiceError::invalid(format!(
                "the Action is bound to {trigger}, and the new module has no handler for it; \
                 unbind the Action there, or upload a module that serves it"
            )));
        }
    }

    let after = Action {
        deployed_version: Some(version.id.clone()),
        latest_number: version.number,
        all_changes_deployed: true,
        updated_at: version.created_at,
        ..before.clone()
    };
    admin
        .store()
        .deploy_action(&before, &after, &version)
        .await?;
    for (trigger, _) in bound {
        apply(admin, trigger).await;
    }
    Ok(ActionWithVersion {
        action: after,
        deployed: Some(version),
    })
}

fn version_of(admin: &TenantAdmin, draft: &Action) -> Result<ActionVersion, ServiceError> {
    let (Some(module), Some(built_at)) = (&draft.module, draft.built_at) else {
        return Err(ServiceError::invalid(
            "A draft must be in the 'built' state before it can be deployed. Upload its module \
             with PUT /api/v2/actions/actions/{id}/module (Content-Type: application/wasm).",
        ));
    };
    Ok(ActionVersion {
        id: admin.ids().version_id(),
        action_id: draft.id.clone(),
        number: draft.latest_number.saturating_add(1),
        trigger: draft.trigger,
        code: draft.code.clone(),
        module: module.clone(),
        secrets: draft.secrets.clone(),
        limits: draft.limits.clone(),
        allowed_hosts: draft.allowed_hosts.clone(),
        built_at,
        created_at: admin.now(),
    })
}
