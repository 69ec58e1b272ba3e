//! The authorization code grant (RFC 6749 section 4.1.3) with PKCE (RFC 7636).
//!
//! The Actions ran when the code was given out. What they set waits in the code, and goes
//! through the claim policy once more.

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use claimsmith_model::{
    AuthorizationCode, Client, GrantType, LogType, OnRefusal, Secret, TokenEndpointAuthMethod,
};
use claimsmith_oauth::TokenRequest;

use super::{
    Issued, Refused, RequestFacts, TokenEndpointError, TokenService,
    hash::sha256,
    login::{EarlierLogin, KeptClaims, Login, OFFLINE_ACCESS, Way, response},
    target,
};
use crate::{TenantContext, configuration::Configuration, events::NewEvent};

/// The shortest and the longest `code_verifier` (RFC 7636 section 4.1).
const VERIFIER_CHARS: std::ops::RangeInclusive<usize> = 43..=128;

impl TokenService {
    pub(super) async fn authorization_code(
        &self,
        context: &Arc<TenantContext>,
        configuration: &Configuration<'_>,
        client: Arc<Client>,
        request: TokenRequest,
        facts: RequestFacts,
    ) -> Result<Issued, Refused> {
        let text = request.code.as_ref();
        let text = text.ok_or_else(|| TokenEndpointError::missing("code"))?;
        let hash = sha256(text.expose());
        let code = context.store.authorization_code(&hash).await?;
        let code = code.filter(|code| code.client_id == client.client_id);
        let code = code.ok_or(TokenEndpointError::InvalidCode)?;
        let (execution_id, user_id) = (code.execution_id.clone(), code.user_id.clone());
        let redeemed = self.redeem(context, configuration, client, request, &hash, code);
        // From here on the code is the client's, and the run that it came from is named.
        let (login, issued) = redeemed.await.map_err(|error| Refused {
            execution_id: Some(execution_id),
            user_id: Some(user_id),
            ..error.into()
        })?;
        self.note_exchange(context, &login, &issued, &facts);
        Ok(issued)
    }

    /// Notes in the tenant's log that a code was exchanged: no trigger ran that would
    /// have a record of it.
    fn note_exchange(
        &self,
        context: &TenantContext,
        login: &Login,
        issued: &Issued,
        facts: &RequestFacts,
    ) {
        let event = NewEvent::new(LogType::CodeExchangeSucceeded)
            .client(&login.client)
            .user(&login.user)
            .connection(&login.connection.name)
            .organization(login.organization.as_ref().map(|found| &found.id))
            .execution(&issued.execution_id)
            .from(facts);
        let event = match &login.api {
            Some(api) => event.audience(&api.identifier),
            None => event,
        };
        let scope = issued.response.scope.as_deref().unwrap_or_default();
        let scope: Vec<String> = scope.split_whitespace().map(str::to_owned).collect();
        self.services.events.record(context, event.scope(&scope));
    }

    async fn redeem(
        &self,
        context: &TenantContext,
        configuration: &Configuration<'_>,
        client: Arc<Client>,
        request: TokenRequest,
        hash: &[u8; 32],
        code: AuthorizationCode,
    ) -> Result<(Login, Issued), TokenEndpointError> {
        must_fit(&code, &client, &request)?;
        if code.redeemed.is_some() {
            return Err(self.replayed(context, hash, &code).await);
        }
        let target = target::asked(&request)?;
        if target.is_some_and(|target| Some(target) != code.audience.as_deref()) {
            return Err(TokenEndpointError::InvalidTarget(
                "a code is good for the API that the authorization request named".to_owned(),
            ));
        }
        let now = self.services.environment.clock.now();
        if code.expires_at <= now {
            return Err(TokenEndpointError::InvalidCode);
        }
        let earlier = EarlierLogin {
            user_id: &code.user_id,
            connection: &code.connection,
            audience: code.audience.as_deref(),
            organization: code.organization.as_ref(),
        };
        let requested = code.requested_scope.join(" ");
        let way = Way {
            grant: GrantType::AuthorizationCode,
            protocol: "oidc-basic-profile",
            gty: None,
            authenticated_at: code.authenticated_at,
            login_execution_id: None,
            session_id: code.session_id.clone(),
            nonce: code.nonce.clone(),
            refresh_grant: None,
            is_fresh: false,
        };
        let login = self
            .prepare_again(
                context,
                configuration,
                client,
                (earlier, &requested),
                way,
                || TokenEndpointError::InvalidCode,
            )
            .await?;

        let scope: Vec<String> = code
            .scope
            .iter()
            .filter(|scope| {
                // The client or the API may have changed since.
                *scope != OFFLINE_ACCESS || login.may_refresh
            })
            .cloned()
            .collect();
        let kept = KeptClaims {
            access_token: &code.access_token_claims,
            id_token: &code.id_token_claims,
        };
        let (checked, refused) = self.admit_kept(context, &login, kept, &scope, now);
        if !refused.is_empty() {
            tracing::warn!(
                tenant = %context.tenant.id, execution_id = %code.execution_id,
                claims = ?refused.iter().map(|refused| &refused.claim).take(10).collect::<Vec<_>>(),
                "claims were admitted when a code was given out, and are refused now"
            );
            if context.tenant.settings.claims.on_refusal == OnRefusal::Fail {
                return Err(TokenEndpointError::ClaimRefused(code.execution_id));
            }
        }

        // Signed first, and then redeemed together with what that gives: a code is never
        // used up for nothing, and never gives anything twice.
        let tokens = self.sign(context, &login, &scope, &checked, now);
        let tokens = tokens.await?;
        let redeem = context
            .store
            .redeem_authorization_code(hash, &tokens.given, now);
        let user_info = async {
            let Some(id_token) = &checked.id_token else {
                return Ok(());
            };
            let (user_id, client_id) = (&login.user.user_id, &login.client.client_id);
            let claims = id_token.custom();
            let put = context
                .store
                .put_userinfo_claims(user_id, client_id, claims);
            put.await
        };
        // Waiting for both together, so that one flush serves both.
        let (is_first, user_info) = tokio::join!(redeem, user_info);
        if !is_first? {
            let now = context.store.authorization_code(hash).await?;
            return Err(match now {
                Some(code) if code.redeemed.is_some() => self.replayed(context, hash, &code).await,
                // The user has logged out, or taken back what they allowed.
                _ => TokenEndpointError::InvalidCode,
            });
        }
        user_info?;
        let issued = Issued {
            response: response(&login, &scope, tokens),
            execution_id: code.execution_id,
        };
        Ok((login, issued))
    }

