//! Whether the server should be sent requests.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use claimsmith_storage::{ExecutionLog, Storage, Unwritable};

/// Whether the server should be sent requests. Clones tell the same.
#[derive(Debug, Clone)]
pub struct Readiness(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    storage: Arc<dyn Storage>,
    executions: Arc<dyn ExecutionLog>,
    is_stopping: AtomicBool,
}

/// A part that isn't ready. Its texts may be shown to everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotReady {
    /// Which part: `storage`, `executions` or `server`.
    pub part: &'static str,
    /// What is the case, and what it means.
    pub reason: &'static str,
}

impl Readiness {
    pub(crate) fn new(storage: Arc<dyn Storage>, executions: Arc<dyn ExecutionLog>) -> Self {
        Self(Arc::new(Inner {
            storage,
            executions,
            is_stopping: AtomicBool::new(false),
        }))
    }

    /// Says from now on that the server is stopping.
    pub fn stop(&self) {
        self.0.is_stopping.store(true, Ordering::Relaxed);
    }

    /// Whether the server is stopping: answers without an end must come to one.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.0.is_stopping.load(Ordering::Relaxed)
    }

    /// The parts that aren't ready; empty when the server can do all that it is for.
    #[must_use]
    pub fn not_ready(&self) -> Vec<NotReady> {
        let unwritable = self.0.storage.figures().unwritable;
        let parts = [
            (
                self.is_stopping(),
                NotReady {
                    part: "server",
                    reason: "it is stopping",
                },
            ),
            (
                unwritable.is_some(),
                NotReady {
                    part: "storage",
                    reason: unwritable.map_or("", nothing_is_stored),
                },
            ),
            (
                self.0.executions.figures().failed,
                NotReady {
                    part: "executions",
                    reason: "execution records can't be written",
                },
            ),
        ];
        parts
            .into_iter()
            .filter_map(|(is_so, part)| is_so.then_some(part))
            .collect()
    }
}

/// What is said of the store.
const fn nothing_is_stored(why: Unwritable) -> &'static str {
    match why {
        Unwritable::Full => {
            "the disk is full; nothing is stored until there is room, and then by itself"
        }
        Unwritable::ReadOnly => {
            "the data folder can't be written; nothing is stored until it can, and then by itself"
        }
        Unwritable::Failing => {
            "the disk fails; nothing is stored until it takes writes, and then by itself"
        }
    }
}
