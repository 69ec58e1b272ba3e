//! The refresh token grant (RFC 6749 section 6), with rotation (RFC 9700 section 4.14).
//!
//! Post-login runs again and nothing of its earlier runs is inherited. A refresh that is
//! denied, or fails, replaces nothing: the client may come again with the same token.
//!
//! Whether a token is still good is judged by the moment at which it came, however long
//! the Actions take.

use std::sync::Arc;

use claimsmith_model::{Client, GrantType, RefreshGrant, Secret, Timestamp};
use claimsmith_oauth::{Scopes, TokenRequest};
use claimsmith_storage::{RefreshExchange, RefreshExchanged};

use super::{
    Issued, Refused, RequestFacts, TokenEndpointError, TokenService,
    client_credentials::scopes,
    login::{EarlierLogin, LoginRequest, Way, response},
    refresh_token::RefreshToken,
    target,
};
use crate::{TenantContext, configuration::Configuration};

impl TokenService {
    pub(super) async fn refresh(
        &self,
        context: &Arc<TenantContext>,
        configuration: &Configuration<'_>,
        client: Arc<Client>,
        request: TokenRequest,
        facts: RequestFacts,
    ) -> Result<Issued, Refused> {
        let came_at = self.services.environment.clock.now();
        let replaced_since = replaced_since(&client, came_at);
        let token = request.refresh_token.as_ref();
        let token = token.ok_or_else(|| TokenEndpointError::missing("refresh_token"))?;
        let (token, grant) = self
            .presented(context, &client, token, came_at, replaced_since)
            .await?;
        let scope = narrowed(&grant, request.scope.as_deref())?;
        let asked = target::asked(&request)?;
        if asked.is_some_and(|asked| Some(asked) != grant.audience.as_deref()) {
            return Err(TokenEndpointError::InvalidTarget(
                "a refresh token is good for the API that it was given for; leave audience and \
                 resource out"
                    .to_owned(),
            )
            .into());
        }

        let earlier = EarlierLogin {
            user_id: &grant.user_id,
            connection: &grant.connection,
            audience: grant.audience.as_deref(),
            organization: grant.organization.as_ref(),
        };
        let way = Way {
            grant: GrantType::RefreshToken,
            protocol: "oauth2-refresh-token",
            gty: Some("refresh_token"),
            authenticated_at: grant.authenticated_at,
            login_execution_id: None,
            session_id: grant.session_id.clone(),
            nonce: None,
            refresh_grant: Some(grant.clone()),
            is_fresh: false,
        };
        let login = self
            .prepare_again(
                context,
                configuration,
                client,
                (earlier, &scope),
                way,
                || TokenEndpointError::InvalidRefreshToken,
            )
            .await?;
        let ip = facts.ip.clone();
        let seen = LoginRequest::of(request, facts);
        let (result, checked, now) = self.run_and_admit(context, &login, seen).await?;
        let record = login.record_facts(now);
        let scope = result.event.transaction.target_scopes.clone();
        let mut tokens = match self.sign(context, &login, &scope, &checked, now).await {
            Ok(tokens) => tokens,
            Err(error) => return Err(self.fail(context, result, record, error)),
        };
        let successor = grant.rotating.then(|| token.successor(&grant.key));
        let exchange = RefreshExchange {
            presented: token.sha256(),
            successor: successor.as_ref().map(RefreshToken::sha256),
            replaced_since,
            now,
            expires_at: grant.expires_at,
            idle_expires_at: login
                .client
                .refresh_token
                .idle_lifetime_s
                .map(|seconds| now.plus_seconds(i64::from(seconds))),
            opaque_token: tokens.given.opaque_token.take(),
        };
        // The token is replaced last, so that whatever fails before replaces nothing. Most
        // exchanges change neither metadata nor what `/userinfo` shows, and write once.
        let id_token = checked.id_token.as_ref();
        let stored = self.store_login(context, &login, &result.metadata, id_token, &ip, now);
        let exchanged = match stored.await {
            Ok(()) => {
                let exchanged = context.store.exchange_refresh_token(&grant.id, &exchange);
                exchanged.await.map_err(TokenEndpointError::from)
            }
            Err(error) => Err(error),
        };
        let newest = match exchanged {
            // Of requests that overlap, the first has replaced the token for all.
            Ok(RefreshExchanged::Exchanged { newest }) if grant.rotating => token
                .successor_known_as(&newest, &grant.key)
                .map(Some)
                .ok_or(TokenEndpointError::InvalidRefreshToken),
            Ok(RefreshExchanged::Exchanged { .. }) => Ok(None),
            // Another request was faster, and there is no leeway.
            Ok(RefreshExchanged::Reused | RefreshExchanged::Gone) => {
                Err(TokenEndpointError::InvalidRefreshToken)
            }
            Err(error) => Err(error),
        };
        match newest {
            Ok(newest) => tokens.refresh_token = newest.map(RefreshToken::into_text),
            Err(error) => return Err(self.fail(context, result, record, error)),
        }
        let execution_id = result.execution_id.clone();
        self.record_given(context, &login, result, checked.all(), now);
        Ok(Issued {
            response: response(&login, &scope, tokens),
            execution_id,
        })
    }

    /// The grant of the refresh token that was given. One that was good once revokes it.
    async fn presented(
        &self,
        context: &TenantContext,
        client: &Client,
        text: &Secret,
        now: Timestamp,
        replaced_since: Option<Timestamp>,
    ) -> Result<(RefreshToken, RefreshGrant), TokenEndpointError> {
        let invalid = || TokenEndpointError::InvalidRefreshToken;
        let token = RefreshToken::parse(text).ok_or_else(invalid)?;
        let grant = context.store.refresh_grant(&token.grant).await?;
        let grant = grant.filter(|grant| {
            token.is_genuine(&grant.key)
                && grant.client_id == client.client_id
                && !grant.has_ended(now)
        });
        let grant = grant.ok_or_else(invalid)?;
        let sha256 = token.sha256();
        let is_good = grant
            .live
            .iter()
            .any(|live| live.sha256 == sha256 && live.is_good(replaced_since));
        if !is_good {
            tracing::warn!(
                tenant = %context.tenant.id, client = %client.client_id, user = %grant.user_id,
                "a refresh token came back after it was replaced; its login is revoked"
            );
            context.store.revoke_refresh_grant(&grant.id).await?;
            return Err(invalid());
        }
        Ok((token, grant))
    }
}

/// Tokens that were replaced before this are not good any more. None without leeway: what
/// was replaced in the same millisecond was replaced all the same.
fn replaced_since(client: &Client, now: Timestamp) -> Option<Timestamp> {
    let leeway_s = client.refresh_token.leeway_s;
    (leeway_s > 0).then(|| now.plus_seconds(-i64::from(leeway_s)))
}

/// The scopes of the exchange: those of the grant, or fewer (RFC 6749 section 6).
fn narrowed(grant: &RefreshGrant, asked: Option<&str>) -> Result<String, TokenEndpointError> {
    let asked: Scopes = scopes(asked)?;
    if asked.is_empty() {
        return Ok(grant.scope.join(" "));
    }
    let beyond: Vec<&str> = asked
        .iter()
        .filter(|scope| !grant.scope.iter().any(|granted| granted == scope))
        .take(10)
        .collect();
    if !beyond.is_empty() {
        return Err(TokenEndpointError::InvalidScope(format!(
            "the refresh token was not given for {}; ask for no more than it was given for",
            beyond.join(" ")
        )));
    }
    Ok(asked.into_vec().join(" "))
}
