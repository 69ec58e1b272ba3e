//! `claimsmith serve`: putting the parts together, and taking them apart.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, anyhow};
use claimsmith_claims::ReservedNamespaces;
use claimsmith_http::{AppState, PlatformToken, TrustedProxies};
use claimsmith_model::{Clock, Limit, Secret, ServerLimits};
use claimsmith_runtime::{ActionEngine, AddressRange, CodeFolder, CodeSetup, EngineConfig, Ticker};
use claimsmith_service::{Environment, Readiness, Services, TokenService};
use claimsmith_storage::StorageError;
use claimsmith_storage_sled::{ExecutionLogLimits, Retention, SledExecutionLog, SledStorage};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use crate::{
    OutgoingConfig, SystemClock, SystemRandom, TlsOptions, allocator, bootstrap,
    certificate::Certificate, compiler, master_key, process, tls,
};

/// What the platform token is derived from the master key for.
const PLATFORM_TOKEN_PURPOSE: &str = "claimsmith: platform token";

/// What the key of what forms carry is derived from the master key for.
const STATE_PURPOSE: &str = "claimsmith: states of forms";

/// What the key of compiled code is derived from the master key for.
const CODE_PURPOSE: &str = "claimsmith: compiled code";
/// Where compiled code is, in the data folder.
const CODE_FOLDER: &str = "code";

/// How often expired opaque tokens and needless signing keys are removed. Neither does
/// harm; this only keeps them from piling up.
const SWEEP_PAUSE: Duration = Duration::from_secs(60);

/// How to serve.
#[derive(Debug, Clone)]
pub struct ServeConfig {
    /// Where the data is.
    pub data_dir: PathBuf,
    /// The address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// An address of its own for metrics, without a token; port 0 takes a free one.
    pub metrics_listen: Option<SocketAddr>,
    /// How long to go on serving after being told to stop, saying that the server
    /// isn't ready.
    pub shutdown_delay: Duration,
    /// How to speak TLS, if at all.
    pub tls: TlsOptions,
    /// Proxies whose forwarded headers count.
    pub trusted_proxies: Vec<AddressRange>,
    /// The first tenant's public URL; `http://localhost:PORT/` when absent, or the same
    /// with `https`.
    pub public_url: Option<String>,
    /// The master key as text.
    pub master_key: Option<Secret>,
    /// A file that holds the master key.
    pub master_key_file: Option<PathBuf>,
    /// Domains that no tenant's Action may use as a namespace, beside the built-in ones.
    pub reserved_domains: Vec<String>,
    /// What Actions' HTTP calls may reach, beside each Action's own list.
    pub outgoing: OutgoingConfig,
    /// The program with this command line, which the server starts to compile a module.
    pub program: PathBuf,
    /// Defaults and ceilings of all limits.
    pub limits: ServerLimits,
}

/// A server that serves until it is told to stop.
#[derive(Debug)]
pub struct RunningServer {
    /// The address it listens on.
    pub address: SocketAddr,
    /// The address of the metrics, if they have one of their own.
    pub metrics_address: Option<SocketAddr>,
    shutdown_delay: Duration,
    readiness: Readiness,
    serving: Serving,
    serving_metrics: Option<Serving>,
    sweeping: JoinHandle<()>,
    /// Keeps the certificate fresh, where there is one.
    renewing: Option<JoinHandle<()>>,
    certificate: Option<Arc<Certificate>>,
    clock: Arc<dyn Clock>,
    _ticker: Ticker,
}

