//! The engine: one for the whole server.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use claimsmith_model::{ModuleInfo, Trigger};
use tokio::sync::Semaphore;
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig,
    component::{Component, ComponentExportIndex, InstancePre, Linker},
};

use crate::{
    Busy, CheckError, Limits, Occupancy, Place, Share,
    admission::{Admission, AdmissionConfig},
    figures::Entering,
    host,
    long_lane::LongLane,
    module,
    sandbox::Sandbox,
};

/// How the engine is set up.
#[derive(Debug, Clone, Copy)]
pub struct EngineConfig {
    /// Places: triggers that run at once, in all. Further ones wait. Each reserves
    /// address space for the highest limits, and on a few processors more of them
    /// would only make each slower.
    pub executions_max: u32,
    /// Places of one share: a quarter, so that no tenant alone takes all of them.
    pub share_executions_max: u32,
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
    /// The largest upload, in bytes. CPython Actions have 18 MB.
    pub module_bytes_max: usize,
    /// Machine code kept in memory of modules that nothing uses just now, in bytes.
    pub idle_code_bytes_max: usize,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            executions_max: 128,
            share_executions_max: 32,
            waiting_max: 256,
            wait_ms_max: 2_000,
            limits: Limits::default(),
            tick_ms: 1,
            module_bytes_max: 32 << 20,
            idle_code_bytes_max: 128 << 20,
        }
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
    pub(crate) ticks: AtomicU64,
    pub(crate) long_lane: LongLane,
    admission: Admission,
    pub(crate) entering: Entering,
    compiling: Arc<Semaphore>,
    pub(crate) compiled: Mutex<CodeCache>,
}

/// A module that was checked and compiled, ready to run.
#[derive(Clone)]
pub struct CompiledAction(pub(crate) Arc<Compiled>);

pub(crate) struct Compiled {
    pub(crate) info: ModuleInfo,
    pub(crate) instance_pre: InstancePre<Sandbox>,
    pub(crate) handlers: Vec<(Trigger, ComponentExportIndex)>,
    code_bytes: usize,
}

