//! The authorization endpoint's decisions (RFC 6749 section 3.1, OpenID Connect Core
//! section 3): who is asked what in the browser, and what goes back to the client.
//!
//! 1. `target` finds out whom to answer. Until that is known, whatever is wrong is told
//!    to the user alone: a redirect URI that isn't the client's gets nothing.
//! 2. `check` looks at the rest of the request.
//! 3. `session` says who is logged in; or the user is asked to log in. Nothing is
//!    stored for somebody who hasn't: the request waits in the page's own form
//!    (`transaction`).
//! 4. `consent` says whether the user has to agree.
//! 5. `respond` runs the Actions of post-login, and answers the client.

mod check;
mod consent;
mod error;
mod respond;
mod session;
mod target;
mod transaction;

use std::sync::Arc;

use claimsmith_model::{Client, ExecutionId, LogType, Secret, Timestamp};
use claimsmith_oauth::{AuthorizationRequest, AuthorizationResponse, ErrorBody};

pub use consent::{AskedScope, ConsentQuestion};
pub use error::PageError;
pub use session::NewSessionCookie;

use self::{
    check::CheckedRequest,
    error::{AuthorizeError, Refusal},
    session::Presence,
    target::Target,
    transaction::{Step, Transaction},
};
use crate::{
    Services, SessionSecret, TenantContext,
    configuration::Configuration,
    connection::LoginAttempt,
    events::{NewEvent, of_refusal},
    token::{Refused, RequestFacts, TokenEndpointError, TokenService},
};

/// Answers authorization requests, and the forms that users fill in on the way. Cheap to
/// clone.
#[derive(Debug, Clone)]
pub struct AuthorizeService {
    tokens: TokenService,
}

/// What a browser sent along by itself.
#[derive(Debug, Clone, Default)]
pub struct Browser {
    /// The cookie of the user's session.
    pub session: Option<SessionSecret>,
    /// The cookie that ties forms to this browser.
    pub binding: Option<SessionSecret>,
}

/// What a browser gets next, with the cookies that it is to keep.
#[derive(Debug)]
pub struct Answer {
    /// What it gets.
    pub next: Next,
    /// The cookie of a new session.
    pub session: Option<NewSessionCookie>,
    /// The cookie that ties forms to this browser, where a form is to come back.
    pub binding: Option<SessionSecret>,
    /// The run of the trigger, if one ran.
    pub execution_id: Option<ExecutionId>,
}

/// What a browser gets next.
#[derive(Debug)]
pub enum Next {
    /// The login page.
    Login(LoginQuestion),
    /// The consent page.
    Consent(ConsentQuestion),
    /// Back to the client.
    Respond(AuthorizationResponse),
    /// A page that says what is wrong.
    Refuse(PageError),
}

/// What the login page shows and carries.
#[derive(Debug)]
pub struct LoginQuestion {
    /// The client's name.
    pub client_name: String,
    /// Who logs in, as far as it is known.
    pub identifier: String,
    /// Why the user sees the page again.
    pub error: Option<String>,
    /// What comes back with the form.
    pub state: String,
    /// Where the browser goes afterwards.
    pub redirect_uri: String,
}

/// What the user typed into the login page.
#[derive(Debug)]
pub struct LoginForm {
    /// An email address or user name.
    pub username: String,
    /// The password.
    pub password: Secret,
    /// What the page carried.
    pub state: String,
}

/// What the user decided on the consent page.
#[derive(Debug)]
pub struct ConsentForm {
    /// Whether the client may.
    pub is_allowed: bool,
    /// What the page carried.
    pub state: String,
}

/// What has been asked already, so that it isn't asked again.
#[derive(Debug, Clone, Copy, Default)]
struct Done {
    /// The user has logged in for this request.
    login: bool,
    /// The user has allowed what this request asks for.
    consent: bool,
}

/// One request of a browser, with what every decision on it needs.
struct Visit<'a> {
    context: &'a TenantContext,
    configuration: Configuration<'a>,
    browser: &'a Browser,
    facts: RequestFacts,
    now: Timestamp,
}

impl AuthorizeService {
    /// A service that issues with `tokens`.
    #[must_use]
    pub fn new(tokens: TokenService) -> Self {
        Self { tokens }
    }

