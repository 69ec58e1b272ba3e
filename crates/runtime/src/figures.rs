//! What an engine tells of itself.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use claimsmith_model::{Distribution, Histogram};

use crate::{ActionEngine, Busy, Place};

/// Bounds of the waits for a place in nanoseconds: from 10 µs, which is none, to the
/// longest wait and beyond.
const WAIT_NS: [u64; 12] = [
    10_000,
    100_000,
    1_000_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
];

/// What the engine does and holds just now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EngineFigures {
    /// Places: triggers that can run at once.
    pub places: u64,
    /// Places that are taken, also by trial runs of uploads.
    pub places_taken: u64,
    /// Those that wait for a place.
    pub waiting: u64,
    /// How long each waited, also in vain, in nanoseconds.
    pub wait_ns: Distribution,
    /// Those that got none because their share's executions took all that it may have.
    pub refused_by_share: u64,
    /// Those that got none because all places of the server were taken.
    pub refused_by_server: u64,
    /// What became of modules, and their code.
    pub code: CodeFigures,
}

/// What became of modules since the engine was set up, and what it has of their code.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CodeFigures {
    /// Modules that were compiled.
    pub compiled: u64,
    /// Modules that were refused when they were compiled: the upload was wrong, or took
    /// too much.
    pub refused: u64,
    /// Modules that could not be compiled by the server's fault.
    pub failed: u64,
    /// Time that all of these took together, in microseconds; waiting in the queue doesn't
    /// count.
    pub compile_us: u64,
    /// Processes that ended before they had answered, by a limit or otherwise.
    pub workers_killed: u64,
    /// How often a module was found in memory.
    pub from_memory: u64,
    /// How often a module was loaded from disk.
    pub from_disk: u64,
    /// Files that were not what the server had written, and were removed.
    pub files_rejected: u64,
    /// Modules that wait to be compiled, now.
    pub waiting: usize,
    /// Modules in memory, now.
    pub modules_in_memory: u64,
    /// Their machine code, in bytes, now.
    pub bytes_in_memory: u64,
    /// Files of machine code on disk, in bytes, now.
    pub bytes_on_disk: u64,
}

impl ActionEngine {
    /// What the engine does and holds just now.
    #[must_use]
    pub fn figures(&self) -> EngineFigures {
        let inner = &self.0;
        let occupancy = self.occupancy();
        EngineFigures {
            places: u64::from(inner.config.executions_max),
            places_taken: occupancy.in_flight as u64,
            waiting: occupancy.waiting as u64,
            wait_ns: inner.entering.wait_ns.distribution(),
            refused_by_share: inner.entering.refused_by_share.load(Ordering::Relaxed),
            refused_by_server: inner.entering.refused_by_server.load(Ordering::Relaxed),
            code: inner.library.figures(),
        }
    }
}

/// What is counted of those who ask for a place.
#[derive(Debug)]
pub(crate) struct Entering {
    wait_ns: Histogram,
    refused_by_share: AtomicU64,
    refused_by_server: AtomicU64,
}

impl Default for Entering {
    fn default() -> Self {
        Self {
            wait_ns: Histogram::new(&WAIT_NS),
            refused_by_share: AtomicU64::new(0),
            refused_by_server: AtomicU64::new(0),
        }
    }
}

impl Entering {
    /// Waits for what is entered, and notes how long it took and what came of it.
    pub(crate) async fn noted(
        &self,
        entering: impl Future<Output = Result<Place, Busy>>,
    ) -> Result<Place, Busy> {
        let asked = Instant::now();
        let entered = entering.await;
        self.wait_ns.note_duration(asked.elapsed());
        let refused = match &entered {
            Ok(_) => return entered,
            Err(Busy::Share) => &self.refused_by_share,
            Err(Busy::Server | Busy::Compiler) => &self.refused_by_server,
        };
        refused.fetch_add(1, Ordering::Relaxed);
        entered
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{EngineConfig, Share};

    #[tokio::test]
    async fn who_has_a_place_and_who_got_none_is_in_the_figures() {
        let config = EngineConfig {
            executions_max: 2,
            waiting_max: 0,
            ..EngineConfig::default()
        };
        let engine = ActionEngine::new(config).unwrap();
        let share = |name: &str| Share {
            name: Arc::from(name),
            places_max: 1,
        };

        let one = engine.enter(&share("one")).await.unwrap();
        let again = engine.enter(&share("one")).await;
        let two = engine.enter(&share("two")).await.unwrap();
        let three = engine.enter(&share("three")).await;

        assert!(again.is_err() && three.is_err());
        let figures = engine.figures();
        assert_eq!((figures.places, figures.places_taken), (2, 2));
        assert_eq!(figures.waiting, 0);
        assert_eq!(
            (figures.refused_by_share, figures.refused_by_server),
            (1, 1)
        );
        let waits: u64 = figures.wait_ns.cells.iter().map(|(_, count)| count).sum();
        assert_eq!(waits + figures.wait_ns.beyond, 4);
        drop((one, two));
        assert_eq!(engine.figures().places_taken, 0);
    }
}