/// Starts a server. When this answers, it serves.
///
/// # Errors
/// A text for the operator that names what is wrong and what to do.
pub async fn start(config: ServeConfig) -> anyhow::Result<RunningServer> {
    let network = config.outgoing.network()?;
    // The port first: a second server on the same one must change nothing.
    let listener = listen(config.listen, "--listen").await?;
    let address = listener.local_addr()?;
    let metrics_listener = match config.metrics_listen {
        Some(address) => Some(listen(address, "--metrics-listen").await?),
        None => None,
    };
    let metrics_address = metrics_listener.as_ref().map(TcpListener::local_addr);
    let metrics_address = metrics_address.transpose()?;
    let data_dir = &config.data_dir;
    make_folder(data_dir)?;

    let random = Arc::new(SystemRandom);
    let given = config.master_key.as_ref();
    let file = config.master_key_file.as_deref();
    let master_key = master_key::find(data_dir, given, file, random.as_ref())?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let certificate = config.tls.certificate(data_dir, clock.now())?;
    let tls = certificate.clone().map(tls::server_config).transpose()?;
    let storage = SledStorage::open(data_dir, &master_key)
        .await
        .map_err(|e| opened(data_dir, &e))?;
    let log_limits = log_limits(&config.limits);
    let executions = SledExecutionLog::open(data_dir, &master_key, log_limits, Arc::clone(&clock))
        .await
        .map_err(|error| opened(data_dir, &error))?;
    let code = CodeSetup {
        worker: Some(compiler(config.program.clone())),
        folder: Some(CodeFolder {
            path: data_dir.join(CODE_FOLDER),
            secret: master_key.derive_secret(CODE_PURPOSE),
        }),
    };
    let engine = ActionEngine::set_up(EngineConfig::of(&config.limits), code, network)
        .context("lower the ceilings of memories, tables or executions_in_flight_total")?;
    let ticker = engine
        .start_ticker()
        .context("the engine's ticker can't be started")?;
    let mut reserved = ReservedNamespaces::default();
    reserved
        .domains
        .extend(config.reserved_domains.iter().cloned());
    let services = Services::start(Environment {
        storage: Arc::new(storage),
        executions: Arc::new(executions),
        engine,
        clock,
        random,
        reserved: Arc::new(reserved),
        limits: Arc::new(config.limits),
        state_secret: master_key.derive_secret(STATE_PURPOSE),
    })
    .await
    .context("the tenants can't be loaded")?;

    let platform_token = master_key.derive_secret(PLATFORM_TOKEN_PURPOSE);
    let scheme = if tls.is_some() { "https" } else { "http" };
    let default_url = || format!("{scheme}://localhost:{}/", address.port());
    let public_url = config.public_url.clone().unwrap_or_else(default_url);
    bootstrap::run(&services, data_dir, &public_url, &platform_token).await?;
    allocator::give_back();

    let clock = Arc::clone(&services.environment.clock);
    let sweeping = tokio::spawn(sweep(TokenService::new(services.clone())));
    let renewing = certificate
        .clone()
        .map(|certificate| tokio::spawn(certificate.keep_fresh(Arc::clone(&clock))));
    let readiness = services.readiness.clone();
    let state = AppState::new(services, PlatformToken::new(platform_token))
        .with_process_figures(process::figures)
        .with_trusted_proxies(TrustedProxies::new(config.trusted_proxies));
    let serving_metrics = metrics_listener.map(|listener| {
        let state = state.clone();
        Serving::start(|stop| claimsmith_http::serve_operator(listener, state, stop))
    });
    let serving = Serving::start(|stop| claimsmith_http::serve(listener, tls, state, stop));
    Ok(RunningServer {
        address,
        metrics_address,
        shutdown_delay: config.shutdown_delay,
        readiness,
        serving,
        serving_metrics,
        sweeping,
        renewing,
        certificate,
        clock,
        _ticker: ticker,
    })
}

impl RunningServer {
    /// Looks now whether there is another certificate, in place of within a minute. New
    /// connections get it; one that can't be used is told in the log, and changes nothing.
    pub async fn renew_certificate(&self) {
        if let Some(certificate) = &self.certificate {
            let certificate = Arc::clone(certificate);
            certificate.renew_and_tell(self.clock.now()).await;
        }
    }

