//! The password grant (RFC 6749 section 4.3) and its form with a realm.
//!
//! RFC 9700 section 2.4 advises against it, so a client must list it in its
//! `grant_types`.

use std::{collections::BTreeSet, sync::Arc};

use aws_lc_rs::digest;
use claimsmith_claims::TokenContext;
use claimsmith_model::{
    AuthenticationMethod, Client, Connection, Event, EventAuthentication, EventAuthorization,
    EventConnection, EventOrganization, EventResourceServer, EventStats, EventTenant,
    EventTransaction, EventUser, GrantType, JsonObject, Membership, OpaqueToken, Organization,
    OrganizationUsage, Permission, ResourceServer, Role, Timestamp, TokenKind, Trigger, User,
};
use claimsmith_oauth::{TokenRequest, TokenResponse};
use serde_json::json;

use super::{
    Issued, Refused, RequestFacts, TokenEndpointError, TokenService,
    client_credentials::{event_client, scopes},
    issue::{
        ACCESS_TOKEN_CLAIMS, AccessTokenFacts, Checked, ID_TOKEN_CLAIMS, insert_organization,
        warn_if_opaque,
    },
    user_info::profile_claims,
};
use crate::{
    DATABASE_CONNECTION, TenantContext,
    configuration::Configuration,
    pipeline::{self, MetadataChanges, RecordFacts, Sealed, TriggerInput, TriggerResult, Verdict},
};

/// Lifetime of an opaque access token in seconds: a day, as in the reference product.
const OPAQUE_TOKEN_LIFETIME_S: u32 = 86_400;
/// The scopes of OpenID Connect (Core section 5.4), which need no API.
const OIDC_SCOPES: [&str; 5] = ["openid", "profile", "email", "address", "phone"];

/// A user who proved who they are, with what the token depends on.
struct Login {
    client: Arc<Client>,
    grant: GrantType,
    user: User,
    connection: Connection,
    organization: Option<Organization>,
    api: Option<Arc<ResourceServer>>,
    /// Roles and permissions, in the organization too.
    authorization: EventAuthorization,
    /// Scopes asked for, and those that the token may have.
    requested: Vec<String>,
    granted: Vec<String>,
}

impl TokenService {
    pub(super) async fn password(
        &self,
        context: &Arc<TenantContext>,
        configuration: &Configuration<'_>,
        client: Arc<Client>,
        grant: GrantType,
        request: TokenRequest,
        facts: RequestFacts,
    ) -> Result<Issued, Refused> {
        let ip = facts.ip.clone();
        let login = self.log_in(context, configuration, client, grant, &request);
        let login = login.await?;
        let environment = &self.services.environment;
        let input = trigger_input(context, &login, request, facts, environment.clock.now());
        let mut result = pipeline::run(context, environment, &self.services.ids, input).await?;

        let now = environment.clock.now();
        let record = RecordFacts {
            client_id: login.client.client_id.clone(),
            user_id: Some(login.user.user_id.clone()),
            grant,
            ended_at: now,
        };
        if result.verdict != Verdict::Proceed {
            // What Actions stored before one denied is kept; what a failing one asked
            // for never got here.
            self.keep_metadata(context, &login, &result.metadata, now)
                .await;
            return Err(self.refuse(context, result, record));
        }
        if login.api.is_none() {
            warn_if_opaque(&mut result);
        }
        let (access_token, id_token) = self.standard_claims(context, &login, &result, now);
        let Ok(checked) = Self::seal(context, &mut result, access_token, id_token) else {
            self.keep_metadata(context, &login, &result.metadata, now)
                .await;
            return Err(self.refuse(context, result, record));
        };
        // Signed first and stored then: a login that gives no token leaves no trace.
        let tokens = match self.sign(context, &login, &checked).await {
            Ok(tokens) => tokens,
            Err(error) => return Err(self.fail(context, result, record, error)),
        };
        let stored = self.store(context, &login, &result, &checked, &tokens, &ip, now);
        if let Err(error) = stored.await {
            return Err(self.fail(context, result, record, error));
        }

        let execution_id = result.execution_id.clone();
        let scope = &result.event.transaction.target_scopes;
        let mut response = TokenResponse::bearer(tokens.access_token, tokens.lifetime_s);
        response.id_token = tokens.id_token;
        // RFC 6749 section 5.1: what differs from what was asked for must be told.
        response.scope =
            (!login.requested.is_empty() || !scope.is_empty()).then(|| scope.join(" "));
        let is_jwt = login.api.is_some();
        let sealed = Sealed {
            access_token: is_jwt.then_some(&checked.access_token),
            id_token: checked.id_token.as_ref(),
            refusal_failed: false,
        };
        self.write_record(context, result, &sealed, record);
        Ok(Issued {
            response,
            execution_id,
        })
    }

