//! `/userinfo` (OpenID Connect Core section 5.3).

use claimsmith_keys::{Expected, VerifyError};
use claimsmith_model::{ClientId, JsonObject, OpaqueToken, SigningAlgorithm, User, UserId};
use claimsmith_oauth::BearerToken;
use claimsmith_storage::StorageError;
use serde_json::{Value, json};

use super::{TokenService, hash::sha256};
use crate::{ServiceError, TenantContext};

/// What `/userinfo` answers.
#[derive(Debug, Clone)]
pub struct UserInfo {
    /// `sub`, profile claims by scope, and the ID token's custom claims as of the last
    /// login.
    pub claims: JsonObject,
    /// The client that the access token was issued to.
    pub client_id: ClientId,
}

/// Why `/userinfo` refused (RFC 6750 section 3.1).
#[derive(Debug, thiserror::Error)]
pub enum UserInfoError {
    /// The token is not one, or not any more.
    #[error("the access token is unknown, expired or not for this endpoint")]
    InvalidToken,
    /// The token lacks `openid`.
    #[error("the access token lacks the scope openid")]
    InsufficientScope,
    /// The server failed.
    #[error("the server could not complete the request")]
    Host(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<ServiceError> for UserInfoError {
    fn from(error: ServiceError) -> Self {
        Self::Host(Box::new(error))
    }
}

impl From<StorageError> for UserInfoError {
    fn from(error: StorageError) -> Self {
        Self::Host(Box::new(error))
    }
}

/// Whom an access token speaks for.
struct Bearer {
    user_id: UserId,
    client_id: ClientId,
    scope: Vec<String>,
    /// How many times the user's logins may have been ended; a signed token doesn't say.
    logins_ended: Option<u32>,
}

impl TokenService {
    /// Answers a userinfo request. No Action runs: custom claims are those of the
    /// ID token of the user's last login at that client.
    ///
    /// # Errors
    /// When the token isn't one of this tenant for this endpoint.
    pub async fn user_info(
        &self,
        context: &TenantContext,
        token: &BearerToken,
    ) -> Result<UserInfo, UserInfoError> {
        let Bearer {
            user_id,
            client_id,
            scope,
            logins_ended,
        } = if token.expose().contains('.') {
            self.jwt_bearer(context, token).await?
        } else {
            self.opaque_bearer(context, token).await?
        };
        let configuration = context.configuration().await?;
        if configuration.client(&client_id).await?.is_none() {
            return Err(UserInfoError::InvalidToken);
        }
        if !scope.iter().any(|scope| scope == "openid") {
            return Err(UserInfoError::InsufficientScope);
        }
        let user = context.store.user(&user_id).await?;
        let user = user
            .filter(|user| !user.blocked)
            .filter(|user| logins_ended.is_none_or(|ended| ended == user.logins_ended))
            .ok_or(UserInfoError::InvalidToken)?;
        let mut info = JsonObject::new();
        info.insert("sub".into(), json!(user.user_id));
        info.extend(profile_claims(&user, &scope));
        for (name, value) in context.store.userinfo_claims(&user_id, &client_id).await? {
            info.entry(name).or_insert(value);
        }
        Ok(UserInfo {
            claims: info,
            client_id,
        })
    }

    async fn jwt_bearer(
        &self,
        context: &TenantContext,
        token: &BearerToken,
    ) -> Result<Bearer, UserInfoError> {
        let environment = &self.services.environment;
        // Whichever keys there are; HS256 tokens are never for this endpoint.
        let keys = context.keys(SigningAlgorithm::HS256, environment).await?;
        let expected = Expected {
            issuer: &context.tenant.issuer,
            audience: &context.userinfo_audience(),
            now: environment.clock.now(),
            leeway_s: 0,
        };
        let claims = keys
            .verify(token.expose(), &expected)
            .map_err(|_: VerifyError| UserInfoError::InvalidToken)?;
        let user_id = claims.subject().and_then(|subject| subject.parse().ok());
        let client_id = claims.client_id().and_then(|client| client.parse().ok());
        match (user_id, client_id) {
            (Some(user_id), Some(client_id)) => {
                let scope = claims.scope().split(' ').map(str::to_owned).collect();
                Ok(Bearer {
                    user_id,
                    client_id,
                    scope,
                    logins_ended: None,
                })
            }
            _ => Err(UserInfoError::InvalidToken),
        }
    }

    async fn opaque_bearer(
        &self,
        context: &TenantContext,
        token: &BearerToken,
    ) -> Result<Bearer, UserInfoError> {
        let now = self.services.environment.clock.now();
        let stored = context.store.opaque_token(&sha256(token.expose())).await?;
        let stored = stored.filter(|stored| now < stored.expires_at);
        let stored = stored.ok_or(UserInfoError::InvalidToken)?;
        if !still_stands(context, &stored).await? {
            return Err(UserInfoError::InvalidToken);
        }
        Ok(Bearer {
            user_id: stored.user_id,
            client_id: stored.client_id,
            scope: stored.scope,
            logins_ended: Some(stored.logins_ended),
        })
    }
}

/// Whether what an opaque access token rests on is still there: the refresh token that it
/// belongs to, and what the user allowed the client.
async fn still_stands(context: &TenantContext, token: &OpaqueToken) -> Result<bool, StorageError> {
    let store = &context.store;
    if let Some(grant) = &token.refresh_grant
        && store.refresh_grant(grant).await?.is_none()
    {
        return Ok(false);
    }
    if !token.rests_on_consent {
        return Ok(true);
    }
    let consent = store.consent(&token.user_id, &token.client_id, None);
    Ok(consent.await?.is_some())
}

/// The profile claims of a user that the scopes ask for and the user has (OpenID
/// Connect Core section 5.4). Never any metadata.
pub(super) fn profile_claims(user: &User, scopes: &[String]) -> JsonObject {
    let text = |value: &Option<String>| value.as_ref().map(|value| json!(value));
    let claim = |name: &str| -> Option<Value> {
        match name {
            "name" => text(&user.name),
            "given_name" => text(&user.given_name),
            "family_name" => text(&user.family_name),
            "nickname" => text(&user.nickname),
            "picture" => text(&user.picture),
            // Core section 5.1 wants a number, although the reference product writes a text.
            "updated_at" => Some(json!(user.updated_at.as_seconds())),
            "email" => text(&user.email),
            "email_verified" => user.email.is_some().then(|| json!(user.email_verified)),
            "phone_number" => text(&user.phone_number),
            "phone_number_verified" => user.phone_verified.map(|verified| json!(verified)),
            _ => None,
        }
    };
    scopes
        .iter()
        .flat_map(|scope| claimsmith_oauth::claims_for_scope(scope))
        .filter_map(|name| Some(((*name).to_owned(), claim(name)?)))
        .collect()
}
