//! The client credentials grant (RFC 6749 section 4.4).

use std::sync::Arc;

use claimsmith_claims::TokenContext;
use claimsmith_model::{
    Client, Event, EventClient, EventResourceServer, EventTenant, EventTransaction, GrantType,
    JsonObject, Organization, OrganizationUsage, ResourceServer, TokenKind, Trigger,
};
use claimsmith_oauth::{Scopes, TokenRequest, TokenResponse};
use serde_json::json;

use super::{
    Issued, Refused, RequestFacts, TokenEndpointError, TokenService,
    issue::{ACCESS_TOKEN_CLAIMS, AccessTokenFacts, empty_ledger},
    login::{event_organization, organization},
    target,
};
use crate::{
    TenantContext,
    configuration::{Configuration, KeptGrant},
    pipeline::{self, RecordFacts, Sealed, TriggerInput, Verdict},
};

impl TokenService {
    pub(super) async fn client_credentials(
        &self,
        context: &Arc<TenantContext>,
        configuration: &Configuration<'_>,
        client: Arc<Client>,
        request: TokenRequest,
        facts: RequestFacts,
    ) -> Result<Issued, Refused> {
        let (api, grant) = granted(context, configuration, &client, &request).await?;
        let asked = request.organization.as_deref();
        let organization = of_grant(context, &grant, asked).await?;
        let grant_scopes = Arc::clone(&grant.scope);
        let requested = scopes(request.scope.as_deref())?;
        let has_asked = !requested.is_empty();
        let target = if requested.is_empty() {
            grant_scopes.to_vec()
        } else {
            requested.intersection(&grant_scopes).into_vec()
        };

        let input = TriggerInput {
            trigger: Trigger::CredentialsExchange,
            access_token: context.policy.ledger(TokenContext {
                kind: TokenKind::AccessToken,
                server_claims: Arc::new(ACCESS_TOKEN_CLAIMS),
                own_api: api.is_system,
                scopes: Arc::from(requested.as_slice()),
            }),
            id_token: empty_ledger(context, TokenKind::IdToken),
            grant_scopes: Arc::clone(&grant_scopes),
            event: Event {
                organization: organization.as_ref().map(event_organization),
                ..event(context, &client, &api, requested, target, request, facts)
            },
        };
        let environment = &self.services.environment;
        let mut result = pipeline::run(context, environment, &self.services.ids, input).await?;
        let now = environment.clock.now();
        let record = RecordFacts {
            client_id: client.client_id.clone(),
            user_id: None,
            grant: GrantType::ClientCredentials,
            login_execution_id: None,
            ended_at: now,
        };
        if result.verdict != Verdict::Proceed {
            return Err(self.refuse(context, result, record));
        }

        let scope = result.event.transaction.target_scopes.join(" ");
        let claims = self.access_token_claims(
            context,
            &api,
            AccessTokenFacts {
                subject: &format!("{}@clients", client.client_id),
                audience: json!(api.identifier),
                client: &client,
                gty: Some("client-credentials"),
                scope: &result.event.transaction.target_scopes,
                permissions: &result.event.transaction.target_scopes,
                organization: organization.as_ref(),
            },
            now,
        );
        let Ok(checked) = Self::seal(context, &mut result, claims, None) else {
            return Err(self.refuse(context, result, record));
        };
        let execution_id = result.execution_id.clone();
        let signed = self
            .sign_access_token(context, &api, &checked.access_token)
            .await;
        let access_token = match signed {
            Ok(access_token) => access_token,
            Err(error) => return Err(self.fail(context, result, record, error)),
        };
        let sealed = Sealed {
            access_token: Some(&checked.access_token),
            ..Sealed::default()
        };
        self.write_record(context, result, &sealed, record);
        let mut response = TokenResponse::bearer(access_token, api.token_lifetime_s);
        // RFC 6749 section 5.1: what differs from what was asked for must be told.
        response.scope = (has_asked || !scope.is_empty()).then_some(scope);
        Ok(Issued {
            response,
            execution_id,
        })
    }
}

/// The API that is asked for, and the client's grant for it.
async fn granted(
    context: &TenantContext,
    configuration: &Configuration<'_>,
    client: &Client,
    request: &TokenRequest,
) -> Result<(Arc<ResourceServer>, Arc<KeptGrant>), TokenEndpointError> {
    let default = context.tenant.settings.default_audience.as_deref();
    let audience = target::asked(request)?.or(default);
    let audience = audience.ok_or_else(|| {
        TokenEndpointError::InvalidRequest(
            "the parameter audience is missing, and the tenant has no default_audience".to_owned(),
        )
    })?;
    let api = configuration.api(audience).await?;
    let api = api.ok_or_else(|| TokenEndpointError::UnknownAudience(audience.to_owned()))?;
    let grant = configuration.grant(&client.client_id, audience).await?;
    let grant = grant.ok_or_else(|| TokenEndpointError::NoClientGrant(audience.to_owned()))?;
    Ok((api, grant))
}

/// The organization that the token is for, if the grant is for organizations.
async fn of_grant(
    context: &TenantContext,
    grant: &KeptGrant,
    asked: Option<&str>,
) -> Result<Option<Organization>, TokenEndpointError> {
    let Some(asked) = asked else {
        if grant.organization_usage == OrganizationUsage::Require {
            return Err(TokenEndpointError::missing("organization"));
        }
        return Ok(None);
    };
    if grant.organization_usage == OrganizationUsage::Deny {
        return Err(TokenEndpointError::InvalidRequest(
            "the client grant is not for organizations: give it the organization_usage allow or \
             require"
                .to_owned(),
        ));
    }
    let found = organization::find(context, asked).await?;
    let allowed = found
        .filter(|found| grant.allow_any_organization || grant.organizations.contains(&found.id));
    let allowed = allowed.ok_or_else(|| {
        let shown: String = asked.chars().take(100).collect();
        TokenEndpointError::Organization(format!(
            "the client grant does not hold the organization `{shown}`, or there is none: add it \
             to the grant, or let the grant allow_any_organization"
        ))
    })?;
    Ok(Some(allowed))
}

/// The scopes of a request.
pub(crate) fn scopes(text: Option<&str>) -> Result<Scopes, TokenEndpointError> {
    Scopes::parse(text.unwrap_or_default())
        .map_err(|error| TokenEndpointError::InvalidScope(format!("scope: {error}")))
}

fn event(
    context: &TenantContext,
    client: &Client,
    api: &ResourceServer,
    requested: Scopes,
    target_scopes: Vec<String>,
    request: TokenRequest,
    facts: RequestFacts,
) -> Event {
    Event {
        tenant: EventTenant {
            id: context.tenant.id.as_str().to_owned(),
        },
        client: event_client(client),
        resource_server: Some(EventResourceServer {
            identifier: api.identifier.clone(),
        }),
        transaction: EventTransaction {
            protocol: None,
            requested_scopes: requested.into_vec(),
            target_scopes,
            metadata: JsonObject::new(),
            correlation_id: request.correlation_id,
            ..EventTransaction::default()
        },
        request: facts.into_event(request.body),
        ..Event::default()
    }
}

pub(super) fn event_client(client: &Client) -> EventClient {
    EventClient {
        client_id: client.client_id.as_str().to_owned(),
        name: client.name.clone(),
        metadata: client.client_metadata.clone(),
    }
}
