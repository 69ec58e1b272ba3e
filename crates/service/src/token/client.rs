//! Client authentication (RFC 6749 section 2.3).

use std::sync::Arc;

use aws_lc_rs::{constant_time::verify_slices_are_equal, digest};
use claimsmith_model::{Client, ClientId, GrantType, Secret, TokenEndpointAuthMethod};
use claimsmith_oauth::TokenRequest;

use super::{TokenEndpointError, TokenService};
use crate::configuration::Configuration;

/// What a client gave in the `Authorization: Basic` header.
#[derive(Debug, Clone)]
pub struct ClientCredentials {
    /// The `client_id`.
    pub client_id: String,
    /// The `client_secret`.
    pub client_secret: Secret,
}

impl TokenService {
    /// The client that the request comes from.
    ///
    /// A confidential client may give its secret in the header or in the body, but
    /// not in both (RFC 6749 section 2.3). A public client gives its `client_id`,
    /// and can't use `client_credentials`.
    pub(super) async fn authenticate(
        &self,
        configuration: &Configuration<'_>,
        header: Option<ClientCredentials>,
        request: &TokenRequest,
    ) -> Result<Arc<Client>, TokenEndpointError> {
        let (id, secret) = match header {
            Some(_) if request.client_secret.is_some() => {
                return Err(TokenEndpointError::InvalidRequest(
                    "give client_secret in the Authorization header or in the body, not in both"
                        .to_owned(),
                ));
            }
            Some(header) => {
                if request
                    .client_id
                    .as_ref()
                    .is_some_and(|id| *id != header.client_id)
                {
                    return Err(TokenEndpointError::InvalidRequest(
                        "client_id differs from the one in the Authorization header".to_owned(),
                    ));
                }
                (header.client_id, Some(header.client_secret))
            }
            None => {
                let id = request.client_id.clone();
                let id = id.ok_or(TokenEndpointError::NoClientAuthentication)?;
                (id, request.client_secret.clone())
            }
        };
        let id: ClientId = id.parse().map_err(|_| TokenEndpointError::InvalidClient)?;
        let client = configuration.client(&id).await?;
        let Some(client) = client else {
            return Err(TokenEndpointError::InvalidClient);
        };

        match (client.token_endpoint_auth_method, secret) {
            (TokenEndpointAuthMethod::None, _) => {
                let grant = request.grant_type.as_deref();
                if grant == Some(GrantType::ClientCredentials.as_str()) {
                    return Err(TokenEndpointError::PublicClient);
                }
                Ok(client)
            }
            (
                TokenEndpointAuthMethod::ClientSecretPost
                | TokenEndpointAuthMethod::ClientSecretBasic,
                Some(secret),
            ) if is_same_secret(secret.expose(), &client.client_secret) => Ok(client),
            _ => Err(TokenEndpointError::InvalidClient),
        }
    }
}

/// Compares a given secret with the right one, in a time that tells neither how
/// long nor how alike they are.
#[must_use]
pub fn is_same_secret(given: &str, right: &Secret) -> bool {
    let hash = |text: &str| digest::digest(&digest::SHA256, text.as_bytes());
    verify_slices_are_equal(hash(given).as_ref(), hash(right.expose()).as_ref()).is_ok()
}