    /// Answers a code that comes a second time, be it at the same time as the first: one
    /// of the two is not the client's, so what the code gave is revoked (RFC 6749
    /// section 4.1.2).
    async fn replayed(
        &self,
        context: &TenantContext,
        hash: &[u8; 32],
        code: &AuthorizationCode,
    ) -> TokenEndpointError {
        tracing::warn!(
            tenant = %context.tenant.id, client = %code.client_id, user = %code.user_id,
            "an authorization code came twice; what it gave is revoked"
        );
        match context.store.revoke_redeemed_code(hash).await {
            Ok(()) => TokenEndpointError::InvalidCode,
            Err(error) => error.into(),
        }
    }
}

/// Checks that the request comes from whom the authorization request came from. Before
/// anything else is looked at: who merely read a code somewhere can't use it up, nor
/// have what it gave revoked.
fn must_fit(
    code: &AuthorizationCode,
    client: &Client,
    request: &TokenRequest,
) -> Result<(), TokenEndpointError> {
    let mismatch = |text| Err(TokenEndpointError::CodeMismatch(text));
    if code.redirect_uri != request.redirect_uri {
        return mismatch(
            "redirect_uri must be the same as in the authorization request, and left out if that \
             had none",
        );
    }
    match (&code.code_challenge, &request.code_verifier) {
        (Some(challenge), Some(verifier)) => {
            if is_answer(verifier, challenge) {
                return Ok(());
            }
            mismatch("code_verifier doesn't answer the code_challenge of the authorization request")
        }
        (Some(_), None) => mismatch(
            "the parameter code_verifier is missing: the authorization request had a code_challenge",
        ),
        // RFC 9700 section 4.8.2: somebody took the challenge out on its way.
        (None, Some(_)) => mismatch(
            "there is a code_verifier, but the authorization request had no code_challenge",
        ),
        (None, None) if client.token_endpoint_auth_method == TokenEndpointAuthMethod::None => {
            mismatch(
                "a client without authentication must use PKCE with code_challenge_method S256",
            )
        }
        (None, None) => Ok(()),
    }
}

/// Whether the verifier is the one that an S256 challenge was made of (RFC 7636
/// section 4.6).
fn is_answer(verifier: &Secret, challenge: &str) -> bool {
    let verifier = verifier.expose();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if !VERIFIER_CHARS.contains(&verifier.len()) || !verifier.bytes().all(allowed) {
        return false;
    }
    let right = URL_SAFE_NO_PAD.encode(sha256(verifier));
    verify_slices_are_equal(right.as_bytes(), challenge.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verifier_of_rfc_7636_answers_its_challenge_and_no_other_does() {
        // Appendix B.
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert!(is_answer(&Secret::new(verifier), challenge));
        for wrong in ["", challenge, &verifier[1..], &format!("{verifier}=")] {
            assert!(!is_answer(&Secret::new(wrong), challenge), "{wrong}");
        }
    }

    #[test]
    fn a_verifier_is_bounded_on_both_sides() {
        let answers = |chars: usize| {
            let verifier = "v".repeat(chars);
            let challenge = URL_SAFE_NO_PAD.encode(sha256(&verifier));
            is_answer(&Secret::new(verifier), &challenge)
        };
        assert_eq!([42, 43, 128, 129].map(answers), [false, true, true, false]);
    }
}