impl ActionEngine {
    /// Sets up the engine.
    ///
    /// # Errors
    /// When this machine can't give the engine what it needs, such as address
    /// space for its pool.
    pub fn new(config: EngineConfig) -> Result<Self, EngineError> {
        let failed = |error: wasmtime::Error| EngineError(format!("{error:#}"));
        let engine = Engine::new(&engine_config(&config)).map_err(failed)?;
        let mut linker = Linker::new(&engine);
        host::add_to_linker(&mut linker).map_err(failed)?;
        Ok(Self(Arc::new(Inner {
            engine,
            linker,
            long_lane: LongLane::start().map_err(|error| EngineError(error.to_string()))?,
            admission: Admission::new(AdmissionConfig {
                places_max: config.executions_max,
                waiting_max: config.waiting_max,
                wait_max: Duration::from_millis(config.wait_ms_max),
            }),
            compiling: Arc::new(Semaphore::new(1)),
            entering: Entering::default(),
            ticks: AtomicU64::new(0),
            compiled: Mutex::default(),
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

    /// Proves an upload: it compiles, exports at least one trigger's handler, imports
    /// nothing but the contract and WASI, and can be instantiated under the limits.
    ///
    /// Compiling takes seconds for large modules, so it runs on a blocking thread.
    ///
    /// # Errors
    /// All that is wrong with the module, or that the server could not tell.
    pub async fn check(
        &self,
        share: &Share,
        bytes: Arc<[u8]>,
    ) -> Result<CompiledAction, CheckError> {
        let action = self.load(bytes).await?;
        self.instantiate_once(share, &action).await?;
        Ok(action)
    }

    /// Compiles a module that was proven before, or finds it in the cache.
    ///
    /// # Errors
    /// As for [`Self::check`]: bytes from storage are not trusted either.
    pub async fn load(&self, bytes: Arc<[u8]>) -> Result<CompiledAction, CheckError> {
        // One at a time: compiling takes a core, and tokens need the others. The place
        // goes with the work, which ends even when nobody waits for it any more.
        let place = Arc::clone(&self.0.compiling).acquire_owned().await;
        let engine = self.clone();
        let compiling = tokio::task::spawn_blocking(move || {
            let _place = place;
            let sha256 = module::sha256(&bytes);
            match engine.cached(&sha256) {
                Some(action) => Ok(action),
                None => engine.compile(&bytes, sha256),
            }
        });
        compiling
            .await
            .map_err(|error| CheckError::Host(error.to_string()))?
    }

    /// A module whose compiled form is in the cache, by the SHA-256 of its bytes.
    #[must_use]
    pub fn cached(&self, sha256: &str) -> Option<CompiledAction> {
        let mut cache = self
            .0
            .compiled
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        cache.get(sha256)
    }

    fn compile(&self, bytes: &[u8], sha256: String) -> Result<CompiledAction, CheckError> {
        let inner = &self.0;
        let size_bytes = bytes.len() as u64;
        if bytes.len() > inner.config.module_bytes_max {
            return Err(CheckError::too_large(
                bytes.len(),
                inner.config.module_bytes_max,
            ));
        }
        let component_bytes = module::componentize(bytes)?;
        let surface = module::inspect(&component_bytes)?;
        let component = Component::new(&inner.engine, &component_bytes)
            .map_err(|error| CheckError::from_compiler(&error))?;
        let instance_pre = inner
            .linker
            .instantiate_pre(&component)
            .map_err(|error| CheckError::from_linker(&error))?;
        let handlers = module::handlers(&component)?;
        let code = component.image_range();
        let action = CompiledAction(Arc::new(Compiled {
            info: ModuleInfo {
                sha256,
                size_bytes,
                triggers: handlers.iter().map(|(trigger, _)| *trigger).collect(),
                imports: surface.imports,
                contract_version: surface.contract_version,
            },
            instance_pre,
            handlers,
            code_bytes: (code.end as usize).saturating_sub(code.start as usize),
        }));
        let mut cache = inner
            .compiled
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        cache.insert(&action, inner.config.idle_code_bytes_max);
        Ok(action)
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

    /// Whether the module has a handler for the trigger.
    #[must_use]
    pub fn serves(&self, trigger: Trigger) -> bool {
        self.0.handlers.iter().any(|(served, _)| *served == trigger)
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

/// Compiled modules by content: those in use anywhere, and as many idle ones as
/// fit, oldest first to go.
#[derive(Default)]
pub(crate) struct CodeCache {
    by_content: HashMap<String, CompiledAction>,
    oldest_first: std::collections::VecDeque<String>,
}

impl CodeCache {
    /// How many modules are in it, and the bytes of their machine code.
    pub(crate) fn size(&self) -> (usize, usize) {
        let code_bytes = self.by_content.values().map(|action| action.0.code_bytes);
        (self.by_content.len(), code_bytes.sum())
    }

    fn get(&mut self, sha256: &str) -> Option<CompiledAction> {
        self.by_content.get(sha256).cloned()
    }

    fn insert(&mut self, action: &CompiledAction, idle_bytes_max: usize) {
        let sha256 = action.info().sha256.clone();
        if self
            .by_content
            .insert(sha256.clone(), action.clone())
            .is_none()
        {
            self.oldest_first.push_back(sha256);
        }
        self.evict(idle_bytes_max);
    }

    fn evict(&mut self, idle_bytes_max: usize) {
        let is_idle = |action: &CompiledAction| Arc::strong_count(&action.0) == 1;
        let mut idle_bytes: usize = self
            .by_content
            .values()
            .filter(|a| is_idle(a))
            .map(|a| a.0.code_bytes)
            .sum();
        let Self {
            by_content,
            oldest_first,
        } = self;
        oldest_first.retain(|sha256| {
            let evicted =
                idle_bytes > idle_bytes_max && by_content.get(sha256).is_some_and(is_idle);
            if evicted && let Some(action) = by_content.remove(sha256) {
                idle_bytes = idle_bytes.saturating_sub(action.0.code_bytes);
            }
            !evicted
        });
    }
}

/// The engine's settings, and why each.
fn engine_config(config: &EngineConfig) -> Config {
    let mut settings = Config::new();
    settings
        // Guests are preempted by epochs: about 10 % slower code, where fuel costs
        // up to three times as much.
        .epoch_interruption(true)
        // Component-model concurrency more than doubles the cost of a call, and a
        // trigger's handler is one plain call.
        .concurrency_support(false)
        // The same bits on every machine, so that an execution can be repeated.
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        // What no guest toolchain needs is off.
        .wasm_memory64(false)
        .memory_init_cow(true)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(config)));
    settings
}

fn pool(config: &EngineConfig) -> PoolingAllocationConfig {
    let limits = &config.limits;
    let count = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
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
        .max_tables_per_component(count(limits.tables_max))
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
