//! WASI without anything granted: no files, no environment, no network, clocks
//! and randomness from the invocation, standard streams into the log.

use std::{
    sync::{
        Arc,
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
    fn new(log: &Log, started_at_ms: i64, seed: u64) -> Self {
        let looks = Arc::new(AtomicU64::new(0));
        let start_ns = u64::try_from(started_at_ms)
            .unwrap_or(0)
            .saturating_mul(1_000_000);
        let mut table = ResourceTable::new();
        table.set_max_capacity(RESOURCES_MAX);
        let ctx = WasiCtxBuilder::new()
            .stdout(LogStream {
                log: log.clone(),
                level: LogLevel::Info,
            })
            .stderr(LogStream {
                log: log.clone(),
                level: LogLevel::Error,
            })
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

/// A standard stream that becomes lines of the log.
#[derive(Clone)]
struct LogStream {
    log: Log,
    level: LogLevel,
}

impl IsTerminal for LogStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogStream {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(Lines {
            stream: self.clone(),
            pending: Vec::new(),
        })
    }

    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        // Only WASI 0.3 guests would use it, and those are not linked.
        Box::new(tokio::io::sink())
    }
}

/// Splits what is written into lines; a last line without an end is logged when
/// the stream goes.
struct Lines {
    stream: LogStream,
    pending: Vec<u8>,
}

impl Lines {
    fn log(&self, line: &[u8]) {
        self.stream
            .log
            .line(self.stream.level, &String::from_utf8_lossy(line));
    }
}

impl OutputStream for Lines {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.pending.extend_from_slice(&bytes);
        while let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.pending.drain(..=end).collect();
            self.log(line.strip_suffix(b"\n").unwrap_or(&line));
        }
        if self.pending.len() > WRITE_BYTES_MAX {
            let line = std::mem::take(&mut self.pending);
            self.log(&line);
        }
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
impl Pollable for Lines {
    async fn ready(&mut self) {}
}

impl Drop for Lines {
    fn drop(&mut self) {
        if !self.pending.is_empty() {
            self.log(&self.pending);
        }
    }
}
