//! Users' sessions in their browsers.

use claimsmith_model::{Session, SessionId, Timestamp, UserId};

use super::users;
use crate::{ServiceError, management::TenantAdmin};

const NO_SESSION: ServiceError = ServiceError::not_found("The session does not exist.");

/// One session that goes on.
///
/// # Errors
/// `NotFound`, also when it has ended.
pub async fn get(admin: &TenantAdmin, id: &SessionId) -> Result<Session, ServiceError> {
    let session = admin.store().session_by_id(id).await?;
    session
        .filter(|session| goes_on(session, admin.now()))
        .ok_or(NO_SESSION)
}

/// The sessions of a user that go on, oldest first.
///
/// # Errors
/// `NotFound` for an unknown user.
pub async fn of_user(admin: &TenantAdmin, user: &UserId) -> Result<Vec<Session>, ServiceError> {
    users::get(admin, user).await?;
    let mut sessions = admin.store().sessions(user).await?;
    sessions.retain(|session| goes_on(session, admin.now()));
    Ok(sessions)
}

/// Ends a session and revokes the refresh tokens that came from it; one that isn't there
/// is no error.
///
/// # Errors
/// When it can't be ended.
pub async fn end(admin: &TenantAdmin, id: &SessionId) -> Result<(), ServiceError> {
    Ok(admin.store().end_session_by_id(id).await?)
}

/// Ends all sessions of a user in the same way.
///
/// # Errors
/// `NotFound` for an unknown user.
pub async fn end_all(admin: &TenantAdmin, user: &UserId) -> Result<(), ServiceError> {
    users::get(admin, user).await?;
    Ok(admin.store().end_sessions(user).await?)
}

fn goes_on(session: &Session, now: Timestamp) -> bool {
    now < session.expires_at && now < session.idle_expires_at
}
