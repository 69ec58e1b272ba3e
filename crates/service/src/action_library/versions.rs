//! The versions of an Action.

use claimsmith_model::{ActionId, ActionVersion, VersionId};

use super::load;
use crate::{ServiceError, management::TenantAdmin};

/// All versions of an Action, newest first.
///
/// # Errors
/// `NotFound`.
pub async fn list(
    admin: &TenantAdmin,
    action: &ActionId,
) -> Result<Vec<ActionVersion>, ServiceError> {
    load(admin, action).await?;
    Ok(admin.store().action_versions(action).await?)
}

/// One version of an Action.
///
/// # Errors
/// `NotFound`, also when it is the version of another Action.
pub async fn get(
    admin: &TenantAdmin,
    action: &ActionId,
    id: &VersionId,
) -> Result<ActionVersion, ServiceError> {
    let version = admin.store().action_version(id).await?;
    let version = version.filter(|version| version.action_id == *action);
    version.ok_or(ServiceError::not_found(
        "That action version does not exist.",
    ))
}
