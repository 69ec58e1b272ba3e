//! Deploying a draft, or an older version again.

use claimsmith_model::{Action, ActionId, ActionVersion, JsonObject, VersionId};

use super::{
    ActionWithVersion, apply, bound_at, code::nothing_to_run, is_same, load, with_version,
};
use crate::{
    ServiceError,
    fields::{Fields, flag},
    management::TenantAdmin,
};

/// How many versions of an Action are kept; the reference product's limit.
const VERSIONS_MAX: usize = 50;

/// Makes a version of the draft and lets it run wherever the Action is bound, from
/// the next token on. A draft that is deployed already makes no version: the
/// deployed one is the answer.
///
/// # Errors
/// `NotFound`; `Invalid` when the draft has no module, or one that doesn't serve a
/// trigger where the Action is bound.
pub async fn deploy(admin: &TenantAdmin, id: &ActionId) -> Result<ActionWithVersion, ServiceError> {
    deploy_as(admin, id, admin.ids().version_id()).await
}

/// Deploys a draft as a version that has its identifier already.
pub(crate) async fn deploy_as(
    admin: &TenantAdmin,
    id: &ActionId,
    version_id: VersionId,
) -> Result<ActionWithVersion, ServiceError> {
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
    let version = version_of(admin, version_id, &before)?;
    let after = Action {
        all_changes_deployed: true,
        ..before.clone()
    };
    store(admin, &before, after, version).await
}

/// Makes a new version of what an older one is, and lets it run wherever the Action is
/// bound, from the next token on. With `update_draft` the draft becomes the same. When
/// it is the deployed version, that is the answer, and no version is made.
///
/// # Errors
/// `NotFound`; `Invalid…` for a wrong body, or when the version doesn't serve a trigger
/// where the Action is bound.
pub async fn deploy_version(
    admin: &TenantAdmin,
    id: &ActionId,
    version_id: &VersionId,
    body: JsonObject,
) -> Result<ActionWithVersion, ServiceError> {
    let mut fields = Fields::new(body);
    let update_draft = fields.optional("update_draft", flag)?.unwrap_or(false);
    fields.finish()?;
    let before = load(admin, id).await?;
    let older = super::version(admin, id, version_id).await?;

    let mut after = before.clone();
    if update_draft {
        after.code.clear();
        after.module = Some(older.module.clone());
        after.built_at = Some(older.built_at);
        after.secrets.clone_from(&older.secrets);
        after.limits = older.limits.clone();
        after.allowed_hosts = older.allowed_hosts.clone();
    }
    after.all_changes_deployed = is_same(&after, &older);
    if before.deployed_version.as_ref() == Some(version_id) && after == before {
        return Ok(ActionWithVersion {
            action: before,
            deployed: Some(older),
        });
    }
    let version = ActionVersion {
        id: admin.ids().version_id(),
        number: before.latest_number.saturating_add(1),
        created_at: admin.now(),
        ..older
    };
    store(admin, &before, after, version).await
}

/// Stores the version as the one that runs.
async fn store(
    admin: &TenantAdmin,
    before: &Action,
    after: Action,
    version: ActionVersion,
) -> Result<ActionWithVersion, ServiceError> {
    let bound = bound_at(admin, &before.id).await?;
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
        updated_at: version.created_at,
        ..after
    };
    let storing = admin
        .store()
        .deploy_action(before, &after, &version, VERSIONS_MAX);
    storing.await?;
    for (trigger, _) in bound {
        apply(admin, trigger).await;
    }
    Ok(ActionWithVersion {
        action: after,
        deployed: Some(version),
    })
}

fn version_of(
    admin: &TenantAdmin,
    id: VersionId,
    draft: &Action,
) -> Result<ActionVersion, ServiceError> {
    let (Some(module), Some(built_at)) = (&draft.module, draft.built_at) else {
        return Err(nothing_to_run(draft));
    };
    Ok(ActionVersion {
        id,
        action_id: draft.id.clone(),
        number: draft.latest_number.saturating_add(1),
        trigger: draft.trigger,
        module: module.clone(),
        secrets: draft.secrets.clone(),
        limits: draft.limits.clone(),
        allowed_hosts: draft.allowed_hosts.clone(),
        built_at,
        created_at: admin.now(),
    })
}
