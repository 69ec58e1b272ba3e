//! Logging out: as the reference product has it, and by OpenID Connect RP-Initiated
//! Logout 1.0.

use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use claimsmith_model::{Client, LogType, Secret, Session, SigningAlgorithm};
use claimsmith_storage::StorageError;
use url::Url;

use crate::{RequestFacts, ServiceError, Services, SessionSecret, TenantContext, events::NewEvent};

/// What a confirmation is made for, so that it is good for nothing else.
const CONFIRMATION: &[u8] = b"claimsmith confirmation of a logout";

/// A browser that wants somebody logged out.
#[derive(Debug, Clone, Copy)]
pub struct LogoutVisit<'a> {
    /// The server's services.
    pub services: &'a Services,
    /// Where the session is.
    pub context: &'a TenantContext,
    /// The cookie of the session.
    pub session: Option<&'a SessionSecret>,
    /// From where the request comes, for the log.
    pub facts: &'a RequestFacts,
}

/// What a logout request asks for.
#[derive(Debug, Clone, Default)]
pub struct LogoutRequest {
    /// `client_id`.
    pub client_id: Option<String>,
    /// Where the browser shall go afterwards: `post_logout_redirect_uri` or `returnTo`.
    pub redirect_uri: Option<String>,
    /// `state`, which goes along to there.
    pub state: Option<String>,
    /// `id_token_hint`: an ID token of the session that shall end.
    pub id_token_hint: Option<Secret>,
}

/// What a logout request came to.
#[derive(Debug)]
pub enum Logout {
    /// There is no session (any more), and this is where the browser goes.
    Done(AfterLogout),
    /// Nothing shows that the user wants it: they are asked.
    Ask(LogoutQuestion),
}

/// Where the browser goes after a logout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AfterLogout {
    /// To this URL, which is registered.
    Redirect(String),
    /// Nowhere: none was asked for.
    Stay,
    /// Nowhere: the one that was asked for is registered for no such client.
    NotRegistered,
}

/// What the user is asked.
#[derive(Debug)]
pub struct LogoutQuestion {
    /// The client that asks for the logout, as far as that is known.
    pub client: Option<Arc<Client>>,
    /// What the answer must bring along: it shows that the question was put to the
    /// browser that answers.
    pub confirmation: Secret,
    /// Where the browser goes afterwards.
    pub then: AfterLogout,
}

/// Why a logout was refused.
#[derive(Debug, thiserror::Error)]
pub enum LogoutError {
    /// `client_id` and `id_token_hint` contradict each other.
    #[error("client_id is not the client that the id_token_hint was issued to")]
    OtherClient,
    /// The server failed.
    #[error("the server could not complete the request")]
    Host(#[from] ServiceError),
}

impl From<StorageError> for LogoutError {
    fn from(error: StorageError) -> Self {
        Self::Host(error.into())
    }
}

/// Ends the browser's session, whoever asks: the reference product's `/v2/logout`.
///
/// Without a `redirect_uri` the browser goes to the first one that is registered.
///
/// # Errors
/// When the store fails.
pub async fn at_once(
    visit: LogoutVisit<'_>,
    request: &LogoutRequest,
) -> Result<AfterLogout, LogoutError> {
    visit.noting(end_at_once(visit, request).await)
}

/// Ends the browser's session when the request shows that it comes from a client of it,
/// and asks the user otherwise (RP-Initiated Logout section 2).
///
/// # Errors
/// When the request contradicts itself, or the store fails.
pub async fn requested(
    visit: LogoutVisit<'_>,
    request: &LogoutRequest,
) -> Result<Logout, LogoutError> {
    visit.noting(end_or_ask(visit, request).await)
}

/// Ends the browser's session when the user said so: the answer brings along what the
/// question gave. Otherwise they are asked again.
///
/// # Errors
/// When the store fails.
pub async fn confirmed(
    visit: LogoutVisit<'_>,
    request: &LogoutRequest,
    brought: &str,
) -> Result<Logout, LogoutError> {
    visit.noting(end_if_confirmed(visit, request, brought).await)
}

/// What may have to be told of an outcome.
trait Outcome {
    /// Where the browser goes; none while the user is asked.
    fn then(&self) -> Option<&AfterLogout>;
}

impl Outcome for AfterLogout {
    fn then(&self) -> Option<&AfterLogout> {
        Some(self)
    }
}

impl Outcome for Logout {
    fn then(&self) -> Option<&AfterLogout> {
        match self {
            Self::Done(then) => Some(then),
            Self::Ask(_) => None,
        }
    }
}

impl LogoutVisit<'_> {
    /// Notes in the tenant's log what went wrong. A session that ended is noted where it
    /// ends.
    fn noting<T: Outcome>(self, outcome: Result<T, LogoutError>) -> Result<T, LogoutError> {
        let why = match &outcome {
            Err(error) => Some(error.to_string()),
            Ok(outcome) => (outcome.then() == Some(&AfterLogout::NotRegistered))
                .then(|| "The address to go on to is not among the allowed_logout_urls".to_owned()),
        };
        if let Some(why) = why {
            self.note(NewEvent::new(LogType::LogoutFailed).because(&why));
        }
        outcome
    }

