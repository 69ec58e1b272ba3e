//! From a user who proved who they are to tokens: what every grant with an end user
//! has in common.
//!
//! 1. [`TokenService::prepare_login`] finds the API, the organization, roles and scopes.
//! 2. [`TokenService::run_and_admit`] runs the Actions and seals the claims of the tokens.
//! 3. [`TokenService::give`] signs them, stores what the login leaves behind, and
//!    answers; the authorization endpoint and refreshing take ways of their own from 2 on.

mod authorization;
mod event;
pub(super) mod organization;
mod tokens;

use std::sync::Arc;

use claimsmith_model::{
    Client, Connection, EventAuthorization, EventTransaction, ExecutionId, GrantType, JsonObject,
    Membership, Organization, OrganizationId, RefreshGrant, ResourceServer, SessionId, Timestamp,
    User, UserId,
};
use claimsmith_oauth::TokenRequest;

pub(super) use event::event_organization;
pub(crate) use tokens::{Checked, GivenClaims, KeptClaims, response};

use self::authorization::{authorization, may_have};
use super::{Refused, RequestFacts, TokenEndpointError, TokenService, client_credentials::scopes};
use crate::{
    TenantContext,
    configuration::Configuration,
    pipeline::{self, MetadataChanges, RecordFacts, TriggerResult, Verdict},
};

/// The scopes of OpenID Connect (Core section 5.4), which need no API.
const OIDC_SCOPES: [&str; 5] = ["openid", "profile", "email", "address", "phone"];
/// The scope that asks for a refresh token (OpenID Connect Core section 11).
pub(crate) const OFFLINE_ACCESS: &str = "offline_access";

/// A user who proved who they are at a client, with what the tokens depend on.
#[derive(Debug)]
pub(crate) struct Login {
    pub(crate) client: Arc<Client>,
    pub(crate) user: User,
    pub(crate) connection: Connection,
    pub(crate) organization: Option<Organization>,
    /// The membership in it that the user gets by this login.
    pub(crate) joins: Option<Membership>,
    /// The API that the access token is for; without one it is opaque.
    pub(crate) api: Option<Arc<ResourceServer>>,
    /// Roles and permissions, in the organization too.
    pub(crate) authorization: EventAuthorization,
    /// The scopes that were asked for.
    pub(crate) requested: Vec<String>,
    /// Those of them that the token may have, before any Action.
    pub(crate) granted: Vec<String>,
    /// Whether client and API allow a refresh token; what Actions do to the scopes
    /// doesn't change that.
    pub(crate) may_refresh: bool,
    pub(crate) way: Way,
}

/// By which way a user comes to tokens.
#[derive(Debug)]
pub(crate) struct Way {
    /// The grant, for the record.
    pub(crate) grant: GrantType,
    /// What `event.transaction.protocol` says.
    pub(crate) protocol: &'static str,
    /// The claim `gty` of access tokens; the authorization code grant has none.
    pub(crate) gty: Option<&'static str>,
    /// When the user proved who they are.
    pub(crate) authenticated_at: Timestamp,
    /// The run of the custom database's script that let them in, where one did just now.
    pub(crate) login_execution_id: Option<ExecutionId>,
    /// The browser session, where there is one.
    pub(crate) session_id: Option<SessionId>,
    /// The request's `nonce`, for the ID token.
    pub(crate) nonce: Option<String>,
    /// The refresh grant that is being exchanged.
    pub(crate) refresh_grant: Option<RefreshGrant>,
    /// Whether the user proved who they are for this, which counts as a login; neither
    /// at a refresh nor by a session that the browser had already.
    pub(crate) is_fresh: bool,
}

/// What a client asks for in the name of a user.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Asked<'a> {
    /// The API's identifier; without one the tenant's default.
    pub(crate) audience: Option<&'a str>,
    /// Scopes, not split up yet.
    pub(crate) scope: Option<&'a str>,
    /// The organization's identifier or name.
    pub(crate) organization: Option<&'a str>,
    /// Whether the user may become a member of it by this: at logins, and not where an
    /// earlier one goes on, which would undo that somebody was removed.
    pub(crate) may_join: bool,
}

/// What Actions see of the request.
#[derive(Debug, Default)]
pub(crate) struct LoginRequest {
    pub(crate) facts: RequestFacts,
    /// The body's members, without secrets.
    pub(crate) body: JsonObject,
    pub(crate) correlation_id: Option<String>,
    /// What a login in a browser has further of the transaction.
    pub(crate) transaction: EventTransaction,
    /// What the event has that is read by JSON pointer only.
    pub(crate) other: JsonObject,
}

