//! Revoking a token (RFC 7009).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use claimsmith_model::{ClientId, JsonObject};
use claimsmith_oauth::RevocationRequest;

use super::{
    ClientCredentials, TokenEndpointError, TokenService, hash::sha256, refresh_token::RefreshToken,
};
use crate::TenantContext;

impl TokenService {
    /// Revokes a token of the client that asks. A refresh token revokes all that were and
    /// will be exchanged for it; also one that was replaced, as long as its login goes on.
    /// One that isn't known is no error: what the client wants is so already.
    ///
    /// # Errors
    /// When the client didn't prove who it is, the token is another client's, or a JWT:
    /// that is good until it ends, because APIs don't ask the server about it.
    pub async fn revoke(
        &self,
        context: &TenantContext,
        credentials: Option<ClientCredentials>,
        request: RevocationRequest,
    ) -> Result<(), TokenEndpointError> {
        let configuration = context.configuration().await?;
        let credentials = credentials.as_ref();
        let client = self.authenticate(context, &configuration, credentials, &request.client);
        let client = client.await?;
        let must_be_of = |owner: &ClientId| {
            if *owner == client.client_id {
                return Ok(());
            }
            Err(TokenEndpointError::ForeignToken)
        };
        let token = request.token;
        let token = token.ok_or_else(|| TokenEndpointError::missing("token"))?;
        let store = &context.store;

        if let Some(parsed) = RefreshToken::parse(&token)
            && let Some(grant) = store.refresh_grant(&parsed.grant).await?
        {
            if parsed.is_genuine(&grant.key) {
                must_be_of(&grant.client_id)?;
                store.revoke_refresh_grant(&grant.id).await?;
            }
            return Ok(());
        }
        if is_jwt(token.expose()) {
            return Err(TokenEndpointError::NotRevocable);
        }
        let hash = sha256(token.expose());
        if let Some(opaque) = store.opaque_token(&hash).await? {
            must_be_of(&opaque.client_id)?;
            store.remove_opaque_token(&hash).await?;
        }
        Ok(())
    }
}

/// Whether a text looks like a signed JWT: three parts, the first of which is a header.
fn is_jwt(token: &str) -> bool {
    let mut parts = token.split('.');
    let header = parts.next().unwrap_or_default();
    let header = URL_SAFE_NO_PAD.decode(header).unwrap_or_default();
    let header: Option<JsonObject> = serde_json::from_slice(&header).ok();
    parts.count() == 2 && header.is_some_and(|header| header.contains_key("alg"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jwt_is_told_from_other_tokens() {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256"}"#);
        assert!(is_jwt(&format!("{header}.e30.c2ln")));
        for other in ["", "..", "rt_1.a.b", &header, &format!("{header}.e30")] {
            assert!(!is_jwt(other), "{other}");
        }
    }
}
