//! Whether a user has allowed a client what it asks for.

use claimsmith_oauth::AuthorizationRequest;

use super::{
    Answer, AuthorizeError, AuthorizeService, Done, Next, Refusal, Visit,
    check::CheckedRequest,
    session::BrowserSession,
    target::Target,
    transaction::{AskedConsent, Step},
};
use crate::token::{TokenEndpointError, login::Login};

/// What the consent page shows and carries.
#[derive(Debug)]
pub struct ConsentQuestion {
    /// The client's name.
    pub client_name: String,
    /// Who is logged in, by a name that the user knows.
    pub user: String,
    /// The API that the client wants to use, by its name.
    pub api_name: Option<String>,
    /// What it asks for.
    pub scopes: Vec<AskedScope>,
    /// What comes back with the form.
    pub state: String,
    /// Where the browser goes afterwards.
    pub redirect_uri: String,
}

/// A scope that a client asks for.
#[derive(Debug)]
pub struct AskedScope {
    /// The scope itself.
    pub value: String,
    /// What its API says of it.
    pub description: Option<String>,
}

impl AuthorizeService {
    /// Whether the user has to be asked: by a client that isn't the tenant's own, for
    /// what wasn't allowed before, or because the request wants it.
    pub(super) async fn wants_consent(
        &self,
        visit: &Visit<'_>,
        checked: &CheckedRequest,
        login: &Login,
        done: Done,
    ) -> Result<bool, TokenEndpointError> {
        if checked.prompt.consent && !done.consent {
            return Ok(true);
        }
        if checked.client.is_first_party {
            return Ok(false);
        }
        let (user_id, client_id) = (&login.user.user_id, &login.client.client_id);
        let audience = audience(login);
        let store = &visit.context.store;
        let given = store
            .consent(user_id, client_id, audience.as_deref())
            .await?;
        Ok(given.is_none_or(|given| {
            let is_new = |scope: &String| !given.scope.contains(scope);
            login.granted.iter().any(is_new)
        }))
    }

    /// The consent page. A session that begins is stored now: the form comes back to it.
    /// So it is there also when an Action denies the login afterwards, for the next request
    /// to be denied without a password being typed in again.
    pub(super) async fn ask_for_consent(
        &self,
        visit: &Visit<'_>,
        checked: &CheckedRequest,
        login: &Login,
        session: &BrowserSession,
    ) -> Result<Answer, Refusal> {
        let asked = AskedConsent {
            session_id: session.session.id.clone(),
            is_fresh: login.way.is_fresh,
            scope: login.granted.clone(),
            audience: audience(login),
        };
        let step = Step::Consent(asked);
        let sealed = self.seal_transaction(visit, &checked.request, step);
        let (state, binding) = sealed.map_err(TokenEndpointError::from)?;
        let cookie = self.keep_session(visit, &checked.client, session).await?;
        let user = &login.user;
        let known_as = user.email.as_ref().or(user.username.as_ref());
        let known_as = known_as.or(user.name.as_ref());
        Ok(Answer {
            next: Next::Consent(ConsentQuestion {
                client_name: checked.client.name.clone(),
                user: known_as.map_or_else(|| user.user_id.to_string(), Clone::clone),
                api_name: login.api.as_ref().map(|api| api.name.clone()),
                scopes: login
                    .granted
                    .iter()
                    .map(|scope| asked_scope(login, scope))
                    .collect(),
                state,
                redirect_uri: checked.redirect_uri.clone(),
            }),
            session: cookie,
            binding: Some(binding),
            execution_id: None,
        })
    }

    /// Remembers what the user allowed, and goes on.
    pub(super) async fn decide_consent(
        &self,
        visit: &Visit<'_>,
        target: &Target,
        request: AuthorizationRequest,
        asked: AskedConsent,
        is_allowed: bool,
    ) -> Result<Answer, Refusal> {
        let present = self.session_of(visit).await?;
        let is_same = |session: &BrowserSession| session.session.id == asked.session_id;
        let Some(mut present) = present.filter(|present| is_same(&present.session)) else {
            // Logged out, or somebody else, in another window: from the beginning.
            return self.decide(visit, target, request, Done::default()).await;
        };
        if !is_allowed {
            return Err(AuthorizeError::NotAllowed.into());
        }
        let checked = self.check(visit, target, request).await?;
        visit
            .context
            .store
            .give_consent(
                &present.user.user_id,
                &checked.client.client_id,
                asked.audience.as_deref(),
                &asked.scope,
                visit.now,
            )
            .await?;
        // The form may come again, from the browser's history: that is no further login.
        let since = present.session.session.authenticated_at;
        let is_counted = present.user.last_login.is_some_and(|last| since <= last);
        present.is_fresh = asked.is_fresh && !is_counted;
        let done = Done {
            login: true,
            consent: true,
        };
        self.go_on(visit, checked, present, done).await
    }
}

/// Where the scopes belong to; none for those that need no API.
fn audience(login: &Login) -> Option<String> {
    login.api.as_ref().map(|api| api.identifier.clone())
}

fn asked_scope(login: &Login, scope: &str) -> AskedScope {
    let scopes = login.api.iter().flat_map(|api| &api.scopes);
    let mut of_api = scopes.filter(|known| known.value == scope);
    AskedScope {
        value: scope.to_owned(),
        description: of_api.next().and_then(|known| known.description.clone()),
    }
}