    /// Checks the password and everything that doesn't need an Action.
    async fn log_in(
        &self,
        context: &TenantContext,
        configuration: &Configuration<'_>,
        client: Arc<Client>,
        grant: GrantType,
        request: &TokenRequest,
    ) -> Result<Login, TokenEndpointError> {
        let username = request.username.as_deref();
        let username = username.ok_or_else(|| TokenEndpointError::missing("username"))?;
        let password = request.password.as_ref();
        let password = password.ok_or_else(|| TokenEndpointError::missing("password"))?;
        if grant == GrantType::PasswordRealm && request.realm.is_none() {
            return Err(TokenEndpointError::missing("realm"));
        }
        let realm = request.realm.as_deref().unwrap_or(DATABASE_CONNECTION);
        let connection = context
            .store
            .connection_by_name(realm)
            .await?
            .ok_or_else(|| {
                TokenEndpointError::InvalidRequest(
                    "there is no connection of that realm".to_owned(),
                )
            })?;
        let api = self.api(context, configuration, request).await?;
        let requested = scopes(request.scope.as_deref())?;

        let user = context
            .store
            .user_by_login(&connection.name, username)
            .await?;
        let hash = user.as_ref().and_then(|user| user.password_hash.as_ref());
        let is_right = self.services.passwords.verify(password, hash).await?;
        let Some(user) = user.filter(|_| is_right) else {
            return Err(TokenEndpointError::WrongPassword);
        };
        if user.blocked {
            return Err(TokenEndpointError::UserBlocked);
        }

        let organization = self.organization(context, &client, &user, request).await?;
        let (organization, membership) = organization.unzip();
        let authorization =
            authorization(context, &user, membership.as_ref(), api.as_deref()).await?;
        let granted = requested
            .iter()
            .filter(|scope| {
                OIDC_SCOPES.contains(scope)
                    || api
                        .as_ref()
                        .is_some_and(|api| may_have(api, &authorization, scope))
            })
            .map(str::to_owned)
            .collect();
        Ok(Login {
            client,
            grant,
            user,
            connection,
            organization,
            api,
            authorization,
            requested: requested.into_vec(),
            granted,
        })
    }

    /// The API that the access token is for; none makes it opaque.
    async fn api(
        &self,
        context: &TenantContext,
        configuration: &Configuration<'_>,
        request: &TokenRequest,
    ) -> Result<Option<Arc<ResourceServer>>, TokenEndpointError> {
        let default = context.tenant.settings.default_audience.as_ref();
        let Some(audience) = request.audience.as_ref().or(default) else {
            return Ok(None);
        };
        if *audience == context.userinfo_audience() {
            return Ok(None);
        }
        let api = configuration.api(audience).await?;
        let api = api.ok_or_else(|| TokenEndpointError::UnknownAudience(audience.clone()))?;
        if api.is_system {
            return Err(TokenEndpointError::InvalidRequest(
                "tokens for the Management API are given to clients only: use client_credentials"
                    .to_owned(),
            ));
        }
        Ok(Some(api))
    }

    async fn organization(
        &self,
        context: &TenantContext,
        client: &Client,
        user: &User,
        request: &TokenRequest,
    ) -> Result<Option<(Organization, Membership)>, TokenEndpointError> {
        let Some(asked) = request.organization.as_deref() else {
            if client.organization_usage == OrganizationUsage::Require {
                return Err(TokenEndpointError::missing("organization"));
            }
            return Ok(None);
        };
        if client.organization_usage == OrganizationUsage::Deny {
            return Err(TokenEndpointError::InvalidRequest(
                "this client's users can't log in to an organization (organization_usage is deny)"
                    .to_owned(),
            ));
        }
        let found = match asked.strip_prefix("org_").and_then(|_| asked.parse().ok()) {
            Some(id) => context.store.organization(&id).await?,
            None => context.store.organization_by_name(asked).await?,
        };
        let unknown = || {
            let shown: String = asked.chars().take(100).collect();
            TokenEndpointError::Organization(format!(
                "the user is not a member of the organization `{shown}`, or there is none"
            ))
        };
        let organization = found.ok_or_else(unknown)?;
        let membership = context
            .store
            .membership(&organization.id, &user.user_id)
            .await?;
        Ok(Some((organization, membership.ok_or_else(unknown)?)))
    }

