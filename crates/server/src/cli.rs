//! The command line.

use std::{
    io::Write as _,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context as _, bail};
use claimsmith_model::{AllowedHosts, PrivateNames, Secret, Trigger};
use claimsmith_runtime::AddressRange;
use clap::{Args, Parser, Subcommand, ValueEnum};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{
    OutgoingConfig, ServeConfig, TlsOptions, action_run,
    backup::{self, Backup},
    limit_options::{self, GivenLimit, LimitOptions},
    limit_table,
    restore::{self, Restore},
    start,
    telemetry::{self, LogFormat},
};

/// The address to listen on when none is given: this machine only.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// An OAuth 2.0 and OpenID Connect token server whose token-time customisation is
/// WebAssembly.
#[derive(Debug, Parser)]
#[command(name = "claimsmith", version, about, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve tokens and the Management API
    Serve(Serve),
    /// Compile one module from standard input; started by the server
    #[command(hide = true)]
    CompileWorker {
        /// What the server lets it use
        limits: String,
    },
    /// Write a backup of all tenants into a file
    Backup(Backup),
    /// Make a data folder from a backup
    Restore(Restore),
    /// List all limits, what each bounds, and why it has its value
    Limits(LimitOptions),
    /// Work on an Action without a server
    #[command(subcommand)]
    Action(Action),
}

/// Serves tokens and the Management API.
///
/// The first start on an empty data folder makes the tenant `dev` and writes
/// DATA_DIR/bootstrap.json with its admin client and the platform token. SIGTERM
/// and Ctrl-C let requests under way finish, for ten seconds at most; a second one
/// ends the server at once.
#[derive(Debug, Args)]
struct Serve {
    /// Where the data is kept; made when it isn't there
    #[arg(long, env = "CLAIMSMITH_DATA_DIR", value_name = "DIR")]
    data_dir: PathBuf,
    /// The address to listen on; port 0 takes a free one
    #[arg(long, env = "CLAIMSMITH_LISTEN", value_name = "ADDR", default_value_t = LISTEN)]
    listen: SocketAddr,
    /// An address of its own for /metrics, without a token: whoever reaches it can
    /// read them. /healthz and /readyz are there, too [default: none; /metrics is
    /// at the other address, with the platform token]
    #[arg(long, env = "CLAIMSMITH_METRICS_LISTEN", value_name = "ADDR")]
    metrics_listen: Option<SocketAddr>,
    /// How long to go on serving after SIGTERM, in seconds, with /readyz answering
    /// 503, so that a load balancer stops sending requests before the server stops
    /// taking them
    #[arg(
        long,
        env = "CLAIMSMITH_SHUTDOWN_DELAY",
        value_name = "SECONDS",
        default_value_t = 0,
        value_parser = clap::value_parser!(u16).range(..=300)
    )]
    shutdown_delay: u16,
    #[command(flatten)]
    tls: TlsOptions,
    /// A proxy in front of the server, as an address or a range such as 10.0.0.0/8, whose
    /// X-Forwarded-For and X-Forwarded-Host count; may be given several times. It must
    /// set both, or remove what clients send [default: none, and these headers are
    /// ignored]
    #[arg(
        long = "trusted-proxy",
        env = "CLAIMSMITH_TRUSTED_PROXIES",
        value_name = "CIDR",
        value_delimiter = ','
    )]
    trusted_proxies: Vec<AddressRange>,
    /// The first tenant's public URL, from which its issuer is made; used at the
    /// first start only [default: http://localhost:PORT/, with TLS https://…]
    #[arg(long, env = "CLAIMSMITH_PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,
    /// A file with the master key (32 bytes as hexadecimal digits or base64). The
    /// key itself can be given as CLAIMSMITH_MASTER_KEY [default: DIR/master.key,
    /// made at the first start]
    #[arg(long, env = "CLAIMSMITH_MASTER_KEY_FILE", value_name = "FILE")]
    master_key_file: Option<PathBuf>,
    /// A domain that no tenant's Action may use as a claim's namespace, with all its
    /// subdomains; may be given several times, and adds to the built-in list
    #[arg(
        long = "reserved-domain",
        env = "CLAIMSMITH_RESERVED_DOMAINS",
        value_name = "DOMAIN",
        value_delimiter = ','
    )]
    reserved_domains: Vec<String>,
    #[command(flatten)]
    limits: LimitOptions,
    #[command(flatten)]
    outgoing: OutgoingConfig,
    /// What to log, to standard error: off, error, warn, info, debug or trace, or a
    /// list such as `info,claimsmith_service=debug`. `claimsmith_http::access` has a
    /// line for each request
    #[arg(
        long,
        env = "CLAIMSMITH_LOG",
        value_name = "FILTER",
        default_value = "info",
        value_parser = telemetry::filter
    )]
    log: String,
    /// How to log: text for people, or a JSON object a line for programs
    #[arg(
        long,
        env = "CLAIMSMITH_LOG_FORMAT",
        value_name = "FORMAT",
        value_enum,
        default_value = "text"
    )]
    log_format: LogFormat,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Run a module once on an event, and show what a token would hold
    Run(Run),
}

