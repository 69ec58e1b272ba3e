//! `/api/v2/sessions` and `/api/v2/users/{id}/sessions`.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use claimsmith_model::{ClientId, Session, SessionId, Timestamp, UserId};
use claimsmith_service::admin::sessions;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    ApiError, At,
    access::{Admin, DeleteSessions, ReadSessions, Routes, get},
    listing, operation as answers,
    query::CheckpointPage,
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .at(
            "/sessions/{id}",
            get(one, "Get a session", answers::ok::<SessionView>()).delete(
                end,
                "End a session",
                answers::empty(StatusCode::ACCEPTED),
            ),
        )
        .at(
            "/users/{id}/sessions",
            get(
                list,
                "List the sessions of a user",
                answers::part::<SessionView>("sessions"),
            )
            .delete(
                end_all,
                "End all sessions of a user",
                answers::empty(StatusCode::ACCEPTED),
            ),
        )
}

/// A session as admins see it; its cookie is never shown.
#[derive(JsonSchema, Serialize)]
struct SessionView<'a> {
    id: &'a SessionId,
    user_id: &'a UserId,
    created_at: Timestamp,
    updated_at: Timestamp,
    authenticated_at: Timestamp,
    last_interacted_at: Timestamp,
    expires_at: Timestamp,
    idle_expires_at: Timestamp,
    clients: Vec<ClientView<'a>>,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "SessionClient")]
struct ClientView<'a> {
    client_id: &'a ClientId,
}

fn view(session: &Session) -> SessionView<'_> {
    let clients = session.clients.iter();
    SessionView {
        id: &session.id,
        user_id: &session.user_id,
        created_at: session.created_at,
        // Nothing but a use changes it.
        updated_at: session.last_interacted_at,
        authenticated_at: session.authenticated_at,
        last_interacted_at: session.last_interacted_at,
        expires_at: session.expires_at,
        idle_expires_at: session.idle_expires_at,
        clients: clients.map(|client_id| ClientView { client_id }).collect(),
    }
}

async fn one(admin: Admin<ReadSessions>, At(id): At<SessionId>) -> Result<Response, ApiError> {
    let session = sessions::get(&admin, &id).await?;
    Ok(Json(view(&session)).into_response())
}

async fn end(admin: Admin<DeleteSessions>, At(id): At<SessionId>) -> Result<StatusCode, ApiError> {
    sessions::end(&admin, &id).await?;
    Ok(StatusCode::ACCEPTED)
}

async fn list(
    admin: Admin<ReadSessions, CheckpointPage>,
    At(id): At<UserId>,
) -> Result<Response, ApiError> {
    let CheckpointPage(page) = &admin.query;
    let part = listing::page(&admin, page)?;
    let (sessions, total) = part.of(sessions::of_user(&admin, &id).await?);
    let views: Vec<_> = sessions.iter().map(view).collect();
    listing::classic(&admin, "sessions", page, &views, total, sessions.last())
}

async fn end_all(admin: Admin<DeleteSessions>, At(id): At<UserId>) -> Result<StatusCode, ApiError> {
    sessions::end_all(&admin, &id).await?;
    Ok(StatusCode::ACCEPTED)
}
