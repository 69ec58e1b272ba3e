//! Who is logged in in a browser.

use claimsmith_model::{Client, Connection, ExecutionId, Session, Timestamp, User};
use claimsmith_storage::SessionUse;

use super::{AuthorizeService, Done, Visit, check::CheckedRequest};
use crate::{SessionSecret, connection::LoggedIn, token::TokenEndpointError};

const SECONDS_PER_HOUR: i64 = 3_600;
/// How many clients a session remembers.
const CLIENTS_MAX: usize = 50;
/// How exact the time of a session's last use is, in seconds: a use right after another
/// writes nothing.
const USES_APART_S: i64 = 60;

/// A user who is logged in in a browser.
#[derive(Debug)]
pub(super) struct Presence {
    pub(super) user: User,
    pub(super) connection: Connection,
    pub(super) session: BrowserSession,
    /// The run of the script that let the user in for this very request, where one did.
    pub(super) login_execution_id: Option<ExecutionId>,
    /// Whether the user logged in for this very request.
    pub(super) is_fresh: bool,
}

/// A session, and where it is kept.
#[derive(Debug)]
pub(super) struct BrowserSession {
    pub(super) session: Session,
    /// The SHA-256 of its cookie.
    sha256: [u8; 32],
    /// Of one that begins and isn't stored yet.
    new: Option<NewSession>,
}

/// What is to be done about a session that begins.
#[derive(Debug)]
struct NewSession {
    secret: SessionSecret,
    /// The session that the browser had before.
    instead_of: Option<[u8; 32]>,
}

/// The cookie of a new session.
#[derive(Debug)]
pub struct NewSessionCookie {
    /// What it holds.
    pub secret: SessionSecret,
    /// How long the browser is to keep it, in seconds.
    pub lifetime_s: u32,
}

impl AuthorizeService {
    /// Who is logged in in the browser, if it is somebody whom the request can mean.
    pub(super) async fn present(
        &self,
        visit: &Visit<'_>,
        checked: &CheckedRequest,
    ) -> Result<Option<Presence>, TokenEndpointError> {
        let present = self.session_of(visit).await?;
        Ok(present.filter(|present| {
            let is_other_connection =
                checked.names_connection && present.connection.name != checked.connection.name;
            let is_other_user = checked
                .hinted_user
                .as_ref()
                .is_some_and(|hinted| *hinted != present.user.user_id);
            let is_enabled = present
                .connection
                .enabled_clients
                .includes(&checked.client.client_id);
            is_enabled && !is_other_connection && !is_other_user
        }))
    }

    /// Who is logged in in the browser.
    pub(super) async fn session_of(
        &self,
        visit: &Visit<'_>,
    ) -> Result<Option<Presence>, TokenEndpointError> {
        let Some(cookie) = &visit.browser.session else {
            return Ok(None);
        };
        let store = &visit.context.store;
        let sha256 = cookie.sha256();
        let session = store.session(&sha256).await?;
        let is_on = |session: &Session| {
            visit.now < session.expires_at && visit.now < session.idle_expires_at
        };
        let Some(session) = session.filter(is_on) else {
            return Ok(None);
        };
        let user = store.user(&session.user_id).await?;
        let connection = store.connection_by_name(&session.connection).await?;
        Ok(user.zip(connection).map(|(user, connection)| Presence {
            user,
            connection,
            session: BrowserSession {
                session,
                sha256,
                new: None,
            },
            login_execution_id: None,
            is_fresh: false,
        }))
    }

