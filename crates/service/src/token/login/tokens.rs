//! The tokens of a login: their claims, signing them, and what is stored.

use claimsmith_claims::{SealedClaims, refused_claim};
use claimsmith_model::{
    JsonObject, LiveRefreshToken, OPAQUE_TOKEN_LIFETIME_S, OpaqueToken, RefreshGrant, RefusedClaim,
    Secret, SigningAlgorithm, Timestamp,
};
use claimsmith_oauth::TokenResponse;
use claimsmith_storage::GivenTokens;
use serde_json::json;

use super::{Login, OFFLINE_ACCESS, event::ledgers};
use crate::{
    TenantContext,
    pipeline::{MetadataChanges, Sealed, TriggerResult},
    token::{
        Issued, Refused, TokenEndpointError, TokenService,
        hash::sha256,
        issue::{AccessTokenFacts, insert_organization, seal, warn_if_opaque},
        refresh_token::RefreshToken,
        user_info::profile_claims,
    },
};

/// Stands for the Actions that set claims which were kept: which of them set which is in
/// the record of their run.
const KEPT: &str = "post-login";

/// The tokens' claims, checked and ready to sign.
#[derive(Debug)]
pub(crate) struct Checked {
    /// Empty for a token that will be opaque.
    pub(crate) access_token: SealedClaims,
    pub(crate) id_token: Option<SealedClaims>,
}

/// The claims of those tokens that the client gets, now or by the code that it gets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GivenClaims<'a> {
    pub(crate) access_token: Option<&'a SealedClaims>,
    pub(crate) id_token: Option<&'a SealedClaims>,
}

impl Checked {
    /// The claims of both tokens, for who gets both.
    pub(crate) fn all(&self) -> GivenClaims<'_> {
        GivenClaims {
            access_token: Some(&self.access_token),
            id_token: self.id_token.as_ref(),
        }
    }
}

/// The custom claims that Actions set when an authorization code was given out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeptClaims<'a> {
    pub(crate) access_token: &'a JsonObject,
    pub(crate) id_token: &'a JsonObject,
}

/// What a login answers with.
#[derive(Debug)]
pub(crate) struct Tokens {
    pub(crate) access_token: Secret,
    pub(crate) lifetime_s: u32,
    pub(crate) id_token: Option<Secret>,
    pub(crate) refresh_token: Option<Secret>,
    /// What must be stored before any of them is given out.
    pub(crate) given: GivenTokens,
}

impl TokenService {
    /// Seals the claims of both tokens: the server's own and those of the Actions.
    ///
    /// # Errors
    /// When the tenant wants no token after a refused claim.
    pub(super) async fn admit(
        &self,
        context: &TenantContext,
        login: &Login,
        mut result: TriggerResult,
        now: Timestamp,
    ) -> Result<(TriggerResult, Checked), Refused> {
        if login.api.is_none() {
            warn_if_opaque(&mut result);
        }
        let scope = &result.event.transaction.target_scopes;
        let (access_token, id_token) = self.standard_claims(context, login, scope, now);
        match Self::seal(context, &mut result, access_token, id_token) {
            Ok(checked) => Ok((result, checked)),
            Err(()) => Err(self.refuse_login(context, login, result).await),
        }
    }

    /// Seals the claims of both tokens anew, of which the custom ones were kept since the
    /// Actions ran. The policy is asked as it is today. Answers what it refused, too.
    pub(crate) fn admit_kept(
        &self,
        context: &TenantContext,
        login: &Login,
        kept: KeptClaims<'_>,
        scope: &[String],
        now: Timestamp,
    ) -> (Checked, Vec<RefusedClaim>) {
        let (mut for_access_token, mut for_id_token) = ledgers(context, login);
        let mut refused = Vec::new();
        for (ledger, claims) in [
            (&mut for_access_token, kept.access_token),
            (&mut for_id_token, kept.id_token),
        ] {
            for (name, value) in claims {
                if let Err(refusal) = ledger.offer(KEPT, name, value) {
                    refused.push(refused_claim(ledger.token(), KEPT, name, refusal));
                }
            }
        }
        let (access_token, id_token) = self.standard_claims(context, login, scope, now);
        let ledgers = (for_access_token, for_id_token);
        let (checked, refused_late) = seal(ledgers, access_token, id_token);
        refused.extend(refused_late);
        (checked, refused)
    }

    /// The claims that the server writes into both tokens; none into an opaque one.
    pub(crate) fn standard_claims(
        &self,
        context: &TenantContext,
        login: &Login,
        scope: &[String],
        now: Timestamp,
    ) -> (JsonObject, Option<JsonObject>) {
        let user_id = login.user.user_id.as_str();
        let access_token = login.api.as_ref().map(|api| {
            // Whoever has an API's secret could make tokens of it for anybody: `/userinfo`
            // takes none, and none says that it would.
            let is_ours = api.signing_algorithm != SigningAlgorithm::HS256;
            let audience = if is_ours && login.wants_id_token() {
                json!([api.identifier, context.userinfo_audience()])
            } else {
                json!(api.identifier)
            };
            let facts = AccessTokenFacts {
                subject: user_id,
                audience,
                client: &login.client,
                gty: login.way.gty,
                scope,
                permissions: &login.authorization.permissions,
                organization: login.organization.as_ref(),
            };
            self.access_token_claims(context, api, facts, now)
        });
        let id_token = login
            .wants_id_token()
            .then(|| id_token_claims(context, login, now));
        (access_token.unwrap_or_default(), id_token)
    }