    fn note(self, event: NewEvent) {
        let events = &self.services.events;
        events.record(self.context, event.from(self.facts));
    }

    /// Ends the session, for the client that asks as far as that is known.
    async fn end(self, client: Option<&Client>) -> Result<(), LogoutError> {
        let Some(secret) = self.session else {
            return Ok(());
        };
        let Some(session) = self.context.store.end_session(&secret.sha256()).await? else {
            return Ok(());
        };
        let event = NewEvent::new(LogType::LogoutSucceeded)
            .user_id(Some(&session.user_id))
            .connection(&session.connection)
            .detail("session_id", session.id.as_str());
        self.note(match client {
            Some(client) => event.client(client),
            None => event,
        });
        Ok(())
    }
}

async fn end_at_once(
    visit: LogoutVisit<'_>,
    request: &LogoutRequest,
) -> Result<AfterLogout, LogoutError> {
    let context = visit.context;
    let client = client(context, request.client_id.as_deref()).await?;
    visit.end(client.as_deref()).await?;
    let registered = match (&request.client_id, &client) {
        (Some(_), None) => return Ok(AfterLogout::NotRegistered),
        (Some(_), Some(client)) => &client.allowed_logout_urls,
        (None, _) => &context.tenant.settings.allowed_logout_urls,
    };
    let target = request.redirect_uri.as_ref().or(registered.first());
    Ok(after(registered, target, None))
}

async fn end_or_ask(
    visit: LogoutVisit<'_>,
    request: &LogoutRequest,
) -> Result<Logout, LogoutError> {
    let LogoutVisit {
        services, context, ..
    } = visit;
    let hint = match &request.id_token_hint {
        Some(token) => hint(services, context, token.expose()).await?,
        None => None,
    };
    let (client, then) = target(context, request, hint.as_ref()).await?;
    let now = services.environment.clock.now();
    let Some(secret) = visit.session else {
        return Ok(Logout::Done(then));
    };
    let session = context.store.session(&secret.sha256()).await?;
    match session.filter(|session| now < session.expires_at && now < session.idle_expires_at) {
        Some(session) if !hint.is_some_and(|hint| hint.is_of(&session)) => {
            Ok(Logout::Ask(LogoutQuestion {
                client,
                confirmation: Secret::new(confirmation(secret)),
                then,
            }))
        }
        _ => {
            visit.end(client.as_deref()).await?;
            Ok(Logout::Done(then))
        }
    }
}

