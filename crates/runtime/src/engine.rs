//! The engine: one for the whole server.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use claimsmith_model::{Handler, Limit, ModuleInfo, ServerLimits};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig,
    component::{ComponentExportIndex, InstancePre, Linker},
};

use crate::{
    Busy, Limits, Occupancy, OutgoingNetwork, Place, Share,
    admission::{Admission, AdmissionConfig},
    compile::settings::code_settings,
    figures::Entering,
    host,
    library::{CodeSetup, Library},
    limits::saturating,
    long_lane::LongLane,
    sandbox::Sandbox,
};

/// How the engine is set up.
#[derive(Debug, Clone, Copy)]
pub struct EngineConfig {
    /// Places: triggers that run at once, in all. Further ones wait. Each reserves
    /// address space for the highest limits, and on a few processors more of them
    /// would only make each slower.
    pub executions_max: u32,
    /// Those of one share that may wait for a place: a burst that its places work off
    /// within the longest wait.
    pub waiting_max: usize,
    /// The longest wait for a place, in milliseconds. After it a client does better to
    /// come back than to hold a connection.
    pub wait_ms_max: u64,
    /// The highest limits that any execution may be given.
    pub limits: Limits,
    /// How often running guests are interrupted, in milliseconds: none holds its
    /// thread longer, and deadlines are kept to this precision.
    pub tick_ms: u64,
    /// The largest upload, in bytes.
    pub module_bytes_max: usize,
    /// The stack of a guest, in bytes.
    pub wasm_stack_bytes_max: usize,
    /// Machine code kept in memory of modules that nothing uses just now, in bytes.
    pub idle_code_bytes_max: usize,
    /// Modules that are compiled at once. Each takes a core, and tokens need the others.
    pub compiles_max: u32,
    /// Modules that may wait to be compiled, in all; their bytes are in memory meanwhile.
    pub compile_waiting_max: usize,
    /// How many of them may be of one share, so that one alone can't fill the queue.
    pub share_compile_waiting_max: usize,
    /// How long a module waits for its turn, in seconds. Who would wait longer is better
    /// told to come back.
    pub compile_wait_s_max: u64,
    /// Memory of a process that compiles, in bytes. CPython's module takes
    /// 340 MiB, and few compilers write functions that take as much.
    pub compile_memory_bytes: u64,
    /// Processor time of a process that compiles, in seconds. An Action in Rust takes a
    /// tenth of one, CPython's module 14 on a slow core. A module can be built to take any
    /// time (10,000 nested loops in 70 KB take minutes), and holds its place that long.
    pub compile_cpu_s: u64,
    /// Time from the start of a process that compiles to its end, in seconds: it goes last
    /// on a busy machine, so this is more than its processor time.
    pub compile_wall_s: u64,
    /// Machine code of one module, in bytes. CPython's module becomes 35 MB; it is
    /// copied several times until it runs, within the server.
    pub code_bytes_max: usize,
    /// Machine code kept on disk, in bytes of its files: some thousands of Actions in Rust.
    pub code_disk_bytes: u64,
}

impl EngineConfig {
    /// The set-up for a server with these limits; room is made for their ceilings.
    #[must_use]
    pub fn of(limits: &ServerLimits) -> Self {
        let value = |limit| saturating(limits.default_of(limit));
        Self {
            executions_max: count(value(Limit::ExecutionsInFlightTotal)),
            limits: Limits::of(|limit| limits.ceiling_of(limit)),
            waiting_max: value(Limit::ExecutionsWaiting),
            wait_ms_max: limits.default_of(Limit::WaitMs),
            tick_ms: 1,
            module_bytes_max: value(Limit::ModuleBytes),
            wasm_stack_bytes_max: value(Limit::WasmStackBytes),
            idle_code_bytes_max: value(Limit::IdleCodeBytes),
            compiles_max: 1,
            compile_waiting_max: value(Limit::CompilesWaiting),
            share_compile_waiting_max: value(Limit::CompilesWaiting).div_ceil(4),
            compile_wait_s_max: 60,
            compile_memory_bytes: limits.default_of(Limit::CompileMemoryBytes),
            compile_cpu_s: limits.default_of(Limit::CompileCpuMs).div_ceil(1_000),
            compile_wall_s: limits.default_of(Limit::CompileWallMs).div_ceil(1_000),
            code_bytes_max: value(Limit::CodeBytes),
            code_disk_bytes: limits.default_of(Limit::CodeDiskBytes),
        }
    }

