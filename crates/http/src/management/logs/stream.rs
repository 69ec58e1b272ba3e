//! `GET /api/v2/logs/stream`: the log as it grows, as server-sent events (WHATWG HTML
//! section 9.2). Of ours: the reference product sends its log to other services.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use claimsmith_service::{
    ServiceError,
    events::{Follower, LogId, TenantLogEntry},
};
use http::{HeaderMap, HeaderName, header};
use hyper::body::{Body as HttpBody, Frame};
use tokio::sync::mpsc;

use super::LogView;
use crate::{
    AppState,
    management::{
        ApiError,
        access::{Admin, ReadLogs},
        query::{FromQuery, Parameters},
    },
};

/// How long an answer lasts at most: a caller whose token has ended or lost its scopes
/// must not go on for ever. It comes again by itself, and misses nothing.
const DURATION_MAX: Duration = Duration::from_secs(60 * 60);
/// How often something is sent when there is nothing to say, so that nobody on the way
/// thinks that the connection is dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How many pieces wait for a caller who reads slowly; then the log waits.
const PIECES_MAX: usize = 4;
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// From which entry on.
pub(super) struct StreamQuery {
    from: Option<LogId>,
}

impl FromQuery for StreamQuery {
    fn from_query(parameters: &mut Parameters) -> Result<Self, ApiError> {
        let from = parameters.parsed("from")?;
        Ok(Self { from })
    }
}

/// Sends each entry as it comes: after the one that `Last-Event-ID`, or else `from`, names,
/// or from now on.
pub(super) async fn get(
    admin: Admin<ReadLogs, StreamQuery>,
    State(state): State<AppState>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let last = headers.get(LAST_EVENT_ID).map(|value| {
        let id = value.to_str().ok().and_then(|text| text.parse().ok());
        id.ok_or_else(|| ApiError::bad_request("invalid_header", "Last-Event-ID is no log_id"))
    });
    let after = last.transpose()?.or(admin.query.from);
    let follower = Follower::start(&admin, after).await?;
    let (pieces, receiver) = mpsc::channel(PIECES_MAX);
    tokio::spawn(send(follower, pieces, state));
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // Proxies that gather answers would hold entries back.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::new(Pieces(receiver))).into_response())
}

/// Sends until the caller goes away, the server stops, or the time is over.
async fn send(mut follower: Follower, pieces: mpsc::Sender<Bytes>, state: AppState) {
    let began = Instant::now();
    let mut sent_at = began;
    // At once, so that the caller knows that the log is followed from here on.
    let mut piece = Some(":\n\n".to_owned());
    while began.elapsed() < DURATION_MAX && !state.services.readiness.is_stopping() {
        if let Some(piece) = piece.take() {
            if pieces.send(Bytes::from(piece)).await.is_err() {
                return;
            }
            sent_at = Instant::now();
        }
        let next = tokio::select! {
            next = follower.next() => next,
            () = pieces.closed() => return,
        };
        piece = match next {
            Ok(Some(entries)) if entries.is_empty() => {
                (sent_at.elapsed() >= HEARTBEAT).then(|| ":\n\n".to_owned())
            }
            Ok(Some(entries)) => match entries.iter().map(event).collect() {
                Ok(events) => Some(events),
                Err(error) => {
                    tracing::error!(?error, "an entry of the log can't be shown");
                    return;
                }
            },
            Ok(None) => return,
            Err(error) => {
                tracing::error!(?error, "a log can't be followed any more");
                return;
            }
        };
    }
}

/// An entry as an event. JSON has no line ends of its own, so an entry can't end an event.
fn event(entry: &TenantLogEntry) -> Result<String, ServiceError> {
    let data = serde_json::to_string(&LogView::of(entry)).map_err(ServiceError::internal)?;
    Ok(format!("id: {}\ndata: {data}\n\n", entry.log_id))
}

/// A body whose pieces come over a channel.
struct Pieces(mpsc::Receiver<Bytes>);

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let piece = self.0.poll_recv(context);
        piece.map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}
