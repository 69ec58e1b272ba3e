//! The response that a client wants: a code, tokens, or both.

use claimsmith_claims::SealedClaims;
use claimsmith_keys::token_hash;
use claimsmith_model::{AuthorizationCode, EventTransaction, JsonObject, Session, Timestamp};
use claimsmith_oauth::{AuthorizationResponse, ResponseType};
use claimsmith_storage::GivenTokens;
use serde_json::json;

use super::{
    Answer, AuthorizeService, NewSessionCookie, Next, Presence, Refusal, Visit,
    check::{CheckedRequest, words},
    session::BrowserSession,
};
use crate::{
    pipeline::TriggerResult,
    token::{
        TokenEndpointError,
        hash::sha256,
        login::{Asked, Checked, GivenClaims, Login, LoginRequest, OFFLINE_ACCESS, Way},
    },
};

/// How long a code is good, in seconds. RFC 6749 section 4.1.2 recommends ten minutes at
/// most; a client redeems it at once.
const CODE_LIFETIME_S: i64 = 60;
/// The language of the pages.
const LOCALE: &str = "en";

/// What goes to the client, and what must be stored before it does.
#[derive(Default)]
struct Made {
    parameters: Vec<(&'static str, String)>,
    code: Option<([u8; 32], AuthorizationCode)>,
    given: GivenTokens,
}

impl AuthorizeService {
    /// Finds what the tokens depend on, for somebody who is logged in.
    pub(super) async fn prepare(
        &self,
        visit: &Visit<'_>,
        checked: &CheckedRequest,
        present: Presence,
    ) -> Result<(Login, BrowserSession), TokenEndpointError> {
        let request = &checked.request;
        let asked = Asked {
            audience: checked.audience.as_deref(),
            scope: request.scope.as_deref(),
            organization: request.organization.as_deref(),
            may_join: true,
        };
        let response_type = checked.response_type;
        let session = &present.session.session;
        let way = Way {
            grant: checked.grant(),
            protocol: protocol(response_type),
            gty: None,
            authenticated_at: session.authenticated_at,
            login_execution_id: present.login_execution_id,
            session_id: Some(session.id.clone()),
            nonce: request.nonce.clone(),
            refresh_grant: None,
            is_fresh: present.is_fresh,
        };
        let (client, user) = (checked.client.clone(), (present.user, present.connection));
        let mut login = self
            .tokens
            .prepare_login(
                visit.context,
                &visit.configuration,
                client,
                user,
                asked,
                way,
            )
            .await?;
        if !response_type.code {
            // Only a code can be redeemed for a refresh token.
            login.granted.retain(|scope| scope != OFFLINE_ACCESS);
        }
        Ok((login, present.session))
    }

    /// Runs the Actions of post-login and makes the response. A login that gives none
    /// leaves no trace but what Actions keep on a denial, and the session that began for
    /// the consent page.
    pub(super) async fn respond(
        &self,
        visit: &Visit<'_>,
        checked: CheckedRequest,
        login: &Login,
        session: &BrowserSession,
    ) -> Result<Answer, Refusal> {
        let (tokens, context) = (&self.tokens, visit.context);
        let seen = LoginRequest {
            facts: visit.facts.clone(),
            body: JsonObject::new(),
            correlation_id: checked.request.correlation_id.clone(),
            transaction: event_transaction(&checked),
            other: event_session(&session.session),
        };
        let (result, claims, now) = tokens.run_and_admit(context, login, seen).await?;
        let record = login.record_facts(now);
        let made = match self
            .make(visit, &checked, login, &result, &claims, now)
            .await
        {
            Ok(made) => made,
            Err(error) => return Err(tokens.fail(context, result, record, error).into()),
        };
        let stored = self.store(visit, login, session, &result, &claims, &made, now);
        let cookie = match stored.await {
            Ok(cookie) => cookie,
            Err(error) => return Err(tokens.fail(context, result, record, error).into()),
        };
        let execution_id = result.execution_id.clone();
        let given = given(checked.response_type, &claims);
        tokens.record_given(context, login, result, given, now);
        let response = checked.target.response(context);
        let response = made
            .parameters
            .into_iter()
            .fold(response, |response, (name, value)| {
                AuthorizationResponse::with(response, name, value)
            });
        Ok(Answer {
            next: Next::Respond(response),
            session: cookie,
            binding: None,
            execution_id: Some(execution_id),
        })
    }

    /// The code, and the tokens that go through the browser.
    async fn make(
        &self,
        visit: &Visit<'_>,
        checked: &CheckedRequest,
        login: &Login,
        result: &TriggerResult,
        claims: &Checked,
        now: Timestamp,
    ) -> Result<Made, TokenEndpointError> {
        let context = visit.context;
        let scope = &result.event.transaction.target_scopes;
        let mut made = Made::default();
        if checked.response_type.code {
            let code = self.services().ids.token();
            let waiting = waiting_code(checked, login, result, claims, now);
            made.code = Some((sha256(&code), waiting));
            made.parameters.push(("code", code));
        }
        if checked.response_type.token {
            let (token, lifetime_s) = self
                .tokens
                .make_access_token(
                    context,
                    login,
                    scope,
                    &claims.access_token,
                    &mut made.given,
                    now,
                )
                .await?;
            made.parameters.push(("access_token", token));
            made.parameters.push(("token_type", "Bearer".to_owned()));
            made.parameters.push(("expires_in", lifetime_s.to_string()));
            if login.tells_scope(scope) {
                made.parameters.push(("scope", scope.join(" ")));
            }
        }
        if checked.response_type.id_token
            && let Some(claims) = &claims.id_token
        {
            let algorithm = login.client.id_token_signing_algorithm;
            let algorithm = algorithm.unwrap_or(context.tenant.settings.signing_algorithm);
            let hash_of = |name: &str| {
                let mut values = made.parameters.iter().filter(|(given, _)| *given == name);
                values.next().map(|(_, value)| token_hash(algorithm, value))
            };
            let claims = claims
                .clone()
                .with_hashes(hash_of("access_token"), hash_of("code"));
            let signed = self
                .tokens
                .sign_id_token(context, &login.client, &claims)
                .await?;
            made.parameters.push(("id_token", signed));
        }
        Ok(made)
    }