    /// wasmtime's settings of an engine with this set-up, for measuring what wasmtime
    /// alone costs beside what the engine costs.
    #[must_use]
    pub fn wasmtime_settings(&self) -> Config {
        engine_config(self)
    }
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self::of(&ServerLimits::default())
    }
}

/// The engine could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("the WebAssembly engine can't be set up on this machine: {0}")]
pub struct EngineError(String);

/// Checks, compiles, caches and runs Actions. Cheap to clone.
#[derive(Clone)]
pub struct ActionEngine(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) engine: Engine,
    pub(crate) linker: Linker<Sandbox>,
    pub(crate) config: EngineConfig,
    pub(crate) network: OutgoingNetwork,
    pub(crate) ticks: AtomicU64,
    pub(crate) long_lane: LongLane,
    pub(crate) library: Library,
    admission: Admission,
    pub(crate) entering: Entering,
}

/// A module that was checked and compiled, ready to run.
#[derive(Clone)]
pub struct CompiledAction(pub(crate) Arc<Compiled>);

pub(crate) struct Compiled {
    pub(crate) info: ModuleInfo,
    pub(crate) instance_pre: InstancePre<Sandbox>,
    pub(crate) handlers: Vec<(Handler, ComponentExportIndex)>,
    pub(crate) code_bytes: usize,
}

impl ActionEngine {
    /// Sets up an engine that compiles in this process and keeps code in memory only: for
    /// modules that whoever started the process trusts with it. HTTP calls may go where
    /// [`OutgoingNetwork`] lets them by default.
    ///
    /// # Errors
    /// As for [`Self::set_up`].
    pub fn new(config: EngineConfig) -> Result<Self, EngineError> {
        Self::set_up(config, CodeSetup::default(), OutgoingNetwork::default())
    }

    /// Sets up the engine: where it compiles and keeps code, and what the operator
    /// permits to Actions' HTTP calls.
    ///
    /// # Errors
    /// When this machine can't give the engine what it needs, such as address
    /// space for its pool.
    pub fn set_up(
        config: EngineConfig,
        code: CodeSetup,
        network: OutgoingNetwork,
    ) -> Result<Self, EngineError> {
        let failed = |error: wasmtime::Error| EngineError(format!("{error:#}"));
        let engine = Engine::new(&engine_config(&config)).map_err(failed)?;
        let mut linker = Linker::new(&engine);
        host::add_to_linker(&mut linker).map_err(failed)?;
        Ok(Self(Arc::new(Inner {
            library: Library::new(code, &config, &engine),
            engine,
            linker,
            network,
            long_lane: LongLane::start().map_err(|error| EngineError(error.to_string()))?,
            admission: Admission::new(AdmissionConfig {
                places_max: config.executions_max,
                waiting_max: config.waiting_max,
                wait_max: Duration::from_millis(config.wait_ms_max),
            }),
            entering: Entering::default(),
            ticks: AtomicU64::new(0),
            config,
        })))
    }

    /// How the engine is set up.
    #[must_use]
    pub fn config(&self) -> &EngineConfig {
        &self.0.config
    }

    /// Takes a place to run one trigger's Actions in, one after another; waits for it
    /// when there is none. Shares that wait are served in turn.
    ///
    /// # Errors
    /// When too many wait already, or the longest wait is over.
    pub async fn enter(&self, share: &Share) -> Result<Place, Busy> {
        self.0.entering.noted(self.0.admission.enter(share)).await
    }

    /// How many triggers run and wait.
    #[must_use]
    pub fn occupancy(&self) -> Occupancy {
        self.0.admission.occupancy()
    }

    /// Lets one tick pass: running guests yield, and those past their deadline end.
    pub fn tick(&self) {
        self.pass(1);
    }

    fn pass(&self, ticks: u64) {
        self.0.ticks.fetch_add(ticks, Ordering::Relaxed);
        self.0.engine.increment_epoch();
    }

