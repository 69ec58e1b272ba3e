//! Where executions go that don't end at once.
//!
//! Most Actions end within microseconds, on the thread that answers the request. One
//! that is still computing after a whole tick would hold up the requests that this
//! thread could answer, so it goes on here: on threads of lower priority, taking
//! turns with others like it. While a share has executions here, its further ones
//! begin here, so that many at once don't hold up requests for two ticks each.

use std::{
    io,
    num::NonZeroUsize,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    thread,
};

use tokio::{
    runtime::{Builder, Runtime},
    task::{JoinError, JoinHandle},
};

use crate::admission::Held;

/// How much the threads yield to those that answer requests, as `nice` counts: with a
/// tenth of their weight, so that neither starves the other.
const NICENESS: i32 = 10;
/// How many turns a thread takes before it looks at sockets and timers. A turn is as
/// long as a tick, so tokio's own number, 61, would be long to wait.
const EVENT_INTERVAL: u32 = 4;

/// The threads for executions that take long.
pub(crate) struct LongLane(Option<Runtime>);

/// Set when an execution gave way at the end of an epoch.
#[derive(Debug, Clone, Default)]
pub(crate) struct HasYielded(Arc<AtomicBool>);

/// An execution in a box, so that it can change lanes without being copied.
pub(crate) type Execution<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl LongLane {
    /// Starts as many threads as the machine has processors.
    pub(crate) fn start() -> io::Result<Self> {
        let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("long-executions")
            .on_thread_start(|| {
                // Without the permission they have the same priority, no more.
                let _ = rustix::process::nice(NICENESS);
            })
            .event_interval(EVENT_INTERVAL)
            .enable_all()
            .build()?;
        Ok(Self(Some(runtime)))
    }

    /// Runs an execution on the caller's thread while it is short, and here from the
    /// first time that it has yielded. Its place is held until it is gone. Dropping
    /// the future ends the execution in both cases.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        held: Arc<Held>,
        has_yielded: HasYielded,
        mut execution: Execution<T>,
    ) -> Result<T, JoinError> {
        if held.in_long_lane().load(Ordering::Relaxed) == 0 {
            let short = WhileShort {
                execution: Some(execution),
                has_yielded: has_yielded.clone(),
            };
            match short.await {
                Ok(output) => return Ok(output),
                Err(unfinished) => execution = unfinished,
            }
        }
        match &self.0 {
            Some(runtime) => {
                let execution = InLongLane::new(execution, has_yielded, held);
                EndWithMe(runtime.spawn(execution)).await
            }
            None => Ok(execution.await),
        }
    }
}

impl Drop for LongLane {
    fn drop(&mut self) {
        // Dropping it as it is would wait for its threads, which async code must not.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl HasYielded {
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was set since this was asked last.
    fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

/// Polls an execution until it ends, or hands it back when it has yielded. One that
/// waits for the host, and doesn't compute, stays.
struct WhileShort<T> {
    execution: Option<Execution<T>>,
    has_yielded: HasYielded,
}

impl<T> Future for WhileShort<T> {
    type Output = Result<T, Execution<T>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(execution) = &mut self.execution else {
            return Poll::Pending;
        };
        if let Poll::Ready(output) = execution.as_mut().poll(context) {
            return Poll::Ready(Ok(output));
        }
        if !self.has_yielded.take() {
            return Poll::Pending;
        }
        match self.execution.take() {
            Some(execution) => Poll::Ready(Err(execution)),
            None => Poll::Pending,
        }
    }
}

/// An execution in the long lane, counted while it is there.
struct InLongLane<T> {
    execution: Execution<T>,
    has_yielded: HasYielded,
    held: Arc<Held>,
}

impl<T> InLongLane<T> {
    fn new(execution: Execution<T>, has_yielded: HasYielded, held: Arc<Held>) -> Self {
        held.in_long_lane().fetch_add(1, Ordering::Relaxed);
        Self {
            execution,
            has_yielded,
            held,
        }
    }
}

impl<T> Future for InLongLane<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let polled = self.execution.as_mut().poll(context);
        if polled.is_pending() && self.has_yielded.take() {
            // Priority decides who has how much, not who has it when: without this, a
            // request that comes in waits for the end of the system's own, longer turn.
            thread::yield_now();
        }
        polled
    }
}

impl<T> Drop for InLongLane<T> {
    fn drop(&mut self) {
        self.held.in_long_lane().fetch_sub(1, Ordering::Relaxed);
    }
}

/// A task that ends when nobody waits for it any more.
struct EndWithMe<T>(JoinHandle<T>);

impl<T> Future for EndWithMe<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}

impl<T> Drop for EndWithMe<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