    /// Stores what the login leaves behind, all together, so that one flush serves all.
    #[expect(clippy::too_many_arguments, reason = "all that a login leaves behind")]
    async fn store(
        &self,
        visit: &Visit<'_>,
        login: &Login,
        session: &BrowserSession,
        result: &TriggerResult,
        claims: &Checked,
        made: &Made,
        now: Timestamp,
    ) -> Result<Option<NewSessionCookie>, TokenEndpointError> {
        let (context, store) = (visit.context, &visit.context.store);
        let code = async {
            match &made.code {
                Some((sha256, code)) => store.put_authorization_code(sha256, code).await,
                None => Ok(()),
            }
        };
        let tokens = async {
            match &made.given.opaque_token {
                Some(_) => store.put_given_tokens(&made.given).await,
                None => Ok(true),
            }
        };
        let (changes, id_token) = (&result.metadata, claims.id_token.as_ref());
        let ip = &visit.facts.ip;
        let login_stored = self
            .tokens
            .store_login(context, login, changes, id_token, ip, now);
        let session = self.keep_session(visit, &login.client, session);
        let (code, tokens, login_stored, cookie) =
            tokio::join!(code, tokens, login_stored, session);
        code?;
        login_stored?;
        if !tokens? {
            return Err(TokenEndpointError::LoginEnded);
        }
        cookie
    }
}

/// The claims of the tokens that the client gets by this response, or by its code.
fn given(response_type: ResponseType, claims: &Checked) -> GivenClaims<'_> {
    let ResponseType {
        code,
        token,
        id_token,
    } = response_type;
    let all = claims.all();
    GivenClaims {
        access_token: all.access_token.filter(|_| code || token),
        id_token: all.id_token.filter(|_| code || id_token),
    }
}

/// What `event.transaction.protocol` says.
fn protocol(response_type: ResponseType) -> &'static str {
    match (response_type.code, response_type.gives_tokens()) {
        (true, false) => "oidc-basic-profile",
        (true, true) => "oidc-hybrid-profile",
        (false, _) => "oidc-implicit-profile",
    }
}

/// What waits under a code.
fn waiting_code(
    checked: &CheckedRequest,
    login: &Login,
    result: &TriggerResult,
    claims: &Checked,
    now: Timestamp,
) -> AuthorizationCode {
    let request = &checked.request;
    AuthorizationCode {
        client_id: login.client.client_id.clone(),
        redirect_uri: request.redirect_uri.clone(),
        code_challenge: request.code_challenge.clone(),
        user_id: login.user.user_id.clone(),
        connection: login.connection.name.clone(),
        session_id: login.way.session_id.clone(),
        authenticated_at: login.way.authenticated_at,
        nonce: request.nonce.clone(),
        audience: login.api.as_ref().map(|api| api.identifier.clone()),
        organization: login.organization.as_ref().map(|found| found.id.clone()),
        requested_scope: login.requested.clone(),
        scope: result.event.transaction.target_scopes.clone(),
        access_token_claims: claims.access_token.custom().clone(),
        id_token_claims: claims
            .id_token
            .as_ref()
            .map(SealedClaims::custom)
            .cloned()
            .unwrap_or_default(),
        execution_id: result.execution_id.clone(),
        expires_at: now.plus_seconds(CODE_LIFETIME_S),
        rests_on_consent: login.rests_on_consent(),
        redeemed: None,
    }
}

/// What Actions see of the request, beside what all logins have.
fn event_transaction(checked: &CheckedRequest) -> EventTransaction {
    let request = &checked.request;
    EventTransaction {
        redirect_uri: Some(checked.redirect_uri.clone()),
        response_type: checked.response_type.words().map(str::to_owned).collect(),
        response_mode: Some(checked.target.mode.as_str().to_owned()),
        state: request.state.clone(),
        prompt: words(request.prompt.as_deref()),
        login_hint: request.login_hint.clone(),
        acr_values: words(request.acr_values.as_deref()),
        locale: Some(LOCALE.to_owned()),
        ui_locales: words(request.ui_locales.as_deref()),
        ..EventTransaction::default()
    }
}

/// The session as Actions see it.
fn event_session(session: &Session) -> JsonObject {
    let clients = session.clients.iter();
    let clients: Vec<_> = clients.map(|id| json!({ "client_id": id })).collect();
    let session = json!({
        "id": session.id,
        "user_id": session.user_id,
        "authenticated_at": session.authenticated_at,
        "created_at": session.created_at,
        "last_interacted_at": session.last_interacted_at,
        "expires_at": session.expires_at,
        "idle_expires_at": session.idle_expires_at,
        "clients": clients,
    });
    JsonObject::from_iter([("session".to_owned(), session)])
}