    /// Who has just logged in. The session is a new one, whatever cookie the browser came
    /// with; of the same user it goes on under its name.
    pub(super) async fn new_presence(
        &self,
        visit: &Visit<'_>,
        checked: &CheckedRequest,
        login: LoggedIn,
    ) -> Result<Presence, TokenEndpointError> {
        let LoggedIn { user, execution_id } = login;
        let before = self.session_of(visit).await?;
        let before = before.map(|before| before.session);
        let instead_of = before.as_ref().map(|before| before.sha256);
        let before = before.map(|before| before.session);
        let before = before.filter(|before| before.user_id == user.user_id);
        let settings = visit.context.tenant.settings.sessions;
        let after = |hours: u32| {
            let seconds = i64::from(hours).saturating_mul(SECONDS_PER_HOUR);
            visit.now.plus_seconds(seconds)
        };
        let ids = &self.services().ids;
        let secret = SessionSecret::generate(ids);
        let session = Session {
            id: before
                .as_ref()
                .map_or_else(|| ids.session_id(), |before| before.id.clone()),
            user_id: user.user_id.clone(),
            connection: checked.connection.name.clone(),
            authenticated_at: visit.now,
            created_at: before
                .as_ref()
                .map_or(visit.now, |before| before.created_at),
            last_interacted_at: visit.now,
            expires_at: after(settings.lifetime_h),
            idle_expires_at: after(settings.idle_lifetime_h),
            clients: before.map(|before| before.clients).unwrap_or_default(),
            logins_ended: user.logins_ended,
        };
        Ok(Presence {
            user,
            connection: checked.connection.clone(),
            session: BrowserSession {
                session,
                sha256: secret.sha256(),
                new: Some(NewSession { secret, instead_of }),
            },
            login_execution_id: execution_id,
            is_fresh: true,
        })
    }

    /// Stores a session that begins, or that one was used. Answers the cookie of a new
    /// one.
    ///
    /// # Errors
    /// `LoginEnded` when the session was ended meanwhile, or what the user proved isn't
    /// worth anything any more.
    pub(super) async fn keep_session(
        &self,
        visit: &Visit<'_>,
        client: &Client,
        kept: &BrowserSession,
    ) -> Result<Option<NewSessionCookie>, TokenEndpointError> {
        let store = &visit.context.store;
        let session = &kept.session;
        if let Some(new) = &kept.new {
            let mut session = session.clone();
            session.clients.retain(|known| *known != client.client_id);
            session.clients.push(client.client_id.clone());
            let instead_of = new.instead_of.as_ref();
            if !store
                .put_session(&kept.sha256, &session, instead_of)
                .await?
            {
                return Err(TokenEndpointError::LoginEnded);
            }
            let lifetime_s = session.expires_at.as_seconds() - visit.now.as_seconds();
            return Ok(Some(NewSessionCookie {
                secret: new.secret.clone(),
                lifetime_s: u32::try_from(lifetime_s).unwrap_or(u32::MAX),
            }));
        }
        let is_noted = session.clients.contains(&client.client_id)
            && visit.now < session.last_interacted_at.plus_seconds(USES_APART_S);
        if is_noted {
            let goes_on = store.session(&kept.sha256).await?.is_some();
            return goes_on
                .then_some(None)
                .ok_or(TokenEndpointError::LoginEnded);
        }
        let idle_h = visit.context.tenant.settings.sessions.idle_lifetime_h;
        let idle_s = i64::from(idle_h).saturating_mul(SECONDS_PER_HOUR);
        let used = SessionUse {
            at: visit.now,
            idle_expires_at: visit.now.plus_seconds(idle_s),
            client: client.client_id.clone(),
            clients_max: CLIENTS_MAX,
        };
        let goes_on = store.use_session(&kept.sha256, &used).await?;
        goes_on
            .then_some(None)
            .ok_or(TokenEndpointError::LoginEnded)
    }
}

impl CheckedRequest {
    /// Whether a user who is logged in has to log in again.
    pub(super) fn wants_login(&self, present: &Presence, done: Done, now: Timestamp) -> bool {
        let since = present.session.session.authenticated_at;
        let is_too_old = self
            .max_age_s
            .is_some_and(|max_age_s| since.plus_seconds(max_age_s) <= now);
        !done.login && (self.prompt.login || is_too_old)
    }
}