    /// Says that the server isn't ready any more, and after the configured delay stops
    /// taking requests, answers those under way but waits ten seconds for them at most,
    /// and closes the data.
    ///
    /// # Errors
    /// When serving had ended before, which it never should.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.readiness.stop();
        tokio::time::sleep(self.shutdown_delay).await;
        if let Some(renewing) = &self.renewing {
            renewing.abort();
        }
        self.sweeping.abort();
        // Ended by the abort, or before it: in both cases it holds the data no longer.
        let _ = self.sweeping.await;
        let stopped = self.serving.stop().await;
        // Last, so that the metrics show the server's end.
        if let Some(metrics) = self.serving_metrics {
            metrics.stop().await?;
        }
        stopped
    }
}

/// One address that is served.
#[derive(Debug)]
struct Serving {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Serving {
    /// Serves with what `serve` makes of the signal to stop.
    fn start<F: Future<Output = ()> + Send + 'static>(serve: impl FnOnce(Stopped) -> F) -> Self {
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(serve(Box::pin(async {
            // A dropped sender stops the server as a sent message does.
            let _ = stopped.await;
        })));
        Self { stop, task }
    }

    async fn stop(self) -> anyhow::Result<()> {
        // The other end is gone only when serving has ended by itself.
        let _ = self.stop.send(());
        self.task.await.context("serving ended abnormally")
    }
}

/// Ready when serving is to stop.
type Stopped = Pin<Box<dyn Future<Output = ()> + Send>>;

async fn listen(address: SocketAddr, option: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        anyhow!("can't listen on {address}: {error}; choose another address with {option}")
    })
}

/// Forgets expired opaque tokens and needless signing keys, and gives back free memory, now
/// and then.
async fn sweep(tokens: TokenService) {
    let mut pause = tokio::time::interval(SWEEP_PAUSE);
    loop {
        pause.tick().await;
        if let Err(error) = tokens.forget_expired_tokens().await {
            tracing::warn!(?error, "expired tokens can't be removed");
        }
        if let Err(error) = tokens.remove_keys_that_are_over().await {
            tracing::warn!(?error, "signing keys that are over can't be removed");
        }
        // It panics only with the allocator.
        let _ = tokio::task::spawn_blocking(allocator::give_back).await;
    }
}

/// Makes the data folder, for this user only.
pub(crate) fn make_folder(data_dir: &Path) -> anyhow::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data_dir)
        .map_err(|error| {
            anyhow!(
                "the data folder {} can't be made: {error}; choose another with --data-dir, or let \
             this user write there",
                data_dir.display()
            )
        })
}

/// How much the log holds; how much waits to be written is fixed.
fn log_limits(limits: &ServerLimits) -> ExecutionLogLimits {
    const DAY_S: u64 = 24 * 60 * 60;
    let retention = |bytes, days| Retention {
        bytes_max: limits.default_of(bytes),
        s_max: u32::try_from(limits.default_of(days) * DAY_S).unwrap_or(u32::MAX),
    };
    ExecutionLogLimits {
        executions: retention(Limit::ExecutionLogBytes, Limit::ExecutionLogDays),
        requests: retention(Limit::RequestLogBytes, Limit::RequestLogDays),
        changes: retention(Limit::ChangeLogBytes, Limit::ChangeLogDays),
        ..ExecutionLogLimits::default()
    }
}

fn opened(data_dir: &Path, error: &StorageError) -> anyhow::Error {
    let advice = match error {
        StorageError::InUse => "stop the other server, or choose another folder with --data-dir",
        StorageError::WrongMasterKey => {
            "give the key that was used before, by --master-key-file, CLAIMSMITH_MASTER_KEY or \
             master.key in the data folder; nothing was changed"
        }
        _ => "check that the folder can be written and has space",
    };
    anyhow!(
        "the data in {} can't be opened: {error}; {advice}",
        data_dir.display()
    )
}