/// Runs a module once, with the engine and the claim policy of a server, and shows
/// claims, refusals, logs and timing.
///
/// Exit status: 0 when the Action succeeded, 1 when it failed or denied, 2 when the
/// module or the event can't be used.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The module: what the compiler wrote, a core module or a component
    pub(crate) module: PathBuf,
    /// The event as JSON, in the shape of the reference product's `event`; only
    /// what the Action reads needs to be there
    #[arg(long, value_name = "FILE")]
    pub(crate) event: PathBuf,
    /// The trigger, for a module that serves both
    #[arg(long, value_parser = |text: &str| text.parse::<Trigger>())]
    pub(crate) trigger: Option<Trigger>,
    /// A secret that the Action can read; may be given several times
    #[arg(long = "secret", value_name = "NAME=VALUE", value_parser = secret)]
    pub(crate) secrets: Vec<(String, Secret)>,
    /// A limit of the run, as the server or the Action will have it, such as
    /// memory_bytes=16MiB; may be given several times. `claimsmith limits` lists them
    #[arg(long = "limit", value_name = "NAME=VALUE", value_parser = limit_options::given)]
    pub(crate) limits: Vec<GivenLimit>,
    /// A host that the Action may call over HTTP, as in its `allowed_hosts`; may be
    /// given several times
    #[arg(long = "allow-host", value_name = "HOST", value_parser = host)]
    pub(crate) allow_hosts: Vec<String>,
    #[command(flatten)]
    pub(crate) outgoing: OutgoingConfig,
    /// The tenant's setting for claims without a namespace
    #[arg(long, value_enum, default_value_t = Names::Refuse)]
    pub(crate) private_names: Names,
    /// A host of the tenant, which is reserved; may be given several times
    #[arg(long = "issuer-host", value_name = "HOST", default_value = "localhost")]
    pub(crate) issuer_hosts: Vec<String>,
    /// What the Action's random numbers are derived from, to repeat a run
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// The time that the Action sees, in milliseconds since 1970, to repeat a run
    /// [default: now]
    #[arg(long, value_name = "MS")]
    pub(crate) at_ms: Option<i64>,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Names {
    Refuse,
    Allow,
}

impl From<Names> for PrivateNames {
    fn from(names: Names) -> Self {
        match names {
            Names::Refuse => Self::Refuse,
            Names::Allow => Self::Allow,
        }
    }
}

fn secret(text: &str) -> Result<(String, Secret), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    Ok((name.to_owned(), Secret::new(value)))
}