    /// Answers an authorization request: the query of `GET /authorize`.
    pub async fn begin(
        &self,
        context: &Arc<TenantContext>,
        browser: &Browser,
        query: &str,
        facts: RequestFacts,
    ) -> Answer {
        let request = match AuthorizationRequest::from_form(query.as_bytes()) {
            Ok(request) => request,
            Err(error) => return Answer::page(PageError::Request(error.to_string())),
        };
        let visit = match self.visit(context, browser, facts).await {
            Ok(visit) => visit,
            Err(error) => return Answer::page(error),
        };
        self.answer(&visit, request, Done::default()).await
    }

    /// Answers the form of the login page.
    pub async fn log_in(
        &self,
        context: &Arc<TenantContext>,
        browser: &Browser,
        form: LoginForm,
        facts: RequestFacts,
    ) -> Answer {
        let opened = self.open(context, browser, &form.state, facts).await;
        let (visit, transaction, request) = match opened {
            Ok(opened) => opened,
            Err(error) => return Answer::page(error),
        };
        if !matches!(transaction.step, Step::Login) {
            return Answer::page(PageError::Expired);
        }
        let target = match self.target(&visit, &request).await {
            Ok(target) => target,
            Err(error) => return Answer::page(error),
        };
        let outcome = self.log_in_at(&visit, &target, request, form).await;
        self.answer_with(&visit, target, outcome)
    }

    /// Answers the form of the consent page.
    pub async fn consent(
        &self,
        context: &Arc<TenantContext>,
        browser: &Browser,
        form: ConsentForm,
        facts: RequestFacts,
    ) -> Answer {
        let opened = self.open(context, browser, &form.state, facts).await;
        let (visit, transaction, request) = match opened {
            Ok(opened) => opened,
            Err(error) => return Answer::page(error),
        };
        let Step::Consent(asked) = transaction.step else {
            return Answer::page(PageError::Expired);
        };
        let target = match self.target(&visit, &request).await {
            Ok(target) => target,
            Err(error) => return Answer::page(error),
        };
        let outcome = self
            .decide_consent(&visit, &target, request, asked, form.is_allowed)
            .await;
        self.answer_with(&visit, target, outcome)
    }

