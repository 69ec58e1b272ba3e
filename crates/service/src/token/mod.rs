//! The token endpoint's decisions: who gets which token, and what stands in it.

mod authorization_code;
mod client;
mod client_credentials;
mod error;
pub(crate) mod hash;
mod issue;
pub(crate) mod login;
mod password;
mod refresh;
pub(crate) mod refresh_token;
mod request_facts;
mod revocation;
pub(crate) mod target;
mod trial;
mod user_info;

use std::{sync::Arc, time::Instant};

use claimsmith_model::{Client, ExecutionId, GrantType, TokenEndpointAuthMethod};
use claimsmith_oauth::{TokenRequest, TokenResponse};

pub use client::{ClientCredentials, is_same_secret, named_client};
pub(crate) use client_credentials::scopes;
pub use error::{Refused, TokenEndpointError};
pub(crate) use issue::{ACCESS_TOKEN_CLAIMS, ID_TOKEN_CLAIMS};
pub use request_facts::RequestFacts;
pub use trial::Trial;
pub use user_info::{UserInfo, UserInfoError};

use crate::{
    ServiceError, Services, TenantContext,
    configuration::Configuration,
    events::{NewEvent, of_refusal},
};

/// Expired tokens removed in one write, so that logins don't wait behind it.
const FORGOTTEN_AT_ONCE_MAX: usize = 1_000;

/// Issues tokens. Cheap to clone.
#[derive(Debug, Clone)]
pub struct TokenService {
    pub(crate) services: Services,
}

/// What a grant answered with.
#[derive(Debug)]
pub struct Issued {
    /// The answer's body.
    pub response: TokenResponse,
    /// The run of the trigger, whose record can be read from now on.
    pub execution_id: ExecutionId,
}

impl TokenService {
    /// A token service over the server's services.
    #[must_use]
    pub fn new(services: Services) -> Self {
        Self { services }
    }

    /// Answers a token request (RFC 6749 section 3.2): authenticates the client,
    /// checks the grant, runs the trigger, signs.
    ///
    /// # Errors
    /// The refusal, with the execution's identifier when a trigger ran.
    pub async fn issue(
        &self,
        context: &Arc<TenantContext>,
        credentials: Option<ClientCredentials>,
        request: TokenRequest,
        facts: RequestFacts,
    ) -> Result<Issued, Refused> {
        let began = Instant::now();
        let named = request.grant_type.as_deref().and_then(GrantType::from_wire);
        let answer = self.answer(context, credentials, request, facts).await;
        let refused = answer.as_ref().err().map(|refused| refused.error.code());
        let metrics = &self.services.metrics;
        metrics.token_request(context, named, refused, began.elapsed());
        answer
    }

    async fn answer(
        &self,
        context: &Arc<TenantContext>,
        credentials: Option<ClientCredentials>,
        request: TokenRequest,
        facts: RequestFacts,
    ) -> Result<Issued, Refused> {
        let grant = grant(&request)?;
        let configuration = context.configuration().await;
        let configuration = configuration.map_err(TokenEndpointError::from)?;
        let credentials = credentials.as_ref();
        let authenticated =
            self.authenticate(context, &configuration, credentials, &request.client);
        let client = authenticated.await.map_err(|error| Refused {
            claimed_client_id: request
                .client
                .client_id
                .as_deref()
                .and_then(|id| id.parse().ok()),
            ..error.into()
        })?;
        let by_grant = self.by_grant(
            context,
            &configuration,
            Arc::clone(&client),
            grant,
            request,
            facts,
        );
        by_grant.await.map_err(|refused| Refused {
            client: Some(client),
            ..refused
        })
    }

    async fn by_grant(
        &self,
        context: &Arc<TenantContext>,
        configuration: &Configuration<'_>,
        client: Arc<Client>,
        grant: GrantType,
        request: TokenRequest,
        facts: RequestFacts,
    ) -> Result<Issued, Refused> {
        let is_public = client.token_endpoint_auth_method == TokenEndpointAuthMethod::None;
        if is_public && grant == GrantType::ClientCredentials {
            return Err(TokenEndpointError::PublicClient.into());
        }
        if !client.grant_types.contains(&grant) {
            return Err(TokenEndpointError::GrantNotAllowed { grant }.into());
        }
        match grant {
            GrantType::ClientCredentials => {
                self.client_credentials(context, configuration, client, request, facts)
                    .await
            }
            GrantType::Password | GrantType::PasswordRealm => {
                self.password(context, configuration, client, grant, request, facts)
                    .await
            }
            GrantType::RefreshToken => {
                self.refresh(context, configuration, client, request, facts)
                    .await
            }
            GrantType::AuthorizationCode => {
                self.authorization_code(context, configuration, client, request, facts)
                    .await
            }
            // Its tokens come from the authorization endpoint.
            GrantType::Implicit => {
                Err(TokenEndpointError::UnsupportedGrant(grant.as_str().to_owned()).into())
            }
        }
    }
}

impl TokenService {
    /// Notes in the tenant's log that a token request was refused. A run of a trigger has
    /// its record, which tells of it; then nothing is noted, but for a code: the run that
    /// it came from is a login that succeeded.
    ///
    /// `claimed_client_id` is whom the caller said to be in a header.
    pub fn note_refusal(
        &self,
        context: &TenantContext,
        grant: Option<GrantType>,
        refused: &Refused,
        claimed_client_id: Option<&str>,
        facts: &RequestFacts,
    ) {
        let of_code = grant == Some(GrantType::AuthorizationCode);
        if refused.execution_id.is_some() && !of_code {
            return;
        }
        let event = NewEvent::new(of_refusal(grant, &refused.error))
            .because(&refused.error.to_string())
            .user_id(refused.user_id.as_ref())
            .from(facts);
        let event = match &refused.execution_id {
            Some(id) => event.execution(id),
            None => event,
        };
        let event = match &refused.client {
            Some(client) => event.client(client),
            None => {
                let in_header = claimed_client_id.and_then(|id| id.parse().ok());
                event.claimed_client(in_header.or_else(|| refused.claimed_client_id.clone()))
            }
        };
        self.services.events.record(context, event);
    }

    /// Forgets tokens, codes and sessions that have ended, a bounded number for each
    /// tenant. Answers how many; to be called again when that isn't zero.
    ///
    /// # Errors
    /// When the store can't be written.
    pub async fn forget_expired_tokens(&self) -> Result<usize, ServiceError> {
        let now = self.services.environment.clock.now();
        let mut forgotten = 0;
        for tenant in self.services.tenants.all() {
            let removed = tenant.store.remove_expired(now, FORGOTTEN_AT_ONCE_MAX);
            forgotten += removed.await?;
        }
        Ok(forgotten)
    }

    /// Removes signing keys that no token needs any more.
    ///
    /// # Errors
    /// When the store can't be written.
    pub async fn remove_keys_that_are_over(&self) -> Result<(), ServiceError> {
        let environment = &self.services.environment;
        for tenant in self.services.tenants.all() {
            tenant.remove_keys_that_are_over(environment).await?;
        }
        Ok(())
    }
}

fn grant(request: &TokenRequest) -> Result<GrantType, TokenEndpointError> {
    let name = request
        .grant_type
        .as_deref()
        .ok_or_else(|| TokenEndpointError::missing("grant_type"))?;
    GrantType::from_wire(name).ok_or_else(|| {
        let shown = name.chars().take(100).collect();
        TokenEndpointError::UnsupportedGrant(shown)
    })
}