    /// The claims that the server writes into both tokens; none into an opaque one.
    fn standard_claims(
        &self,
        context: &TenantContext,
        login: &Login,
        result: &TriggerResult,
        now: Timestamp,
    ) -> (JsonObject, Option<JsonObject>) {
        let user_id = login.user.user_id.as_str();
        let access_token = login.api.as_ref().map(|api| {
            let audience = if login.wants_id_token() {
                json!([api.identifier, context.userinfo_audience()])
            } else {
                json!(api.identifier)
            };
            let facts = AccessTokenFacts {
                subject: user_id,
                audience,
                client: &login.client,
                gty: "password",
                scope: &result.event.transaction.target_scopes,
                permissions: &login.authorization.permissions,
                organization: login.organization.as_ref(),
            };
            self.access_token_claims(context, api, facts, now)
        });
        let id_token = login.wants_id_token().then(|| {
            let now_s = now.as_seconds();
            let mut claims = JsonObject::new();
            claims.insert("iss".into(), json!(context.tenant.issuer));
            claims.insert("sub".into(), json!(user_id));
            claims.insert("aud".into(), json!(login.client.client_id));
            claims.insert("iat".into(), json!(now_s));
            let lifetime_s = i64::from(login.client.id_token_lifetime_s);
            claims.insert("exp".into(), json!(now_s + lifetime_s));
            insert_organization(&mut claims, login.organization.as_ref());
            claims.extend(profile_claims(&login.user, &login.granted));
            claims
        });
        (access_token.unwrap_or_default(), id_token)
    }

    /// Signs the tokens; an access token without an API is opaque.
    async fn sign(
        &self,
        context: &TenantContext,
        login: &Login,
        checked: &Checked,
    ) -> Result<Tokens, TokenEndpointError> {
        let (access_token, lifetime_s) = match &login.api {
            Some(api) => {
                let signed = self.sign_access_token(context, api, &checked.access_token);
                (signed.await?, api.token_lifetime_s)
            }
            None => (self.services.ids.token(), OPAQUE_TOKEN_LIFETIME_S),
        };
        let id_token = match &checked.id_token {
            Some(claims) => Some(self.sign_id_token(context, &login.client, claims).await?),
            None => None,
        };
        Ok(Tokens {
            access_token,
            lifetime_s,
            id_token,
        })
    }

