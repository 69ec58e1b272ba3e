//! A request's body that must arrive in time.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::BoxError;
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

/// The slowest rate at which a long body may come, in bytes per second: a slow mobile
/// connection. With it the largest body has a time that it must be over in.
const RATE_MIN: u64 = 32 * 1024;

/// A request's body that ends with an error when it doesn't arrive in time. Every part
/// that has come earns time for the rest; a client that sends a byte now and then gains
/// next to nothing.
pub(super) struct BodyInTime {
    body: Incoming,
    until: Instant,
    /// Made when the body has to be waited for. Most come in one packet with their
    /// headers, and a timer that is set wakes the thread which waits for all of them.
    late: Option<Pin<Box<Sleep>>>,
}

impl BodyInTime {
    /// A body that may take `patience`, and for each byte its time at the slowest rate.
    pub(super) fn new(body: Incoming, patience: Duration) -> Self {
        Self {
            body,
            until: Instant::now() + patience,
            late: None,
        }
    }
}

impl Body for BodyInTime {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) else {
            let until = this.until;
            let late = this
                .late
                .get_or_insert_with(|| Box::pin(sleep_until(until)));
            ready!(late.as_mut().poll(cx));
            return Poll::Ready(Some(Err("it came too slowly".into())));
        };
        // What has been waited for so far was for the part that came.
        this.late = None;
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            this.until += earned(data.len());
        }
        Poll::Ready(frame.map(|frame| frame.map_err(BoxError::from)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The time that so many bytes may take.
fn earned(bytes: usize) -> Duration {
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    Duration::from_micros(bytes.saturating_mul(1_000_000) / RATE_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_rate_is_kept_for_a_byte_and_for_a_module() {
        assert_eq!(earned(1), Duration::from_micros(30));
        assert_eq!(earned(16 << 20), Duration::from_secs(512));
    }
}
