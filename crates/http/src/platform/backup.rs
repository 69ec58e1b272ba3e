//! `POST /platform/v1/backup`: everything that the server stores, as one document.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    BoxError,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use claimsmith_service::admin::backup::Backup;
use http::header;
use hyper::body::{Body as HttpBody, Frame};
use tokio::sync::mpsc;

use super::Operator;
use crate::{AppState, answer, management::ApiError};

/// What a backup is.
pub(super) const MEDIA_TYPE: &str = "application/octet-stream";

/// How many parts wait for a caller who reads slowly; then the backup waits.
const PARTS_MAX: usize = 4;

/// Sends a backup. A body that breaks off has no end, which `claimsmith restore` notices.
pub(super) async fn post(_: Operator, State(state): State<AppState>) -> Result<Response, ApiError> {
    let backup = Backup::begin(&state.services).await?;
    let (parts, receiver) = mpsc::channel(PARTS_MAX);
    tokio::spawn(send(backup, parts));
    let media_type = (header::CONTENT_TYPE, MEDIA_TYPE);
    let body = Body::new(Parts(receiver));
    Ok(([media_type], answer::no_store(), body).into_response())
}

async fn send(mut backup: Backup, parts: mpsc::Sender<Result<Bytes, BoxError>>) {
    loop {
        let part = match backup.next().await {
            Ok(Some(part)) => Ok(Bytes::from(part)),
            Ok(None) => {
                tracing::info!("a backup was made");
                return;
            }
            Err(error) => {
                tracing::error!(?error, "a backup could not be made to its end");
                Err("the backup could not be made to its end".into())
            }
        };
        let is_over = part.is_err();
        // A caller who goes away ends the backup.
        if parts.send(part).await.is_err() || is_over {
            return;
        }
    }
}

/// A body whose parts come over a channel.
struct Parts(mpsc::Receiver<Result<Bytes, BoxError>>);

impl HttpBody for Parts {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let part = self.0.poll_recv(context);
        part.map(|part| part.map(|part| part.map(Frame::data)))
    }
}
