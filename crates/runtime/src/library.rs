//! Modules ready to run: found in memory, or on disk, or compiled.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use claimsmith_model::{Handler, ModuleInfo};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::Engine;

use crate::{
    ActionEngine, Busy, CheckError, CodeFigures, CodeFolder, CompiledAction, EngineConfig, Limits,
    Place, Share, WorkerProgram,
    admission::{Admission, AdmissionConfig},
    code_cache::CodeCache,
    compile::{
        child::ChildCompiler,
        folder::CodeOnDisk,
        product::{self, Product},
        settings::compatibility,
    },
    engine::Compiled,
    module,
};

/// Modules that are read from disk at once: what is found there is checked whole, which
/// takes a core.
const LOADS_MAX: usize = 2;

/// Where code is made and kept beyond this process's memory. By default it is made in
/// this process, and kept nowhere else.
#[derive(Debug, Clone, Default)]
pub struct CodeSetup {
    /// Compiles in a process of its own for each module, within the limits of
    /// [`EngineConfig`].
    pub worker: Option<WorkerProgram>,
    /// Keeps code for the next start.
    pub folder: Option<CodeFolder>,
}

/// What an engine has of code, and makes it with.
pub(crate) struct Library {
    in_memory: Mutex<CodeCache>,
    on_disk: Option<CodeOnDisk>,
    child: Option<ChildCompiler>,
    /// All that compile or wait for it.
    queue: Arc<Semaphore>,
    compiling: Admission,
    loads: Semaphore,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    compiled: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
    compile_us: AtomicU64,
    from_memory: AtomicU64,
    from_disk: AtomicU64,
}

/// The right to compile, until it is dropped.
struct Turn {
    _place: Place,
    _queued: OwnedSemaphorePermit,
}

impl Library {
    pub(crate) fn new(setup: CodeSetup, config: &EngineConfig, engine: &Engine) -> Self {
        let compatibility = compatibility(engine);
        let (disk_bytes, code_bytes) = (config.code_disk_bytes, config.code_bytes_max);
        Self {
            in_memory: Mutex::default(),
            on_disk: setup.folder.and_then(|folder| {
                CodeOnDisk::open(folder, &compatibility, disk_bytes, code_bytes)
            }),
            child: setup
                .worker
                .map(|worker| ChildCompiler::new(worker, config, &compatibility)),
            queue: Arc::new(Semaphore::new(
                (config.compiles_max as usize).saturating_add(config.compile_waiting_max),
            )),
            compiling: Admission::new(AdmissionConfig {
                places_max: config.compiles_max,
                waiting_max: config.share_compile_waiting_max,
                wait_max: Duration::from_secs(config.compile_wait_s_max),
            }),
            loads: Semaphore::new(LOADS_MAX),
            counts: Counts::default(),
        }
    }

    /// A place at the compiler. Shares take turns, each with its modules in their order.
    async fn turn(&self, share: &Share) -> Result<Turn, Busy> {
        let queued = Arc::clone(&self.queue).try_acquire_owned();
        let queued = queued.map_err(|_| Busy::Compiler)?;
        let place = self.compiling.enter(share).await;
        Ok(Turn {
            _place: place.map_err(|_| Busy::Compiler)?,
            _queued: queued,
        })
    }

    /// What was compiled, found and kept since the engine was set up.
    pub(crate) fn figures(&self) -> CodeFigures {
        let Self {
            in_memory: _,
            on_disk,
            child,
            queue: _,
            compiling,
            loads: _,
            counts,
        } = self;
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (modules, bytes_in_memory) = self.memory().size();
        CodeFigures {
            compiled: count(&counts.compiled),
            refused: count(&counts.refused),
            failed: count(&counts.failed),
            compile_us: count(&counts.compile_us),
            workers_killed: child.as_ref().map_or(0, |child| count(&child.killed)),
            from_memory: count(&counts.from_memory),
            from_disk: count(&counts.from_disk),
            files_rejected: on_disk.as_ref().map_or(0, |disk| count(&disk.rejected)),
            waiting: compiling.occupancy().waiting,
            modules_in_memory: modules as u64,
            bytes_in_memory: bytes_in_memory as u64,
            bytes_on_disk: on_disk.as_ref().map_or(0, CodeOnDisk::bytes),
        }
    }