/// A login that a code or a refresh token stands for, as it was stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EarlierLogin<'a> {
    pub(crate) user_id: &'a UserId,
    /// The connection's name.
    pub(crate) connection: &'a str,
    /// The API's identifier; none when the access token is opaque.
    pub(crate) audience: Option<&'a str>,
    pub(crate) organization: Option<&'a OrganizationId>,
}

impl LoginRequest {
    /// What Actions see of a token request.
    pub(super) fn of(request: TokenRequest, facts: RequestFacts) -> Self {
        Self {
            facts,
            body: request.body,
            correlation_id: request.correlation_id,
            ..Self::default()
        }
    }
}

impl Way {
    /// Whether the user logs in, and not just exchanges a refresh token.
    pub(crate) const fn is_login(&self) -> bool {
        self.refresh_grant.is_none()
    }
}

impl Login {
    /// Whether the login gives an ID token.
    pub(crate) fn wants_id_token(&self) -> bool {
        self.granted.iter().any(|scope| scope == "openid")
    }

    /// Whether the answer says which scopes there are. What differs from what was asked for
    /// must be told (RFC 6749 sections 3.3 and 5.1), also that nothing is left of it.
    pub(crate) fn tells_scope(&self, granted: &[String]) -> bool {
        !self.requested.is_empty() || !granted.is_empty()
    }

    /// Whether what it gives is good only as long as the user's consent stands: the client
    /// is somebody else's, and the user was asked in the browser.
    pub(crate) fn rests_on_consent(&self) -> bool {
        !self.client.is_first_party && self.way.session_id.is_some()
    }

    /// What the record of the run says of the login.
    pub(crate) fn record_facts(&self, now: Timestamp) -> RecordFacts {
        RecordFacts {
            client_id: self.client.client_id.clone(),
            user_id: Some(self.user.user_id.clone()),
            grant: self.way.grant,
            login_execution_id: self.way.login_execution_id.clone(),
            ended_at: now,
        }
    }
}

impl TokenService {
    /// Finds everything that doesn't need an Action, for a user who proved who they are.
    pub(crate) async fn prepare_login(
        &self,
        context: &TenantContext,
        configuration: &Configuration<'_>,
        client: Arc<Client>,
        (user, connection): (User, Connection),
        asked: Asked<'_>,
        way: Way,
    ) -> Result<Login, TokenEndpointError> {
        if user.blocked {
            return Err(TokenEndpointError::UserBlocked);
        }
        if !connection.enabled_clients.includes(&client.client_id) {
            return Err(TokenEndpointError::ClientNotEnabled(connection.name));
        }
        let api = login_api(context, configuration, asked.audience).await?;
        let requested = scopes(asked.scope)?;
        let who = (&user, &connection);
        let joins_at = asked
            .may_join
            .then(|| self.services.environment.clock.now());
        let organization =
            organization::of_login(context, &client, who, asked.organization, joins_at);
        let organization = organization.await?;
        let membership = organization.as_ref().map(|found| &found.membership);
        let authorization = authorization(context, &user, membership, api.as_deref()).await?;
        let joins = organization
            .as_ref()
            .filter(|found| found.joins)
            .map(|found| found.membership.clone());
        let may_refresh = client.grant_types.contains(&GrantType::RefreshToken)
            && api.as_ref().is_none_or(|api| api.allow_offline_access);
        let granted = requested
            .iter()
            .filter(|scope| {
                OIDC_SCOPES.contains(scope)
                    || (*scope == OFFLINE_ACCESS && may_refresh)
                    || api
                        .as_ref()
                        .is_some_and(|api| may_have(api, &authorization, scope))
            })
            .map(str::to_owned)
            .collect();
        Ok(Login {
            client,
            user,
            connection,
            organization: organization.map(|found| found.organization),
            joins,
            api,
            authorization,
            requested: requested.into_vec(),
            granted,
            may_refresh,
            way,
        })
    }

