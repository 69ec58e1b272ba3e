//! Whether a caller may administer a tenant.

use std::sync::Arc;

use claimsmith_keys::{Expected, VerifyError};
use claimsmith_model::{ClientId, Limit, SigningAlgorithm, Timestamp};
use claimsmith_oauth::BearerToken;
use claimsmith_runtime::Share;
use claimsmith_storage::TenantStorage;

use crate::{
    Environment, Ids, ServiceError, Services, TenantContext, events::NewEvent, rate::Rate,
};

pub use crate::rate::RateState;

/// Somebody who may administer one tenant. Everything that administers takes one, so
/// it can't be reached by a caller who was not asked.
#[derive(Debug, Clone)]
pub struct TenantAdmin {
    services: Services,
    tenant: Arc<TenantContext>,
    authority: Authority,
    /// The client that the token was given to; none for the operator.
    client_id: Option<ClientId>,
}

#[derive(Debug, Clone)]
enum Authority {
    /// The server's operator may do everything.
    Operator,
    /// The holder of a Management API token may do what its scopes say.
    Scopes(Vec<String>),
}

/// Why a caller may not administer the tenant. The texts are the reference product's.
#[derive(Debug, thiserror::Error)]
pub enum ManagementError {
    /// No token came. `401`.
    #[error("Missing authentication")]
    MissingAuthentication,
    /// The token is none of this tenant's Management API. `401`.
    #[error("Invalid token")]
    InvalidToken,
    /// The token's signature is wrong. `401`.
    #[error("Invalid signature received for JSON Web Token validation")]
    InvalidSignature,
    /// The token was right once. `401`.
    #[error("Expired token received for JSON Web Token validation")]
    ExpiredToken,
    /// The token lacks a scope. `403`.
    #[error("Insufficient scope, expected any of: {0}")]
    InsufficientScope(&'static str),
    /// The client asks too often. `429`.
    #[error("Global limit has been reached")]
    TooManyRequests(RateState),
    /// The server failed. `500`.
    #[error(transparent)]
    Host(#[from] ServiceError),
}

/// Checks a Management API token: of this tenant, for its Management API, issued to
/// a client for itself, with `scope`.
///
/// A user's token is refused whatever its scopes: logging in makes nobody an admin.
///
/// # Errors
/// Why the caller may not.
pub async fn authorize(
    services: &Services,
    tenant: &Arc<TenantContext>,
    token: Option<&BearerToken>,
    scope: &'static str,
) -> Result<TenantAdmin, ManagementError> {
    let token = token.ok_or(ManagementError::MissingAuthentication)?;
    let environment = &services.environment;
    // Whichever keys there are: HS256 has none of the tenant's, so none is made.
    let keys = tenant.keys(SigningAlgorithm::HS256, environment).await?;
    let expected = Expected {
        issuer: &tenant.tenant.issuer,
        audience: &tenant.management_audience(),
        now: environment.clock.now(),
        leeway_s: 0,
    };
    let claims = keys
        .verify(token.expose(), &expected)
        .map_err(|error| match error {
            VerifyError::Expired => ManagementError::ExpiredToken,
            VerifyError::BadSignature => ManagementError::InvalidSignature,
            _ => ManagementError::InvalidToken,
        })?;
    let of_client = claims.client_id().map(|client| format!("{client}@clients"));
    if of_client.as_deref() != claims.subject() || of_client.is_none() {
        return Err(ManagementError::InvalidToken);
    }
    let scopes = claims.scope().split(' ').map(str::to_owned).collect();
    let authority = Authority::Scopes(scopes);
    let admin = TenantAdmin {
        services: services.clone(),
        tenant: Arc::clone(tenant),
        authority,
        client_id: claims.client_id().and_then(|id| id.parse().ok()),
    };
    if admin.may(scope) {
        Ok(admin)
    } else {
        Err(ManagementError::InsufficientScope(scope))
    }
}

impl TenantAdmin {
    /// The server's operator, who may do everything in every tenant. For callers who
    /// have proven that they are.
    #[must_use]
    pub fn operator(services: Services, tenant: Arc<TenantContext>) -> Self {
        Self {
            services,
            tenant,
            authority: Authority::Operator,
            client_id: None,
        }
    }

    /// Whose places trials of the tenant's uploads take.
    pub(crate) fn share(&self) -> &Share {
        &self.tenant.share
    }

    /// Whether the caller has a scope.
    #[must_use]
    pub fn may(&self, scope: &str) -> bool {
        match &self.authority {
            Authority::Operator => true,
            Authority::Scopes(scopes) => scopes.iter().any(|held| held == scope),
        }
    }

    /// Counts a request of the client's, and answers what that leaves. The operator's are
    /// not counted.
    ///
    /// # Errors
    /// `TooManyRequests` with the same when it is one too many.
    pub fn count_request(&self) -> Result<Option<RateState>, ManagementError> {
        let Some(client_id) = &self.client_id else {
            return Ok(None);
        };
        let limit = |limit| self.tenant.limit(limit, self.environment());
        let rate = Rate {
            burst: limit(Limit::AdminRequestsBurst),
            per_s: limit(Limit::AdminRequestsPerS),
        };
        let state = self
            .tenant
            .admin_requests()
            .take(client_id, rate, self.now());
        if state.retry_after_s.is_some() {
            return Err(ManagementError::TooManyRequests(state));
        }
        Ok(Some(state))
    }

    /// The client that asks; none when it is the operator.
    #[must_use]
    pub fn client_id(&self) -> Option<&ClientId> {
        self.client_id.as_ref()
    }

    /// The tenant.
    #[must_use]
    pub fn tenant(&self) -> &Arc<TenantContext> {
        &self.tenant
    }

    /// The server's services.
    #[must_use]
    pub fn services(&self) -> &Services {
        &self.services
    }

    pub(crate) fn store(&self) -> &dyn TenantStorage {
        self.tenant.store.as_ref()
    }

    pub(crate) fn environment(&self) -> &Environment {
        &self.services.environment
    }

    /// Makes the key of an algorithm that something of the tenant is set to, if there is
    /// none yet: so that whoever reads the key set from now on verifies the first token.
    pub(crate) async fn publish_key(
        &self,
        algorithm: SigningAlgorithm,
    ) -> Result<(), ServiceError> {
        let keys = self.tenant.keys(algorithm, self.environment());
        keys.await.map(|_| ())
    }

    pub(crate) fn ids(&self) -> &Ids {
        &self.services.ids
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.services.environment.clock.now()
    }
}

/// An event with who asked: the client by its identifier and name, or the operator.
pub async fn describe_caller(admin: &TenantAdmin, event: NewEvent) -> NewEvent {
    let Some(client_id) = admin.client_id() else {
        return event.detail("caller", "operator");
    };
    // A client that deleted itself has no name any more.
    match admin.store().client(client_id).await {
        Ok(Some(client)) => event.client(&client),
        _ => event.claimed_client(Some(client_id.clone())),
    }
}
