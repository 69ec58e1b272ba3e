//! Times, and what is said of many of them.

use std::{fs, time::Duration};

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// Samples of one thing.
#[derive(Debug, Default)]
pub(crate) struct Times(Vec<u64>);

impl Times {
    /// One more sample.
    pub(crate) fn note(&mut self, took: Duration) {
        self.0
            .push(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    /// How many there are, their median, their 99th percentile, mean and extremes, in
    /// nanoseconds.
    pub(crate) fn figures(mut self) -> Value {
        self.0.sort_unstable();
        let at = |hundredth: usize| {
            let index = (self.0.len() * hundredth).div_ceil(100).saturating_sub(1);
            self.0.get(index).copied().unwrap_or_default()
        };
        let sum: u64 = self.0.iter().sum();
        json!({
            "samples": self.0.len(),
            "p50_ns": at(50),
            "p99_ns": at(99),
            "mean_ns": sum / (self.0.len().max(1) as u64),
            "min_ns": at(0),
            "max_ns": at(100),
        })
    }
}

/// The processor time that this thread has had, in nanoseconds.
///
/// # Errors
/// Where the kernel doesn't tell: it needs `CONFIG_SCHED_INFO`, which distributions have.
pub(crate) fn thread_cpu_ns() -> Result<u64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")
        .context("reading the thread's processor time")?;
    let first = text.split_whitespace().next().unwrap_or_default();
    first
        .parse()
        .context("the thread's processor time is no number")
}