    /// Signs the tokens; an access token without an API is opaque. With the scope
    /// `offline_access` in `scope` there is a refresh token, unless one is being
    /// exchanged.
    pub(crate) async fn sign(
        &self,
        context: &TenantContext,
        login: &Login,
        scope: &[String],
        checked: &Checked,
        now: Timestamp,
    ) -> Result<Tokens, TokenEndpointError> {
        let mut given = GivenTokens::default();
        let wants_refresh_token = scope.iter().any(|scope| scope == OFFLINE_ACCESS);
        let gives_one = wants_refresh_token && login.may_refresh && login.way.is_login();
        let refresh_token = gives_one.then(|| {
            let (grant, token) = self.new_refresh_grant(login, scope, now);
            given.refresh_grant = Some(grant);
            token
        });
        let claims = &checked.access_token;
        let (access_token, lifetime_s) = self
            .make_access_token(context, login, scope, claims, &mut given, now)
            .await?;
        let id_token = match &checked.id_token {
            Some(claims) => {
                let signed = self.sign_id_token(context, &login.client, claims).await?;
                Some(Secret::new(signed))
            }
            None => None,
        };
        Ok(Tokens {
            access_token: Secret::new(access_token),
            lifetime_s,
            id_token,
            refresh_token,
            given,
        })
    }

    /// The access token, which is opaque without an API, and its lifetime in seconds.
    pub(crate) async fn make_access_token(
        &self,
        context: &TenantContext,
        login: &Login,
        scope: &[String],
        claims: &SealedClaims,
        given: &mut GivenTokens,
        now: Timestamp,
    ) -> Result<(String, u32), TokenEndpointError> {
        if let Some(api) = &login.api {
            let signed = self.sign_access_token(context, api, claims).await?;
            return Ok((signed, api.token_lifetime_s));
        }
        let token = self.services.ids.token();
        let grant = given.refresh_grant.as_ref();
        let grant = grant.or(login.way.refresh_grant.as_ref());
        let stored = OpaqueToken {
            user_id: login.user.user_id.clone(),
            client_id: login.client.client_id.clone(),
            scope: scope.to_vec(),
            expires_at: now.plus_seconds(i64::from(OPAQUE_TOKEN_LIFETIME_S)),
            logins_ended: login.user.logins_ended,
            refresh_grant: grant.map(|grant| grant.id.clone()),
            rests_on_consent: login.rests_on_consent(),
        };
        given.opaque_token = Some((sha256(&token), stored));
        Ok((token, OPAQUE_TOKEN_LIFETIME_S))
    }

    /// A refresh grant with its first token.
    fn new_refresh_grant(
        &self,
        login: &Login,
        scope: &[String],
        now: Timestamp,
    ) -> (RefreshGrant, Secret) {
        let ids = &self.services.ids;
        let (id, key) = (ids.refresh_grant_id(), Secret::new(ids.token()));
        let token = RefreshToken::new(&id, &key, ids);
        let settings = login.client.refresh_token;
        let after = |seconds: Option<u32>| seconds.map(|s| now.plus_seconds(i64::from(s)));
        let grant = RefreshGrant {
            user_id: login.user.user_id.clone(),
            client_id: login.client.client_id.clone(),
            connection: login.connection.name.clone(),
            session_id: login.way.session_id.clone(),
            authenticated_at: login.way.authenticated_at,
            audience: login.api.as_ref().map(|api| api.identifier.clone()),
            organization: login.organization.as_ref().map(|found| found.id.clone()),
            scope: scope.to_vec(),
            rotating: settings.rotating,
            created_at: now,
            last_exchanged_at: None,
            expires_at: after(settings.lifetime_s),
            idle_expires_at: after(settings.idle_lifetime_s),
            live: vec![LiveRefreshToken {
                sha256: token.sha256(),
                replaced_at: None,
            }],
            logins_ended: login.user.logins_ended,
            id,
            key,
        };
        (grant, token.into_text())
    }

    /// Signs and stores the tokens of a login, writes its record, and answers.
    pub(crate) async fn give(
        &self,
        context: &TenantContext,
        login: &Login,
        (result, checked): (TriggerResult, Checked),
        ip: &str,
        now: Timestamp,
    ) -> Result<Issued, Refused> {
        let record = login.record_facts(now);
        let scope = &result.event.transaction.target_scopes;
        // Signed first and stored then: a login that gives no token leaves no trace.
        let tokens = match self.sign(context, login, scope, &checked, now).await {
            Ok(tokens) => tokens,
            Err(error) => return Err(self.fail(context, result, record, error)),
        };
        let stored = self.store(context, login, &result.metadata, &checked, &tokens, ip, now);
        if let Err(error) = stored.await {
            return Err(self.fail(context, result, record, error));
        }
        let execution_id = result.execution_id.clone();
        let response = response(login, scope, tokens);
        self.record_given(context, login, result, checked.all(), now);
        Ok(Issued {
            response,
            execution_id,
        })
    }

