//! Records of what happened when triggers ran.

use std::sync::Arc;

use claimsmith_model::{ActionId, ExecutionId, ExecutionRecord};
use claimsmith_storage::ExecutionPage;

use crate::{ServiceError, management::TenantAdmin};

/// The record of one run, from the moment its answer was sent.
///
/// # Errors
/// `NotFound`, also when it was kept and is gone by age or size.
pub async fn get(
    admin: &TenantAdmin,
    id: &ExecutionId,
) -> Result<Arc<ExecutionRecord>, ServiceError> {
    let executions = &admin.environment().executions;
    let record = executions.execution(&admin.tenant().tenant.id, id).await?;
    record.ok_or(ServiceError::not_found("That execution does not exist."))
}

/// Records in which an Action ran, the newest first; those before a position when it is given.
/// A page may be short, and `next` says where to go on.
///
/// # Errors
/// `NotFound` when there is no such Action; when the records can't be read.
pub async fn of_action(
    admin: &TenantAdmin,
    action: &ActionId,
    before: Option<u64>,
    take: usize,
) -> Result<ExecutionPage, ServiceError> {
    if admin.store().action(action).await?.is_none() {
        return Err(ServiceError::not_found("That action does not exist."));
    }
    let executions = &admin.environment().executions;
    let tenant = &admin.tenant().tenant.id;
    Ok(executions
        .executions_of(tenant, action, before, take)
        .await?)
}
