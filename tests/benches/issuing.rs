//! What issuing a token takes without HTTP: `TokenService::issue` on a store on disk.

use std::{hint::black_box, path::Path, sync::Arc, thread, time::Instant};

use anyhow::{Context, Result, anyhow, bail};
use claimsmith_model::{Clock, Random};
use claimsmith_oauth::TokenRequest;
use claimsmith_runtime::{ActionEngine, EngineConfig};
use claimsmith_server::{SystemClock, SystemRandom};
use claimsmith_service::{Environment, RequestFacts, Services, TenantContext, TokenService};
use claimsmith_storage::MasterKey;
use claimsmith_storage_sled::{ExecutionLogLimits, SledExecutionLog, SledStorage};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::{
    clock::{Times, thread_cpu_ns},
    stored::{self, AUDIENCE, CLIENT_ID, Module},
    workload,
};

/// Tokens between two looks at the clock.
const IN_A_ROW: usize = 250;

/// Tokens that are issued one by one, with emptied caches.
const WITH_EMPTIED_CACHES: usize = 4_000;

/// Twice what a core of the machines at hand has for itself.
const CACHE_BYTES: usize = 2 << 20;

/// The processor fetches and empties its caches by lines of this size.
const LINE_BYTES: usize = 64;

const SECRET: &str = "of-this-bench-and-of-nothing-else";

/// Issues so many tokens on each of the threads, to a tenant with a bound Action and to one
/// without, and answers the processor time of one token: authenticating, deciding, running,
/// signing, making the record. The threads that write records aren't counted. Beside it, the
/// median time of one token with the core's caches emptied before it: a server under load
/// does other things between two tokens.
pub(crate) fn measure(module: &Path, threads: usize, tokens: usize) -> Result<Value> {
    let module = workload::read(module)?;
    let folder = tempfile::tempdir().context("making a folder")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let handle = runtime.handle();
    let services = handle.block_on(services(folder.path(), module))?;
    let _ticker = services.environment.engine.start_ticker()?;
    let mut figures = serde_json::Map::new();
    for tenant in [WITH_ACTION, WITHOUT_ACTION] {
        let context = services.tenants.by_host(&stored::host(tenant));
        let side = Side {
            tokens: TokenService::new(services.clone()),
            context: context.context("a tenant is missing")?,
            handle: handle.clone(),
        };
        // The first makes the tenant's key and loads what is bound.
        side.issue(IN_A_ROW)?;
        let cpu_ns = side.on_threads(threads, tokens.div_ceil(IN_A_ROW))?;
        figures.insert(format!("{tenant}_cpu_ns"), json!(cpu_ns));
        let emptied = side.issue_with_emptied_caches()?;
        figures.insert(format!("{tenant}_emptied"), emptied);
    }
    Ok(figures.into())
}

/// The names of the tenants.
const WITH_ACTION: &str = "with-action";
const WITHOUT_ACTION: &str = "without-action";

/// The services of a server with two tenants.
async fn services(data: &Path, module: Arc<[u8]>) -> Result<Services> {
    let engine = ActionEngine::new(EngineConfig::default())?;
    let action = workload::compiled(&engine, Arc::clone(&module)).await?;
    // A key for data that is gone when this ends.
    let key = MasterKey::parse(&"ab".repeat(32))?;
    let storage = SledStorage::open(data, &key).await?;
    let module = Module {
        bytes: &module,
        info: action.info(),
    };
    stored::write_tenant(&storage, WITH_ACTION, SECRET, Some(&module)).await?;
    stored::write_tenant(&storage, WITHOUT_ACTION, SECRET, None).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let limits = ExecutionLogLimits::default();
    let executions = SledExecutionLog::open(data, &key, limits, Arc::clone(&clock)).await?;
    let services = Services::start(Environment {
        storage: Arc::new(storage),
        executions: Arc::new(executions),
        engine,
        clock,
        random,
        reserved: Arc::default(),
        limits: Arc::default(),
        state_secret: key.derive_secret("states of forms"),
    });
    Ok(services.await?)
}

/// A tenant that is asked for tokens.
struct Side {
    tokens: TokenService,
    context: Arc<TenantContext>,
    handle: Handle,
}

impl Side {
    /// The processor time of one token in nanoseconds, with so many threads at work.
    fn on_threads(&self, threads: usize, rows: usize) -> Result<u64> {
        let one_thread = || -> Result<u64> {
            let mut cpu_ns = 0;
            for _ in 0..rows {
                cpu_ns += self.issue(IN_A_ROW)?;
            }
            Ok(cpu_ns)
        };
        let counted = thread::scope(|scope| {
            let started: Vec<_> = (0..threads).map(|_| scope.spawn(one_thread)).collect();
            let ended = started.into_iter().map(|thread| match thread.join() {
                Ok(counted) => counted,
                Err(_) => Err(anyhow!("a thread panicked")),
            });
            ended.collect::<Result<Vec<_>>>()
        })?;
        let tokens = (threads * rows * IN_A_ROW) as u64;
        let cpu_ns: u64 = counted.iter().sum();
        cpu_ns.checked_div(tokens).context("no token was issued")
    }

    /// What one token takes of this thread's time when what it needs is not in the caches of
    /// its core, which other memory has filled.
    fn issue_with_emptied_caches(&self) -> Result<Value> {
        let mut other = vec![0_u8; CACHE_BYTES];
        let mut times = Times::default();
        for _ in 0..WITH_EMPTIED_CACHES {
            let (request, facts) = (TokenRequest::from_form(form().as_bytes())?, facts());
            for line in other.iter_mut().step_by(LINE_BYTES) {
                *line = line.wrapping_add(1);
            }
            black_box(&other);
            let began = Instant::now();
            let issued = self.tokens.issue(&self.context, None, request, facts);
            if let Err(refused) = self.handle.block_on(issued) {
                bail!("a token is refused: {refused:?}");
            }
            times.note(began.elapsed());
        }
        Ok(times.figures())
    }

    /// Issues so many tokens, and answers the thread's processor time for them. Making the
    /// requests isn't counted.
    fn issue(&self, tokens: usize) -> Result<u64> {
        let form = form();
        let requests: Vec<_> = (0..tokens)
            .map(|_| Ok((TokenRequest::from_form(form.as_bytes())?, facts())))
            .collect::<Result<_>>()?;
        let before = thread_cpu_ns()?;
        self.handle.block_on(async {
            for (request, facts) in requests {
                let issued = self.tokens.issue(&self.context, None, request, facts);
                if let Err(refused) = issued.await {
                    bail!("a token is refused: {refused:?}");
                }
            }
            Ok(())
        })?;
        Ok(thread_cpu_ns()?.saturating_sub(before))
    }
}

fn form() -> String {
    format!(
        "grant_type=client_credentials&client_id={CLIENT_ID}&client_secret={SECRET}\
         &audience={AUDIENCE}"
    )
}

fn facts() -> RequestFacts {
    RequestFacts {
        ip: "127.0.0.1".to_owned(),
        method: "POST".to_owned(),
        hostname: Some("bench.example.com".to_owned()),
        ..RequestFacts::default()
    }
}
