//! Wakes a flush that sled has left asleep.
//!
//! sled 0.34 can lose a wakeup: `make_stable` finds the buffer sealed by another thread,
//! and between that look and its wait the buffer is written and told of. When then nobody
//! else writes, the flush sleeps for good, and with it the one thread that writes. It
//! takes a busy machine and luck. Any other flush writes what is left and wakes both.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use claimsmith_storage::StorageError;

/// How often somebody looks. A flush takes a millisecond, on a bad disk a hundred.
const INTERVAL: Duration = Duration::from_secs(1);

/// Looks after the flushes of one database, on a thread of its own, until it is dropped.
#[derive(Debug)]
pub(crate) struct Nudger {
    flushes: Arc<Flushes>,
    /// Dropped to end the thread.
    lives: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Flushes {
    begun: AtomicU64,
    ended: AtomicU64,
}

impl Nudger {
    /// Looks after a database that `flush` flushes.
    ///
    /// # Errors
    /// `Backend` when there is no thread to be had.
    pub(crate) fn start(flush: impl Fn() + Send + 'static) -> Result<Self, StorageError> {
        let flushes = Arc::new(Flushes::default());
        let (lives, ended) = mpsc::channel();
        let looked_after = Arc::clone(&flushes);
        let thread = thread::Builder::new().name("flush-nudger".to_owned());
        let thread = thread.spawn(move || {
            let mut asleep = None;
            while ended.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                let under_way = looked_after.under_way();
                if under_way.is_some() && under_way == asleep {
                    tracing::warn!("a flush of the database was left asleep, and is woken");
                    flush();
                }
                asleep = under_way;
            }
        });
        let thread = thread
            .map_err(|error| StorageError::Backend(format!("no thread for the store: {error}")))?;
        Ok(Self {
            flushes,
            lives: Some(lives),
            thread: Some(thread),
        })
    }

    /// Carries out a flush under its eyes.
    pub(crate) fn watch<T>(&self, flush: impl FnOnce() -> T) -> T {
        self.flushes.begun.fetch_add(1, Ordering::Relaxed);
        let flushed = flush();
        self.flushes.ended.fetch_add(1, Ordering::Relaxed);
        flushed
    }
}

impl Flushes {
    /// The number of the flush that is under way, if one is.
    fn under_way(&self) -> Option<u64> {
        let ended = self.ended.load(Ordering::Relaxed);
        let begun = self.begun.load(Ordering::Relaxed);
        (begun != ended).then_some(begun)
    }
}

impl Drop for Nudger {
    fn drop(&mut self) {
        drop(self.lives.take());
        if let Some(thread) = self.thread.take() {
            // It ends abnormally only by a panic, which has been reported.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flush_that_sleeps_is_woken_by_another() {
        let (woken, sleeping) = mpsc::channel();
        let nudger = Nudger::start(move || woken.send(()).unwrap()).unwrap();

        // Ends because it is woken, and else never.
        let flushed = nudger.watch(|| sleeping.recv());

        assert_eq!(flushed, Ok(()));
        assert_eq!(nudger.flushes.under_way(), None);
    }
}