    fn memory(&self) -> MutexGuard<'_, CodeCache> {
        self.in_memory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl ActionEngine {
    /// Proves an upload: it compiles, exports at least one handler, imports nothing but
    /// the contract and WASI, and can be instantiated under the highest limits.
    ///
    /// # Errors
    /// All that is wrong with the module; `Busy`; or that the server could not tell.
    pub async fn check(
        &self,
        share: &Share,
        bytes: Arc<[u8]>,
    ) -> Result<CompiledAction, CheckError> {
        self.check_within(share, bytes, self.config().limits).await
    }

    /// As [`Self::check`], under the limits that the Action will run with.
    ///
    /// # Errors
    /// As for [`Self::check`].
    pub async fn check_within(
        &self,
        share: &Share,
        bytes: Arc<[u8]>,
        limits: Limits,
    ) -> Result<CompiledAction, CheckError> {
        let action = self.load(share, bytes).await?;
        self.instantiate_once(share, &action, limits).await?;
        Ok(action)
    }

    /// Proves an upload that is to be a script of a custom database: as
    /// [`Self::check_within`], and of the contract it imports only what scripts have.
    ///
    /// # Errors
    /// As for [`Self::check`].
    pub async fn check_script(
        &self,
        share: &Share,
        bytes: Arc<[u8]>,
        limits: Limits,
    ) -> Result<CompiledAction, CheckError> {
        let module = self.load(share, bytes).await?;
        let problems = module::script_problems(&module.info().imports);
        if !problems.is_empty() {
            return Err(CheckError::Problems(problems));
        }
        self.instantiate_once(share, &module, limits).await?;
        Ok(module)
    }

    /// A module that was proven before: from memory, from disk, or compiled again.
    ///
    /// What was begun is finished when the future is dropped, so that those who give up
    /// too early and come back find it.
    ///
    /// # Errors
    /// As for [`Self::check`]: bytes from storage are not trusted either.
    pub async fn load(
        &self,
        share: &Share,
        bytes: Arc<[u8]>,
    ) -> Result<CompiledAction, CheckError> {
        let bytes_max = self.config().module_bytes_max;
        if bytes.len() > bytes_max {
            return Err(CheckError::too_large(bytes.len(), bytes_max));
        }
        let module = Arc::clone(&bytes);
        let sha256 = blocking(move || module::sha256(&module)).await?;
        if let Some(action) = self.find(&sha256).await {
            return Ok(action);
        }
        let turn = self.0.library.turn(share).await?;
        let engine = self.clone();
        tokio::spawn(async move { engine.compile(bytes, sha256, turn).await })
            .await
            .map_err(|error| CheckError::Host(error.to_string()))?
    }

    /// A module that is ready, in memory or on disk, by the SHA-256 of its bytes.
    pub async fn find(&self, sha256: &str) -> Option<CompiledAction> {
        if let Some(action) = self.cached(sha256) {
            return Some(action);
        }
        let library = &self.0.library;
        library.on_disk.as_ref()?;
        let _load = library.loads.acquire().await.ok()?;
        // Of many who wait for the same module, the first one loads for all.
        if let Some(action) = self.cached(sha256) {
            return Some(action);
        }
        let (engine, sha256) = (self.clone(), sha256.to_owned());
        let load = move || {
            let product = engine.0.library.on_disk.as_ref()?.get(&sha256)?;
            // One that doesn't fit any more (the limits were lowered) is compiled again,
            // which says what is wrong with it.
            let action = engine.assemble(sha256, &product).ok()?;
            engine
                .0
                .library
                .counts
                .from_disk
                .fetch_add(1, Ordering::Relaxed);
            engine.keep_in_memory(&action);
            Some(action)
        };
        blocking(load).await.ok()?
    }

    /// A module that is ready in memory, by the SHA-256 of its bytes.
    #[must_use]
    pub fn cached(&self, sha256: &str) -> Option<CompiledAction> {
        let library = &self.0.library;
        let action = library.memory().get(sha256)?;
        library.counts.from_memory.fetch_add(1, Ordering::Relaxed);
        Some(action)
    }

    async fn compile(
        self,
        bytes: Arc<[u8]>,
        sha256: String,
        turn: Turn,
    ) -> Result<CompiledAction, CheckError> {
        let _turn = turn;
        // The one before in the queue may have had the same module.
        if let Some(action) = self.cached(&sha256) {
            return Ok(action);
        }
        let started = Instant::now();
        let result = self.compile_and_keep(bytes, sha256).await;
        let counts = &self.0.library.counts;
        let took_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        counts.compile_us.fetch_add(took_us, Ordering::Relaxed);
        let counter = match &result {
            Ok(_) => &counts.compiled,
            Err(CheckError::Problems(_)) => &counts.refused,
            Err(CheckError::Host(_) | CheckError::Busy(_)) => &counts.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        result
    }

    async fn compile_and_keep(
        &self,
        bytes: Arc<[u8]>,
        sha256: String,
    ) -> Result<CompiledAction, CheckError> {
        let product = match &self.0.library.child {
            Some(child) => child.compile(&bytes).await?,
            None => {
                let engine = self.clone();
                blocking(move || product::make(&engine.0.engine, &bytes)).await??
            }
        };
        let engine = self.clone();
        blocking(move || {
            let action = engine.assemble(sha256.clone(), &product)?;
            engine.keep_in_memory(&action);
            if let Some(on_disk) = &engine.0.library.on_disk {
                on_disk.put(&sha256, &product);
            }
            Ok(action)
        })
        .await?
    }

    /// Links a module's code with the host, and finds its handlers.
    fn assemble(&self, sha256: String, product: &Product) -> Result<CompiledAction, CheckError> {
        let inner = &self.0;
        let component = product
            .code
            .load(&inner.engine)
            .map_err(|error| CheckError::from_compiler(&error))?;
        let instance_pre = inner
            .linker
            .instantiate_pre(&component)
            .map_err(|error| CheckError::from_linker(&error))?;
        let handlers = module::handlers(&component)?;
        let code = component.image_range();
        Ok(CompiledAction(Arc::new(Compiled {
            info: ModuleInfo {
                sha256,
                size_bytes: product.facts.size_bytes,
                triggers: served(&handlers, |handler| match handler {
                    Handler::Trigger(trigger) => Some(trigger),
                    Handler::Script(_) => None,
                }),
                scripts: served(&handlers, |handler| match handler {
                    Handler::Trigger(_) => None,
                    Handler::Script(script) => Some(script),
                }),
                imports: product.facts.imports.clone(),
                contract_version: product.facts.contract_version.clone(),
                sdk: product.facts.sdk.clone(),
            },
            instance_pre,
            handlers,
            code_bytes: (code.end as usize).saturating_sub(code.start as usize),
        })))
    }

    fn keep_in_memory(&self, action: &CompiledAction) {
        let idle_bytes_max = self.config().idle_code_bytes_max;
        self.0.library.memory().insert(action, idle_bytes_max);
    }
}

/// Of what a module can be run for, that of one kind.
fn served<T, I>(handlers: &[(Handler, I)], kind: impl Fn(Handler) -> Option<T>) -> Vec<T> {
    let handlers = handlers.iter().map(|(handler, _)| *handler);
    handlers.filter_map(kind).collect()
}

/// Runs work that takes long, or waits for the disk, where that holds nobody up.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, CheckError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| CheckError::Host(error.to_string()))
}
