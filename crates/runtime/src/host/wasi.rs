//! WASI without anything granted: no files, no environment, no sockets, clocks
//! and randomness from the invocation, standard streams into the log.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use claimsmith_model::LogLevel;
use rand::{SeedableRng, rngs::ChaCha20Rng};
use wasmtime_wasi::{
    HostMonotonicClock, HostWallClock, ResourceTable, WasiCtx, WasiCtxBuilder, WasiCtxView,
    WasiView,
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamResult},
};

use crate::{log::Log, sandbox::Sandbox};

/// The most random bytes that a guest gets in one call.
const RANDOM_BYTES_MAX: u64 = 64 << 10;
/// How many resources (streams, pollables) a guest may hold.
const RESOURCES_MAX: usize = 1_000;
/// How many bytes a guest may write to a stream at once.
const WRITE_BYTES_MAX: usize = 8 << 10;
/// How much later each look at a clock is than the one before, in nanoseconds:
/// clocks must move, and must move the same way when an execution is repeated.
const CLOCK_STEP_NS: u64 = 1_000;

/// WASI for one execution.
pub(crate) struct Wasi {
    ctx: WasiCtx,
    table: ResourceTable,
}

impl WasiView for Sandbox {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let invocation = &self.invocation;
        let wasi = self.wasi.get_or_insert_with(|| {
            Box::new(Wasi::new(
                &self.log,
                invocation.started_at.as_millis(),
                invocation.seed,
            ))
        });
        WasiCtxView {
            ctx: &mut wasi.ctx,
            table: &mut wasi.table,
        }
    }
}

impl Wasi {
    /// Where resources are, those of `wasi:http` too.
    pub(crate) fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }

    fn new(log: &Log, started_at_ms: i64, seed: u64) -> Self {
        let looks = Arc::new(AtomicU64::new(0));
        let start_ns = u64::try_from(started_at_ms)
            .unwrap_or(0)
            .saturating_mul(1_000_000);
        let mut table = ResourceTable::new();
        table.set_max_capacity(RESOURCES_MAX);
        let ctx = WasiCtxBuilder::new()
            .stdout(LogStream::new(log, LogLevel::Info))
            .stderr(LogStream::new(log, LogLevel::Error))
            .secure_random(ChaCha20Rng::seed_from_u64(seed))
            .insecure_random(ChaCha20Rng::seed_from_u64(seed.wrapping_add(1)))
            .insecure_random_seed(u128::from(seed.wrapping_add(2)))
            .max_random_size(RANDOM_BYTES_MAX)
            .wall_clock(RecordedClock {
                start_ns,
                looks: Arc::clone(&looks),
            })
            .monotonic_clock(RecordedClock { start_ns: 0, looks })
            .build();
        Self { ctx, table }
    }
}

/// A clock that begins at a recorded time and goes on with each look at it.
struct RecordedClock {
    start_ns: u64,
    looks: Arc<AtomicU64>,
}

impl RecordedClock {
    fn now_ns(&self) -> u64 {
        let looks = self.looks.fetch_add(1, Ordering::Relaxed);
        self.start_ns
            .saturating_add(looks.saturating_mul(CLOCK_STEP_NS))
    }
}

impl HostWallClock for RecordedClock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(CLOCK_STEP_NS)
    }

    fn now(&self) -> Duration {
        Duration::from_nanos(self.now_ns())
    }
}

impl HostMonotonicClock for RecordedClock {
    fn resolution(&self) -> u64 {
        CLOCK_STEP_NS
    }

    fn now(&self) -> u64 {
        self.now_ns()
    }
}

/// A standard stream that becomes lines of the log. Every handle that the guest
/// gets writes to the same line.
struct LogStream(Arc<Mutex<Line>>);

impl LogStream {
    fn new(log: &Log, level: LogLevel) -> Self {
        Self(Arc::new(Mutex::new(Line {
            log: log.clone(),
            level,
            pending: Vec::new(),
        })))
    }
}

impl IsTerminal for LogStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogStream {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(LineWriter(Arc::clone(&self.0)))
    }

    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        // Only WASI 0.3 guests would use it, and those are not linked.
        Box::new(tokio::io::sink())
    }
}

/// The line that is being written; what has no end when the stream goes is logged
/// as it is.
struct Line {
    log: Log,
    level: LogLevel,
    pending: Vec<u8>,
}

impl Line {
    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.pending.extend_from_slice(part);
            if part.ends_with(b"\n") || self.pending.len() > WRITE_BYTES_MAX {
                self.end();
            }
        }
    }

    fn end(&mut self) {
        let line = std::mem::take(&mut self.pending);
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        self.log.line(self.level, &String::from_utf8_lossy(text));
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if !self.pending.is_empty() {
            self.end();
        }
    }
}

struct LineWriter(Arc<Mutex<Line>>);

impl OutputStream for LineWriter {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES_MAX)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for LineWriter {
    async fn ready(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;

    #[test]
    fn what_a_guest_writes_in_pieces_is_logged_in_lines() {
        let log = Log::new(&Limits::default());
        let stream = LogStream::new(&log, LogLevel::Info);
        for piece in ["one", " two", "\nthree\nfo", "ur"] {
            stream.p2_stream().write(Bytes::from(piece)).unwrap();
        }
        drop(stream);

        let (lines, _) = log.take();
        let texts: Vec<_> = lines.iter().map(|line| line.message.as_str()).collect();
        assert_eq!(texts, ["one two", "three", "four"]);
    }
}
