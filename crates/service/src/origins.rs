//! Whose pages may call the token endpoints from a browser.

use claimsmith_model::ClientId;

use crate::{ServiceError, TenantContext};

impl TenantContext {
    /// Whether a client has an origin (RFC 6454) among its own; without a client,
    /// whether any client of the tenant has.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn is_origin(
        &self,
        origin: &str,
        client: Option<&ClientId>,
    ) -> Result<bool, ServiceError> {
        let Some(id) = client else {
            return Ok(self.store.is_origin_of_a_client(origin).await?);
        };
        let client = self.configuration().await?.client(id).await?;
        Ok(client.is_some_and(|client| client.origins().any(|own| own == origin)))
    }
}
