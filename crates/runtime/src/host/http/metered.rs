//! Counts what goes through a connection, and ends it when that is too much.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The bytes of one request and of its response, heads and framing included.
#[derive(Debug, Default)]
pub(super) struct Meter {
    sent: AtomicU64,
    received: AtomicU64,
    is_request_too_large: AtomicBool,
    is_response_too_large: AtomicBool,
}

impl Meter {
    /// Bytes sent.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Bytes received.
    pub(super) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Whether the connection ended because more was to be sent than may be.
    pub(super) fn is_request_too_large(&self) -> bool {
        self.is_request_too_large.load(Ordering::Relaxed)
    }

    /// Whether the connection ended because more came than may.
    pub(super) fn is_response_too_large(&self) -> bool {
        self.is_response_too_large.load(Ordering::Relaxed)
    }
}

/// A connection that ends when its meter says that it was enough.
pub(super) struct Metered<S> {
    pub(super) stream: S,
    pub(super) meter: Arc<Meter>,
    pub(super) sent_max: u64,
    pub(super) received_max: u64,
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let count = (buffer.filled().len() - before) as u64;
        let received = self.meter.received.fetch_add(count, Ordering::Relaxed) + count;
        if received > self.received_max {
            self.meter
                .is_response_too_large
                .store(true, Ordering::Relaxed);
            return Poll::Ready(Err(io::Error::other("the response is too large")));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.meter.sent() + bytes.len() as u64 > self.sent_max {
            self.meter
                .is_request_too_large
                .store(true, Ordering::Relaxed);
            return Poll::Ready(Err(io::Error::other("the request is too large")));
        }
        let count = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.meter.sent.fetch_add(count as u64, Ordering::Relaxed);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

    use super::*;

    fn metered(stream: DuplexStream) -> Metered<DuplexStream> {
        Metered {
            stream,
            meter: Arc::default(),
            sent_max: 10,
            received_max: 10,
        }
    }

    #[tokio::test]
    async fn as_much_as_may_be_sent_is_sent_and_not_a_byte_more() {
        let (near, mut far) = tokio::io::duplex(64);
        let mut stream = metered(near);

        stream.write_all(b"0123456789").await.unwrap();
        stream.write_all(b"!").await.unwrap_err();

        let meter = Arc::clone(&stream.meter);
        drop(stream);
        let mut sent = String::new();
        far.read_to_string(&mut sent).await.unwrap();
        assert_eq!(sent, "0123456789");
        assert_eq!((meter.sent(), meter.is_request_too_large()), (10, true));
    }

    #[tokio::test]
    async fn as_much_as_may_come_is_read_and_what_is_more_is_an_error() {
        let (near, mut far) = tokio::io::duplex(64);
        let mut stream = metered(near);

        far.write_all(b"0123456789").await.unwrap();
        let mut bytes = [0; 10];
        stream.read_exact(&mut bytes).await.unwrap();
        assert!(!stream.meter.is_response_too_large());
        far.write_all(b"!").await.unwrap();
        stream.read_u8().await.unwrap_err();

        assert_eq!(&bytes, b"0123456789");
        assert!(stream.meter.is_response_too_large());
    }
}