    async fn visit<'a>(
        &self,
        context: &'a Arc<TenantContext>,
        browser: &'a Browser,
        facts: RequestFacts,
    ) -> Result<Visit<'a>, PageError> {
        let configuration = context.configuration().await;
        Ok(Visit {
            context,
            configuration: configuration.map_err(|error| PageError::Host(Box::new(error)))?,
            browser,
            facts,
            now: self.services().environment.clock.now(),
        })
    }

    /// The visit that a form belongs to, if it was given to this browser, and lately.
    async fn open<'a>(
        &self,
        context: &'a Arc<TenantContext>,
        browser: &'a Browser,
        state: &str,
        facts: RequestFacts,
    ) -> Result<(Visit<'a>, Transaction, AuthorizationRequest), PageError> {
        let mut visit = self.visit(context, browser, facts).await?;
        let transaction = self.open_transaction(&visit, state)?;
        let request = transaction.request().ok_or(PageError::Expired)?;
        // What Actions see is the client's request, and not the form.
        visit.facts.query = request.parameters.clone();
        Ok((visit, transaction, request))
    }

    async fn answer(&self, visit: &Visit<'_>, request: AuthorizationRequest, done: Done) -> Answer {
        let target = match self.target(visit, &request).await {
            Ok(target) => target,
            Err(error) => return Answer::page(error),
        };
        let outcome = self.decide(visit, &target, request, done).await;
        self.answer_with(visit, target, outcome)
    }

    async fn decide(
        &self,
        visit: &Visit<'_>,
        target: &Target,
        request: AuthorizationRequest,
        done: Done,
    ) -> Result<Answer, Refusal> {
        let checked = self.check(visit, target, request).await?;
        let present = self.present(visit, &checked).await?;
        match present.filter(|present| !checked.wants_login(present, done, visit.now)) {
            Some(present) => self.go_on(visit, checked, present, done).await,
            None if checked.prompt.none => Err(AuthorizeError::LoginRequired.into()),
            None => Ok(self.ask_for_login(visit, &checked, None)?),
        }
    }

    /// Somebody is logged in as the request wants it.
    async fn go_on(
        &self,
        visit: &Visit<'_>,
        checked: CheckedRequest,
        present: Presence,
        done: Done,
    ) -> Result<Answer, Refusal> {
        let (login, session) = self.prepare(visit, &checked, present).await?;
        if !self.wants_consent(visit, &checked, &login, done).await? {
            return self.respond(visit, checked, &login, &session).await;
        }
        if checked.prompt.none {
            return Err(AuthorizeError::ConsentRequired.into());
        }
        self.ask_for_consent(visit, &checked, &login, &session)
            .await
    }

    /// The login page.
    fn ask_for_login(
        &self,
        visit: &Visit<'_>,
        checked: &CheckedRequest,
        again: Option<(String, String)>,
    ) -> Result<Answer, TokenEndpointError> {
        let hint = checked.request.login_hint.clone().unwrap_or_default();
        let (identifier, error) = match again {
            Some((identifier, error)) => (identifier, Some(error)),
            None => (hint, None),
        };
        let (state, binding) = self.seal_transaction(visit, &checked.request, Step::Login)?;
        Ok(Answer {
            next: Next::Login(LoginQuestion {
                client_name: checked.client.name.clone(),
                identifier,
                error,
                state,
                redirect_uri: checked.redirect_uri.clone(),
            }),
            session: None,
            binding: Some(binding),
            execution_id: None,
        })
    }

    /// Checks the password, and goes on with whom it belongs to.
    async fn log_in_at(
        &self,
        visit: &Visit<'_>,
        target: &Target,
        request: AuthorizationRequest,
        form: LoginForm,
    ) -> Result<Answer, Refusal> {
        let checked = self.check(visit, target, request).await?;
        let attempt = LoginAttempt {
            client: &checked.client,
            grant: checked.grant(),
            connection: &checked.connection,
            identifier: &form.username,
            password: &form.password,
            ip: &visit.facts.ip,
        };
        let login = self.services().connection_login(visit.context, attempt);
        let login = match login.await.map_err(Refused::from) {
            Ok(login) => login,
            Err(refused) if refused.error.may_be_tried_again() => {
                // Of a script's run its record tells.
                if refused.execution_id.is_none() {
                    self.note_refused(visit, &checked.client, &refused);
                }
                let again = (form.username, refused.error.to_string());
                return Ok(self.ask_for_login(visit, &checked, Some(again))?);
            }
            Err(refused) => return Err(refused.into()),
        };
        if checked
            .hinted_user
            .as_ref()
            .is_some_and(|hinted| *hinted != login.user.user_id)
        {
            return Err(AuthorizeError::LoginRequired.into());
        }
        let present = self.new_presence(visit, &checked, login).await?;
        let done = Done {
            login: true,
            consent: false,
        };
        self.go_on(visit, checked, present, done).await
    }

    /// What the client or, where that is not possible, the user gets of an outcome.
    fn answer_with(
        &self,
        visit: &Visit<'_>,
        target: Target,
        outcome: Result<Answer, Refusal>,
    ) -> Answer {
        match outcome {
            Ok(answer) => answer,
            Err(Refusal {
                error,
                execution_id,
                user_id,
            }) => {
                error.log();
                // A run of the trigger has its record, and a client that only wants to
                // know whether somebody is logged in has its answer.
                if execution_id.is_none() && !error.is_a_question() {
                    let event = NewEvent::new(LogType::LoginFailed).because(&error.to_string());
                    let event = event.user_id(user_id.as_ref());
                    self.note(visit, &target.client, event);
                }
                let body = ErrorBody::new(error.code(), &error.to_string());
                let response = target.response(visit.context).with_error(&body);
                Answer {
                    execution_id,
                    ..Answer::of(Next::Respond(response))
                }
            }
        }
    }

    /// Notes in the tenant's log that somebody didn't get in.
    fn note_refused(&self, visit: &Visit<'_>, client: &Client, refused: &Refused) {
        let event = NewEvent::new(of_refusal(None, &refused.error));
        let event = event.because(&refused.error.to_string());
        self.note(visit, client, event.user_id(refused.user_id.as_ref()));
    }

    fn note(&self, visit: &Visit<'_>, client: &Client, event: NewEvent) {
        let event = event.client(client).from(&visit.facts);
        self.services().events.record(visit.context, event);
    }

    fn services(&self) -> &Services {
        &self.tokens.services
    }
}

impl Answer {
    fn of(next: Next) -> Self {
        Self {
            next,
            session: None,
            binding: None,
            execution_id: None,
        }
    }

    fn page(error: PageError) -> Self {
        Self::of(Next::Refuse(error))
    }
}
