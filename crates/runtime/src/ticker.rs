//! Time for the engine: epochs that pass by the clock while something runs.

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread::{self, Thread},
    time::{Duration, Instant},
};

use crate::ActionEngine;

/// How many ticks without any execution the ticker waits before it rests. Waking it costs
/// an execution a microsecond or two, so a server with some traffic keeps it awake.
const TICKS_TILL_REST: u32 = 1_000;

/// Whether time has to pass.
#[derive(Debug, Default)]
pub(crate) struct Need {
    running: AtomicU32,
    is_resting: AtomicBool,
    resting: Mutex<Option<Thread>>,
}

/// While it is there, time has to pass.
pub(crate) struct Running<'a>(&'a Need);

impl Need {
    /// Says that an execution begins. What rests is woken.
    pub(crate) fn begin(&self) -> Running<'_> {
        self.running.fetch_add(1, Ordering::SeqCst);
        if self.is_resting.load(Ordering::SeqCst) {
            self.wake();
        }
        Running(self)
    }

    fn wake(&self) {
        let resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = resting.as_ref() {
            thread.unpark();
        }
    }

    /// Rests until something runs, or `stopped`.
    fn rest(&self, stopped: &AtomicBool) {
        *self.resting.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread::current());
        // Sequentially consistent, as in `begin`: either that sees the flag, or this sees
        // the execution.
        self.is_resting.store(true, Ordering::SeqCst);
        while self.running.load(Ordering::SeqCst) == 0 && !stopped.load(Ordering::SeqCst) {
            thread::park();
        }
        self.is_resting.store(false, Ordering::SeqCst);
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Keeps ticks coming while something runs; dropping it ends them.
#[derive(Debug)]
pub struct Ticker {
    engine: ActionEngine,
    stop: Arc<AtomicBool>,
}

impl ActionEngine {
    /// Lets ticks pass by the clock, on a thread of its own, until the answer is dropped.
    /// A second after the last execution the thread rests until the next.
    ///
    /// # Errors
    /// When the thread can't be started.
    pub fn start_ticker(&self) -> io::Result<Ticker> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let engine = self.clone();
        thread::Builder::new()
            .name("epoch-ticker".to_owned())
            .spawn(move || tick_until(&engine, &stopped))?;
        Ok(Ticker {
            engine: self.clone(),
            stop,
        })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        self.engine.0.need.wake();
    }
}

fn tick_until(engine: &ActionEngine, stopped: &AtomicBool) {
    let need = &engine.0.need;
    let tick_ms = engine.config().tick_ms.max(1);
    let (mut since, mut passed, mut idle) = (Instant::now(), 0, 0);
    while !stopped.load(Ordering::SeqCst) {
        thread::sleep(Duration::from_millis(tick_ms));
        // Sleep is always longer than it was to be. Were that not made up for, deadlines
        // would come late.
        let elapsed = since.elapsed().as_millis() / u128::from(tick_ms);
        let elapsed = u64::try_from(elapsed).unwrap_or(u64::MAX);
        engine.pass(elapsed.saturating_sub(passed));
        passed = elapsed;
        idle = if need.running.load(Ordering::Relaxed) == 0 {
            idle + 1
        } else {
            0
        };
        if idle >= TICKS_TILL_REST {
            need.rest(stopped);
            // The rest is nobody's time.
            (since, passed, idle) = (Instant::now(), 0, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticker_rests_till_something_runs_or_it_is_stopped() {
        for is_stopped in [false, true] {
            let need = Need::default();
            let stopped = AtomicBool::new(false);
            thread::scope(|scope| {
                let resting = scope.spawn(|| need.rest(&stopped));
                while !need.is_resting.load(Ordering::SeqCst) {
                    thread::yield_now();
                }
                assert!(!resting.is_finished());

                let running = if is_stopped {
                    stopped.store(true, Ordering::SeqCst);
                    need.wake();
                    None
                } else {
                    Some(need.begin())
                };

                resting.join().unwrap();
                drop(running);
            });
            assert!(!need.is_resting.load(Ordering::SeqCst));
            assert_eq!(need.running.load(Ordering::SeqCst), 0);
        }
    }
}