    /// Lets ticks pass by the clock, on a thread of its own, until the answer is dropped.
    ///
    /// # Errors
    /// When the thread can't be started.
    pub fn start_ticker(&self) -> std::io::Result<Ticker> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let engine = self.clone();
        let tick_ms = self.0.config.tick_ms.max(1);
        thread::Builder::new()
            .name("epoch-ticker".to_owned())
            .spawn(move || {
                let started = Instant::now();
                let mut passed = 0;
                while !stopped.load(Ordering::Relaxed) {
                    thread::sleep(Duration::from_millis(tick_ms));
                    // Sleep is always longer than it was to be. Were that not made up
                    // for, deadlines would come late.
                    let elapsed = started.elapsed().as_millis() / u128::from(tick_ms);
                    let elapsed = u64::try_from(elapsed).unwrap_or(u64::MAX);
                    engine.pass(elapsed.saturating_sub(passed));
                    passed = elapsed;
                }
            })?;
        Ok(Ticker(stop))
    }
}

impl fmt::Debug for ActionEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActionEngine")
            .field("config", &self.0.config)
            .finish_non_exhaustive()
    }
}

impl CompiledAction {
    /// What the module is.
    #[must_use]
    pub fn info(&self) -> &ModuleInfo {
        &self.0.info
    }

    /// Whether the module can be run for that trigger or script.
    #[must_use]
    pub fn serves(&self, handler: impl Into<Handler>) -> bool {
        self.handler(handler.into()).is_some()
    }

    /// The function to be called for it.
    pub(crate) fn handler(&self, handler: Handler) -> Option<&ComponentExportIndex> {
        let mut handlers = self.0.handlers.iter();
        let (_, export) = handlers.find(|(served, _)| *served == handler)?;
        Some(export)
    }
}

impl fmt::Debug for CompiledAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompiledAction")
            .field("info", &self.0.info)
            .finish_non_exhaustive()
    }
}

/// Keeps ticks coming; dropping it ends them.
#[derive(Debug)]
pub struct Ticker(Arc<AtomicBool>);

impl Drop for Ticker {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The part of a guest's fiber that host functions may use beside the guest's own
/// stack, in bytes: what wasmtime leaves them.
const HOST_STACK_BYTES: usize = 3 << 19;

/// The engine's settings: what decides the code, and how memory is allocated.
fn engine_config(config: &EngineConfig) -> Config {
    let mut settings = code_settings();
    settings
        .max_wasm_stack(config.wasm_stack_bytes_max)
        .async_stack_size(config.wasm_stack_bytes_max.saturating_add(HOST_STACK_BYTES))
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(config)));
    settings
}

fn count(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn pool(config: &EngineConfig) -> PoolingAllocationConfig {
    let limits = at_least_the_usual(&config.limits);
    let executions = config.executions_max;
    let for_each = |value: usize| executions.saturating_mul(count(value));
    let mut pool = PoolingAllocationConfig::new();
    // Enough for as many executions at once as there are places, whatever each of
    // them takes: one tenant's greed is never another's fault.
    pool.total_component_instances(executions)
        .total_stacks(executions)
        .total_core_instances(for_each(limits.instances_max))
        .total_memories(for_each(limits.memories_max))
        .total_tables(for_each(limits.tables_max))
        .max_core_instances_per_component(count(limits.instances_max))
        .max_memories_per_component(count(limits.memories_max))
        .max_memories_per_module(count(limits.memories_max))
        .max_tables_per_component(count(limits.tables_max))
        .max_tables_per_module(count(limits.tables_max))
        .table_elements(limits.table_elements_max)
        .max_memory_size(limits.memory_bytes_max)
        // Giving pages back costs more than the rest of an execution: keep those of
        // small guests, and find the written ones by `PAGEMAP_SCAN` where the
        // kernel has it.
        .linear_memory_keep_resident(2 << 20)
        .table_keep_resident(64 << 10)
        .pagemap_scan(Enabled::Auto)
        .max_unused_warm_slots(32);
    pool
}

/// What the pool has room for: the highest limits, and the usual ones where those are
/// lower. It is address space and costs nothing, and a guest beyond a lowered limit
/// then meets the limit, which names itself, and not the pool's end.
fn at_least_the_usual(limits: &Limits) -> Limits {
    let usual = Limits::default();
    Limits {
        memory_bytes_max: limits.memory_bytes_max.max(usual.memory_bytes_max),
        table_elements_max: limits.table_elements_max.max(usual.table_elements_max),
        instances_max: limits.instances_max.max(usual.instances_max),
        memories_max: limits.memories_max.max(usual.memories_max),
        tables_max: limits.tables_max.max(usual.tables_max),
        ..*limits
    }
}
