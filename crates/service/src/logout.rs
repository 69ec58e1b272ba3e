//! Logging out: as the reference product has it, and by OpenID Connect RP-Initiated
//! Logout 1.0.

use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use claimsmith_model::{Client, Session, SigningAlgorithm};
use claimsmith_storage::StorageError;
use url::Url;

use crate::{ServiceError, Services, SessionSecret, TenantContext};

/// What a confirmation is made for, so that it is good for nothing else.
const CONFIRMATION: &[u8] = b"claimsmith confirmation of a logout";

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
    pub id_token_hint: Option<String>,
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
    pub confirmation: String,
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
    context: &TenantContext,
    request: &LogoutRequest,
    session: Option<&SessionSecret>,
) -> Result<AfterLogout, LogoutError> {
    let client = client(context, request.client_id.as_deref()).await?;
    end(context, session).await?;
    let registered = match (&request.client_id, &client) {
        (Some(_), None) => return Ok(AfterLogout::NotRegistered),
        (Some(_), Some(client)) => &client.allowed_logout_urls,
        (None, _) => &context.tenant.settings.allowed_logout_urls,
    };
    let target = request.redirect_uri.as_ref().or(registered.first());
    Ok(after(registered, target, None))
}

/// Ends the browser's session when the request shows that it comes from a client of it,
/// and asks the user otherwise (RP-Initiated Logout section 2).
///
/// # Errors
/// When the request contradicts itself, or the store fails.
pub async fn requested(
    services: &Services,
    context: &TenantContext,
    request: &LogoutRequest,
    secret: Option<&SessionSecret>,
) -> Result<Logout, LogoutError> {
    let hint = match &request.id_token_hint {
        Some(token) => hint(services, context, token).await?,
        None => None,
    };
    let (client, then) = target(context, request, hint.as_ref()).await?;
    let now = services.environment.clock.now();
    let Some(secret) = secret else {
        return Ok(Logout::Done(then));
    };
    let session = context.store.session(&secret.sha256()).await?;
    match session.filter(|session| now < session.expires_at && now < session.idle_expires_at) {
        Some(session) if !hint.is_some_and(|hint| hint.is_of(&session)) => {
            Ok(Logout::Ask(LogoutQuestion {
                client,
                confirmation: confirmation(secret),
                then,
            }))
        }
        _ => {
            end(context, Some(secret)).await?;
            Ok(Logout::Done(then))
        }
    }
}

/// Ends the browser's session when the user said so: the answer brings along what the
/// question gave. Otherwise they are asked again.
///
/// # Errors
/// When the store fails.
pub async fn confirmed(
    context: &TenantContext,
    request: &LogoutRequest,
    brought: &str,
    secret: Option<&SessionSecret>,
) -> Result<Logout, LogoutError> {
    let (client, then) = target(context, request, None).await?;
    if let Some(secret) = secret {
        if !is_confirmation(secret, brought) {
            return Ok(Logout::Ask(LogoutQuestion {
                client,
                confirmation: confirmation(secret),
                then,
            }));
        }
        end(context, Some(secret)).await?;
    }
    Ok(Logout::Done(then))
}

async fn end(context: &TenantContext, session: Option<&SessionSecret>) -> Result<(), LogoutError> {
    if let Some(secret) = session {
        context.store.end_session(&secret.sha256()).await?;
    }
    Ok(())
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
