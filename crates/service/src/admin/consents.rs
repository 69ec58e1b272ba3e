//! What users allowed clients, which the reference product calls grants.

use claimsmith_model::{Consent, ConsentId, UserId};
use claimsmith_storage::ConsentSearch;

use super::Page;
use crate::{ServiceError, management::TenantAdmin};

/// What users allowed, as far as it fits the search, and how much there is.
///
/// # Errors
/// When it can't be read.
pub async fn list(
    admin: &TenantAdmin,
    search: &ConsentSearch,
    page: Page,
) -> Result<(Vec<(ConsentId, Consent)>, usize), ServiceError> {
    Ok(admin.store().consents(search, page).await?)
}

/// Takes back what a user allowed a client, and revokes the refresh tokens that rest on
/// it; one that isn't there is no error.
///
/// # Errors
/// When it can't be taken back.
pub async fn withdraw(admin: &TenantAdmin, id: &ConsentId) -> Result<(), ServiceError> {
    Ok(admin.store().withdraw_consent(id).await?)
}

/// Takes back all that a user allowed, in the same way.
///
/// # Errors
/// When it can't be taken back.
pub async fn withdraw_all(admin: &TenantAdmin, user: &UserId) -> Result<(), ServiceError> {
    Ok(admin.store().withdraw_consents(user).await?)
}
