//! Records of what happened when triggers ran.

use std::sync::Arc;

use claimsmith_model::{ExecutionId, ExecutionRecord};

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
