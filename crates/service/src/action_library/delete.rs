//! Deleting an Action.

use claimsmith_model::ActionId;
use claimsmith_storage::StorageError;

use super::{apply, bound_at, load};
use crate::{ServiceError, management::TenantAdmin};

/// The reference product's text.
const BOUND: &str = "Unable to delete an action bound to a trigger.";

/// Deletes an Action with its versions; with `force`, its bindings too.
///
/// # Errors
/// `NotFound`; `Conflict` with its bindings when it is bound and `force` is not set.
pub async fn delete(admin: &TenantAdmin, id: &ActionId, force: bool) -> Result<(), ServiceError> {
    load(admin, id).await?;
    let bound = bound_at(admin, id).await?;
    if !force && !bound.is_empty() {
        let places: Vec<_> = bound
            .iter()
            .flat_map(|(trigger, bindings)| bindings.bindings.iter().map(move |it| (trigger, it)))
            .filter(|(_, binding)| binding.action_id == *id)
            .map(|(trigger, binding)| format!("`{}` at {trigger}", binding.display_name))
            .collect();
        return Err(ServiceError::Conflict(format!(
            "{BOUND} It is bound as {}; unbind it, or delete with ?force=true.",
            places.join(" and ")
        )));
    }
    admin
        .store()
        .delete_action(id, force)
        .await
        .map_err(|error| match error {
            // It was bound after the look above.
            StorageError::Conflict { .. } => ServiceError::Conflict(BOUND.to_owned()),
            other => other.into(),
        })?;
    for (trigger, _) in bound {
        apply(admin, trigger).await;
    }
    Ok(())
}