    /// Writes the record of a run whose claims are in the tokens of `given`.
    pub(crate) fn record_given(
        &self,
        context: &TenantContext,
        login: &Login,
        result: TriggerResult,
        given: GivenClaims<'_>,
        now: Timestamp,
    ) {
        let sealed = Sealed {
            // An opaque token shows none.
            access_token: given.access_token.filter(|_| login.api.is_some()),
            id_token: given.id_token,
            refusal_failed: false,
        };
        self.write_record(context, result, &sealed, login.record_facts(now));
    }

    /// Stores the tokens, the login, what Actions changed, and what `/userinfo` will need.
    #[expect(clippy::too_many_arguments, reason = "all that a login leaves behind")]
    async fn store(
        &self,
        context: &TenantContext,
        login: &Login,
        changes: &MetadataChanges,
        checked: &Checked,
        tokens: &Tokens,
        ip: &str,
        now: Timestamp,
    ) -> Result<(), TokenEndpointError> {
        let given = &tokens.given;
        // Waiting for them together, so that one flush serves all.
        let tokens = async {
            if given.refresh_grant.is_none() && given.opaque_token.is_none() {
                return Ok(true);
            }
            context.store.put_given_tokens(given).await
        };
        let login = self.store_login(context, login, changes, checked.id_token.as_ref(), ip, now);
        let (tokens, login) = tokio::join!(tokens, login);
        login?;
        if tokens? {
            Ok(())
        } else {
            Err(TokenEndpointError::LoginEnded)
        }
    }

    /// Stores the login, what Actions changed, what `/userinfo` will need, and the
    /// membership that the user gets by it.
    ///
    /// # Errors
    /// `LoginEnded` when the user may not have what was proven any more.
    pub(crate) async fn store_login(
        &self,
        context: &TenantContext,
        login: &Login,
        changes: &MetadataChanges,
        id_token: Option<&SealedClaims>,
        ip: &str,
        now: Timestamp,
    ) -> Result<(), TokenEndpointError> {
        let (user_id, client_id) = (&login.user.user_id, &login.client.client_id);
        let MetadataChanges {
            app_metadata,
            user_metadata,
        } = changes;
        let store = &context.store;
        let userinfo = async {
            match id_token {
                Some(claims) => {
                    let claims = claims.custom();
                    store.put_userinfo_claims(user_id, client_id, claims).await
                }
                None => Ok(()),
            }
        };
        let user = async {
            if login.way.is_fresh {
                let (proven, app) = (login.user.logins_ended, app_metadata);
                let recorded = store.record_login(user_id, proven, app, user_metadata, ip, now);
                recorded.await
            } else if changes.is_empty() {
                Ok(true)
            } else {
                let merged = store.merge_user_metadata(user_id, app_metadata, user_metadata, now);
                merged.await.map(|()| true)
            }
        };
        let (userinfo, user) = tokio::join!(userinfo, user);
        if !user? {
            return Err(TokenEndpointError::LoginEnded);
        }
        userinfo?;
        // Afterwards, because a login that isn't one makes nobody a member.
        if let Some(membership) = &login.joins {
            store.join_organization(membership).await?;
        }
        Ok(())
    }
}

fn id_token_claims(context: &TenantContext, login: &Login, now: Timestamp) -> JsonObject {
    let now_s = now.as_seconds();
    let mut claims = JsonObject::new();
    claims.insert("iss".into(), json!(context.tenant.issuer));
    claims.insert("sub".into(), json!(login.user.user_id));
    claims.insert("aud".into(), json!(login.client.client_id));
    claims.insert("iat".into(), json!(now_s));
    let lifetime_s = i64::from(login.client.id_token_lifetime_s);
    claims.insert("exp".into(), json!(now_s + lifetime_s));
    if let Some(session_id) = &login.way.session_id {
        claims.insert("sid".into(), json!(session_id));
        let auth_time = login.way.authenticated_at.as_seconds();
        claims.insert("auth_time".into(), json!(auth_time));
    }
    if let Some(nonce) = &login.way.nonce {
        claims.insert("nonce".into(), json!(nonce));
    }
    insert_organization(&mut claims, login.organization.as_ref());
    claims.extend(profile_claims(&login.user, &login.granted));
    claims
}

/// The answer of the token endpoint.
pub(crate) fn response(login: &Login, scope: &[String], tokens: Tokens) -> TokenResponse {
    let access_token = tokens.access_token.expose().to_owned();
    let mut response = TokenResponse::bearer(access_token, tokens.lifetime_s);
    let text = |token: Option<Secret>| token.map(|token| token.expose().to_owned());
    response.id_token = text(tokens.id_token);
    response.refresh_token = text(tokens.refresh_token);
    response.scope = login.tells_scope(scope).then(|| scope.join(" "));
    response
}