    /// The same for somebody who proved it earlier: the user and the connection are as
    /// they are now.
    ///
    /// # Errors
    /// `gone` when one of them isn't there any more, and `NoLonger` when what was given
    /// then can't be had now. Both are `invalid_grant` (RFC 6749 section 5.2): the request
    /// isn't wrong, and clients give up a refresh token for that code alone.
    pub(super) async fn prepare_again(
        &self,
        context: &TenantContext,
        configuration: &Configuration<'_>,
        client: Arc<Client>,
        (earlier, scope): (EarlierLogin<'_>, &str),
        way: Way,
        gone: fn() -> TokenEndpointError,
    ) -> Result<Login, TokenEndpointError> {
        let user = context.store.user(earlier.user_id).await?;
        let user = user.ok_or_else(gone)?;
        let connection = context.store.connection_by_name(earlier.connection).await?;
        let connection = connection.ok_or_else(gone)?;
        let userinfo = context.userinfo_audience();
        let asked = Asked {
            // Without an API the token stays opaque, whatever the tenant's default is now.
            audience: Some(earlier.audience.unwrap_or(&userinfo)),
            scope: Some(scope),
            organization: earlier.organization.map(OrganizationId::as_str),
            may_join: false,
        };
        let found = (user, connection);
        let login = self.prepare_login(context, configuration, client, found, asked, way);
        login.await.map_err(|error| match error {
            TokenEndpointError::InvalidRequest(_)
            | TokenEndpointError::Organization(_)
            | TokenEndpointError::UnknownAudience(_)
            | TokenEndpointError::ClientNotEnabled(_) => {
                TokenEndpointError::NoLonger(error.to_string())
            }
            other => other,
        })
    }

    /// Runs the Actions of post-login, and seals the claims of the tokens. Answers when
    /// that was done, too.
    ///
    /// # Errors
    /// When there is to be no token: what Actions changed before is kept, and the record
    /// written.
    pub(crate) async fn run_and_admit(
        &self,
        context: &TenantContext,
        login: &Login,
        request: LoginRequest,
    ) -> Result<(TriggerResult, Checked, Timestamp), Refused> {
        let result = self.run_post_login(context, login, request).await?;
        let now = self.services.environment.clock.now();
        let (result, checked) = self.admit(context, login, result, now).await?;
        Ok((result, checked, now))
    }

    async fn run_post_login(
        &self,
        context: &TenantContext,
        login: &Login,
        request: LoginRequest,
    ) -> Result<TriggerResult, Refused> {
        let environment = &self.services.environment;
        let input = event::trigger_input(context, login, request);
        let result = pipeline::run(context, environment, &self.services.ids, input).await?;
        if result.verdict == Verdict::Proceed {
            return Ok(result);
        }
        // What Actions stored before one denied is kept; what a failing one asked for
        // never got here.
        Err(self.refuse_login(context, login, result).await)
    }

    /// Ends a login that gives no token, after its Actions ran.
    pub(crate) async fn refuse_login(
        &self,
        context: &TenantContext,
        login: &Login,
        result: TriggerResult,
    ) -> Refused {
        let now = self.services.environment.clock.now();
        self.keep_metadata(context, login, &result.metadata, now)
            .await;
        self.refuse(context, result, login.record_facts(now))
    }

    /// Writes what Actions changed at a login that gives no token. When that fails
    /// the refusal stands all the same.
    async fn keep_metadata(
        &self,
        context: &TenantContext,
        login: &Login,
        changes: &MetadataChanges,
        now: Timestamp,
    ) {
        if changes.is_empty() {
            return;
        }
        let user_id = &login.user.user_id;
        let MetadataChanges {
            app_metadata,
            user_metadata,
        } = changes;
        let merged = context
            .store
            .merge_user_metadata(user_id, app_metadata, user_metadata, now);
        if let Err(error) = merged.await {
            tracing::error!(tenant = %context.tenant.id, %user_id, %error, "metadata was not kept");
        }
    }
}

/// The API that the access token is for; none makes it opaque.
pub(crate) async fn login_api(
    context: &TenantContext,
    configuration: &Configuration<'_>,
    audience: Option<&str>,
) -> Result<Option<Arc<ResourceServer>>, TokenEndpointError> {
    let default = context.tenant.settings.default_audience.as_deref();
    let Some(audience) = audience.or(default) else {
        return Ok(None);
    };
    if *audience == context.userinfo_audience() {
        return Ok(None);
    }
    let api = configuration.api(audience).await?;
    let api = api.ok_or_else(|| TokenEndpointError::UnknownAudience(audience.to_owned()))?;
    if api.is_system {
        return Err(TokenEndpointError::InvalidRequest(
            "tokens for the Management API are given to clients only: use client_credentials"
                .to_owned(),
        ));
    }
    Ok(Some(api))
}