    /// Stores the login, what Actions changed, and what `/userinfo` will need.
    #[expect(clippy::too_many_arguments, reason = "all that a login leaves behind")]
    async fn store(
        &self,
        context: &TenantContext,
        login: &Login,
        result: &TriggerResult,
        checked: &Checked,
        tokens: &Tokens,
        ip: &str,
        now: Timestamp,
    ) -> Result<(), TokenEndpointError> {
        let (user_id, client_id) = (&login.user.user_id, &login.client.client_id);
        if login.api.is_none() {
            let stored = OpaqueToken {
                user_id: user_id.clone(),
                client_id: client_id.clone(),
                scope: result.event.transaction.target_scopes.clone(),
                expires_at: now.plus_seconds(i64::from(tokens.lifetime_s)),
            };
            let hash = token_hash(&tokens.access_token);
            context.store.put_opaque_token(&hash, &stored).await?;
        }
        if let Some(claims) = &checked.id_token {
            let claims = claims.custom();
            context
                .store
                .put_userinfo_claims(user_id, client_id, claims)
                .await?;
        }
        let MetadataChanges {
            app_metadata,
            user_metadata,
        } = &result.metadata;
        context
            .store
            .record_login(user_id, app_metadata, user_metadata, ip, now)
            .await?;
        Ok(())
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

/// What a login answers with.
struct Tokens {
    access_token: String,
    lifetime_s: u32,
    id_token: Option<String>,
}

/// The SHA-256 under which an opaque token is stored.
pub(super) fn token_hash(token: &str) -> [u8; 32] {
    let digest = digest::digest(&digest::SHA256, token.as_bytes());
    let mut hash = [0; 32];
    for (to, from) in hash.iter_mut().zip(digest.as_ref()) {
        *to = *from;
    }
    hash
}

/// Whether a user may have a scope of an API: any that the API knows, or with
/// `enforce_policies` those of the user's permissions.
fn may_have(api: &ResourceServer, authorization: &EventAuthorization, scope: &str) -> bool {
    if api.enforce_policies {
        return authorization
            .permissions
            .iter()
            .any(|permission| permission == scope);
    }
    api.scopes.iter().any(|known| known.value == scope)
}

/// The user's roles and permissions, in the organization too.
async fn authorization(
    context: &TenantContext,
    user: &User,
    membership: Option<&Membership>,
    api: Option<&ResourceServer>,
) -> Result<EventAuthorization, TokenEndpointError> {
    let mut role_ids: BTreeSet<_> = user.roles.iter().cloned().collect();
    role_ids.extend(
        membership
            .into_iter()
            .flat_map(|membership| membership.roles.iter().cloned()),
    );
    let mut roles = BTreeSet::new();
    let mut permissions = BTreeSet::new();
    let is_for_api = |permission: &&Permission| {
        api.is_some_and(|api| api.identifier == permission.resource_server_identifier)
    };
    for id in role_ids {
        // A role that was deleted means nothing any more.
        let Some(Role {
            name,
            permissions: held,
            ..
        }) = context.store.role(&id).await?
        else {
            continue;
        };
        roles.insert(name);
        permissions.extend(
            held.iter()
                .filter(is_for_api)
                .map(|p| p.permission_name.clone()),
        );
    }
    let direct = user.permissions.iter().filter(is_for_api);
    permissions.extend(direct.map(|permission| permission.permission_name.clone()));
    Ok(EventAuthorization {
        roles: roles.into_iter().collect(),
        permissions: permissions.into_iter().collect(),
    })
}

impl Login {
    fn wants_id_token(&self) -> bool {
        self.granted.iter().any(|scope| scope == "openid")
    }
}

fn trigger_input(
    context: &TenantContext,
    login: &Login,
    request: TokenRequest,
    facts: RequestFacts,
    now: Timestamp,
) -> TriggerInput {
    let requested: Arc<[String]> = Arc::from(login.requested.as_slice());
    let profile = profile_claims(&login.user, &login.granted);
    let id_token_claims: Arc<[&'static str]> = ID_TOKEN_CLAIMS
        .into_iter()
        .chain(
            super::user_info::PROFILE_CLAIMS
                .into_iter()
                .filter(|name| profile.contains_key(*name)),
        )
        .collect();
    TriggerInput {
        trigger: Trigger::PostLogin,
        access_token: context.policy.ledger(TokenContext {
            kind: TokenKind::AccessToken,
            server_claims: Arc::new(ACCESS_TOKEN_CLAIMS),
            own_api: false,
            scopes: Arc::clone(&requested),
        }),
        id_token: context.policy.ledger(TokenContext {
            kind: TokenKind::IdToken,
            server_claims: id_token_claims,
            own_api: false,
            scopes: requested,
        }),
        grant_scopes: Arc::new([]),
        event: event(context, login, request, facts, now),
    }
}

fn event(
    context: &TenantContext,
    login: &Login,
    request: TokenRequest,
    facts: RequestFacts,
    now: Timestamp,
) -> Event {
    let protocol = match login.grant {
        GrantType::PasswordRealm | GrantType::Password => "oauth2-password",
        GrantType::RefreshToken => "oauth2-refresh-token",
        GrantType::AuthorizationCode => "oidc-basic-profile",
        GrantType::Implicit => "oidc-implicit-profile",
        GrantType::ClientCredentials => "",
    };
    Event {
        tenant: EventTenant {
            id: context.tenant.id.as_str().to_owned(),
        },
        client: event_client(&login.client),
        user: Some(event_user(&login.user)),
        connection: Some(EventConnection {
            id: login.connection.id.as_str().to_owned(),
            name: login.connection.name.clone(),
            strategy: login.connection.strategy.clone(),
            metadata: login.connection.metadata.clone(),
        }),
        organization: login.organization.as_ref().map(event_organization),
        resource_server: login.api.as_ref().map(|api| EventResourceServer {
            identifier: api.identifier.clone(),
        }),
        authorization: Some(login.authorization.clone()),
        authentication: Some(EventAuthentication {
            methods: vec![AuthenticationMethod {
                name: "pwd".to_owned(),
                timestamp: now,
            }],
        }),
        transaction: EventTransaction {
            protocol: Some(protocol.to_owned()),
            requested_scopes: login.requested.clone(),
            target_scopes: login.granted.clone(),
            metadata: JsonObject::new(),
            correlation_id: request.correlation_id,
        },
        stats: Some(EventStats {
            logins_count: login.user.logins_count.saturating_add(1),
        }),
        request: facts.into_event(request.body),
        refresh_token: None,
        other: JsonObject::new(),
    }
}

fn event_organization(organization: &Organization) -> EventOrganization {
    EventOrganization {
        id: organization.id.as_str().to_owned(),
        name: organization.name.clone(),
        display_name: organization
            .display_name
            .clone()
            .unwrap_or_else(|| organization.name.clone()),
        metadata: organization.metadata.clone(),
    }
}

fn event_user(user: &User) -> EventUser {
    EventUser {
        user_id: user.user_id.as_str().to_owned(),
        email: user.email.clone(),
        email_verified: user.email_verified,
        username: user.username.clone(),
        phone_number: user.phone_number.clone(),
        phone_verified: user.phone_verified,
        name: user.name.clone(),
        nickname: user.nickname.clone(),
        given_name: user.given_name.clone(),
        family_name: user.family_name.clone(),
        picture: user.picture.clone(),
        created_at: user.created_at,
        updated_at: user.updated_at,
        last_password_reset: user.last_password_reset,
        app_metadata: user.app_metadata.clone(),
        user_metadata: user.user_metadata.clone(),
        identities: user.identities.clone(),
        // None is called like a field of ours: the Management API refuses those.
        attributes: user.profile_attributes.clone(),
    }
}