/// An entry of `allowed_hosts`.
fn host(text: &str) -> Result<String, String> {
    match AllowedHosts::parse(&[text]) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// The exit code of a program that could not do what it was asked to.
const FAILURE: u8 = 2;

/// How many turns a worker takes before it looks at sockets and timers. An Action that
/// computes can hold its worker for an epoch tick (1 ms); with tokio's own 61 turns in
/// between, busy workers would leave a new request or a due deadline unseen for 61 ms.
/// With 4 it is 4 ms, and looking costs a microsecond.
const EVENT_INTERVAL: u32 = 4;

/// This very program, also when its file was replaced by another version's meanwhile.
pub(crate) const THIS_PROGRAM: &str = "/proc/self/exe";

/// Runs the command line of this process.
#[must_use]
pub fn run() -> ExitCode {
    let command = match Cli::parse().command {
        // Without threads: it is to be nothing but a compiler.
        Command::CompileWorker { limits } => return compile_worker(&limits),
        Command::Limits(options) => {
            let printed = options
                .server_limits()
                .and_then(|limits| limit_table::print(&limits));
            return printed.map_or_else(|error| failed(&error), |()| ExitCode::SUCCESS);
        }
        Command::Serve(serve) => Asynchronous::Serve(Box::new(serve)),
        Command::Backup(backup) => Asynchronous::Backup(backup),
        Command::Restore(restore) => Asynchronous::Restore(restore),
        Command::Action(Action::Run(run)) => Asynchronous::Run(run),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .event_interval(EVENT_INTERVAL)
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return failed(&anyhow::Error::new(error).context("can't start threads")),
    };
    let result = runtime.block_on(async {
        match command {
            Asynchronous::Serve(serve) => {
                serve_until_signal(*serve).await.map(|()| ExitCode::SUCCESS)
            }
            Asynchronous::Backup(backup) => backup::run(&backup).await.map(|()| ExitCode::SUCCESS),
            Asynchronous::Restore(restore) => {
                restore::run(&restore).await.map(|()| ExitCode::SUCCESS)
            }
            Asynchronous::Run(run) => action_run::run(run).await,
        }
    });
    result.unwrap_or_else(|error| {
        failed(&error);
        // Nothing that still runs is worth waiting for: what was answered is stored. As its
        // threads go on to the end, nothing that they use may be taken down before: an end
        // with destructors was an abort now and then.
        signal_hook::low_level::exit(FAILURE.into())
    })
}

/// What runs on tokio.
enum Asynchronous {
    Serve(Box<Serve>),
    Backup(Backup),
    Restore(Restore),
    Run(Run),
}

fn compile_worker(limits: &str) -> ExitCode {
    match claimsmith_runtime::run_compile_worker(limits) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error.into()),
    }
}

async fn serve_until_signal(serve: Serve) -> anyhow::Result<()> {
    let _flush = telemetry::start(&serve.log, serve.log_format)?;
    let reads_certificate = serve.tls.cert.is_some();
    let mut signals = Signals::listen(reads_certificate)?;
    let server = start(ServeConfig {
        data_dir: serve.data_dir,
        listen: serve.listen,
        metrics_listen: serve.metrics_listen,
        shutdown_delay: Duration::from_secs(serve.shutdown_delay.into()),
        tls: serve.tls,
        trusted_proxies: serve.trusted_proxies,
        public_url: serve.public_url,
        // Not an argument: arguments can be seen by every user of the machine.
        master_key: std::env::var("CLAIMSMITH_MASTER_KEY").ok().map(Secret::new),
        master_key_file: serve.master_key_file,
        reserved_domains: serve.reserved_domains,
        outgoing: serve.outgoing,
        program: PathBuf::from(THIS_PROGRAM),
        limits: serve.limits.server_limits()?,
    })
    .await?;
    if let Some(address) = server.metrics_address {
        tracing::info!(%address, "metrics without a token");
    }
    tracing::info!(address = %server.address, "serving");
    signals
        .until_stopped(async || server.renew_certificate().await)
        .await;
    tracing::info!("stopping: requests under way are answered first");
    tokio::select! {
        stopped = server.stop() => stopped,
        () = signals.until_stopped(async || {}) => bail!("a second signal ended the server before its requests were answered"),
    }
}

/// SIGTERM, Ctrl-C and, where it means something, SIGHUP; none is lost between one and
/// the next.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// Elsewhere it ends the server, as it does any program whose terminal is closed.
    hang_up: Option<Signal>,
}

impl Signals {
    fn listen(to_hang_up: bool) -> anyhow::Result<Self> {
        let listen = |kind, name| signal(kind).with_context(|| format!("can't listen for {name}"));
        Ok(Self {
            terminate: listen(SignalKind::terminate(), "SIGTERM")?,
            interrupt: listen(SignalKind::interrupt(), "Ctrl-C")?,
            hang_up: to_hang_up
                .then(|| listen(SignalKind::hangup(), "SIGHUP"))
                .transpose()?,
        })
    }

    /// Waits for one that stops the server. At each SIGHUP before it does something else.
    async fn until_stopped(&mut self, at_hang_up: impl AsyncFn()) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                () = received(self.hang_up.as_mut()) => at_hang_up().await,
            }
        }
    }
}

/// Ready when the signal comes; never, when it isn't listened for.
async fn received(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    // Standard error may be closed; there is then nobody to tell.
    let _ = writeln!(std::io::stderr(), "claimsmith: {error:#}");
    ExitCode::from(FAILURE)
}