async fn end_if_confirmed(
    visit: LogoutVisit<'_>,
    request: &LogoutRequest,
    brought: &str,
) -> Result<Logout, LogoutError> {
    let (client, then) = target(visit.context, request, None).await?;
    if let Some(secret) = visit.session {
        if !is_confirmation(secret, brought) {
            return Ok(Logout::Ask(LogoutQuestion {
                client,
                confirmation: Secret::new(confirmation(secret)),
                then,
            }));
        }
        visit.end(client.as_deref()).await?;
    }
    Ok(Logout::Done(then))
}

/// The client that asks, and where the browser goes afterwards.
async fn target(
    context: &TenantContext,
    request: &LogoutRequest,
    hint: Option<&Hint>,
) -> Result<(Option<Arc<Client>>, AfterLogout), LogoutError> {
    let named = request.client_id.as_deref();
    let hinted = hint.map(|hint| hint.client_id.as_str());
    if let (Some(named), Some(hinted)) = (named, hinted)
        && named != hinted
    {
        return Err(LogoutError::OtherClient);
    }
    let client = client(context, named.or(hinted)).await?;
    let registered = client
        .as_ref()
        .map_or(&[][..], |client| &client.allowed_logout_urls);
    let wanted = request.redirect_uri.as_ref();
    let then = after(registered, wanted, request.state.as_deref());
    Ok((client, then))
}

async fn client(
    context: &TenantContext,
    id: Option<&str>,
) -> Result<Option<Arc<Client>>, LogoutError> {
    let Some(id) = id.and_then(|id| id.parse().ok()) else {
        return Ok(None);
    };
    let configuration = context.configuration().await?;
    Ok(configuration.client(&id).await?)
}

/// Where the browser goes: only to what is registered, letter by letter.
fn after(registered: &[String], wanted: Option<&String>, state: Option<&str>) -> AfterLogout {
    let Some(wanted) = wanted else {
        return AfterLogout::Stay;
    };
    let url = registered
        .contains(wanted)
        .then(|| Url::parse(wanted).ok())
        .flatten();
    let Some(mut url) = url else {
        return AfterLogout::NotRegistered;
    };
    if let Some(state) = state {
        url.query_pairs_mut().append_pair("state", state);
    }
    AfterLogout::Redirect(url.into())
}

/// What an ID token says of the login that it was issued at.
#[derive(Debug)]
struct Hint {
    client_id: String,
    user_id: String,
    session_id: Option<String>,
}

impl Hint {
    /// Whether that login was in this session.
    fn is_of(&self, session: &Session) -> bool {
        match &self.session_id {
            Some(id) => id == session.id.as_str(),
            None => self.user_id == session.user_id.as_str(),
        }
    }
}

/// What the hint says; `None` for what is no ID token of this tenant (any more, when the
/// key that signed it is gone). Expired ones are accepted, as section 2 asks for.
async fn hint(
    services: &Services,
    context: &TenantContext,
    token: &str,
) -> Result<Option<Hint>, LogoutError> {
    let environment = &services.environment;
    // Whichever keys there are; HS256 signs no ID token.
    let keys = context.keys(SigningAlgorithm::HS256, environment).await?;
    let Ok(claims) = keys.verify_past_id_token(token, &context.tenant.issuer) else {
        return Ok(None);
    };
    let text = |name: &str| claims.as_object().get(name)?.as_str().map(str::to_owned);
    let (Some(client_id), Some(user_id)) = (text("aud"), text("sub")) else {
        return Ok(None);
    };
    Ok(Some(Hint {
        client_id,
        user_id,
        session_id: text("sid"),
    }))
}

/// What only the browser that has the session can bring along, and only after it was
/// asked: the cookie alone comes with whatever another site makes the browser send.
fn confirmation(secret: &SessionSecret) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    URL_SAFE_NO_PAD.encode(hmac::sign(&key, CONFIRMATION))
}

fn is_confirmation(secret: &SessionSecret, brought: &str) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    let brought = URL_SAFE_NO_PAD.decode(brought).unwrap_or_default();
    // In constant time.
    hmac::verify(&key, CONFIRMATION, &brought).is_ok()
}
