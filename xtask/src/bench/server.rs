//! The servers that are measured.

use std::{
    env,
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::Bench;
use crate::{
    process::Program,
    soak::client::{Client, Content},
};

/// Node takes a second to start, and so does a first start with keys to be made.
const START_TIME_LIMIT: Duration = Duration::from_secs(120);

/// A server without requests stops at once.
const STOP_TIME_LIMIT: Duration = Duration::from_secs(30);

/// How the names of the threads begin that do nothing but store.
const STORING_THREADS: [&str; 3] = ["execution-log", "sled-", "storage-writer"];

/// How often a starting server is asked: start times are measured to this.
const POLL_EVERY: Duration = Duration::from_millis(1);

/// A server process, ended when this value goes.
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// From its start to its first answer.
    pub(crate) start: Duration,
    log: PathBuf,
}

impl Server {
    /// Starts `claimsmith serve` with the settings that it comes with, on that data.
    pub(crate) fn claimsmith(bench: &Bench, data: &Path) -> Result<Self> {
        let address = free_address()?;
        let program = bench
            .pinned(&bench.server)
            .args(["serve".as_ref(), "--data-dir".as_ref(), data.as_os_str()])
            .args(["--listen", &address.to_string()]);
        Self::start(program, address, "/healthz", &data.with_extension("log"))
    }

    /// Starts a server that will listen at that address, and waits until it answers at the
    /// path, whatever the status. Its output goes to the log.
    pub(crate) fn start(
        program: Program,
        address: SocketAddr,
        path: &str,
        log: &Path,
    ) -> Result<Self> {
        let file = File::create(log).with_context(|| format!("creating {}", log.display()))?;
        let mut command = program.into_command();
        // A server's settings that happen to be in this environment are not the bench's.
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("CLAIMSMITH_") {
                command.env_remove(name);
            }
        }
        command
            .stdin(Stdio::null())
            .stdout(file.try_clone().context("opening the server's log")?)
            .stderr(file);
        let started = Instant::now();
        let child = command
            .spawn()
            .with_context(|| format!("{command:?} can't be started"))?;
        let mut server = Self {
            child,
            address,
            start: Duration::ZERO,
            log: log.to_owned(),
        };
        let client = Client {
            address,
            host: "localhost".to_owned(),
        };
        loop {
            if client.send("GET", path, None, &Content::Nothing).is_ok() {
                server.start = started.elapsed();
                return Ok(server);
            }
            if let Some(status) = server.child.try_wait().context("waiting for a server")? {
                bail!("a server ended at its start: {status}\n{}", server.log());
            }
            if started.elapsed() > START_TIME_LIMIT {
                bail!("a server does not answer\n{}", server.log());
            }
            thread::sleep(POLL_EVERY);
        }
    }

    /// The memory that it has in use now, in MiB: its resident set.
    pub(crate) fn memory_mib(&self) -> Result<f64> {
        let status = self.proc("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib: Option<f64> = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        Ok(kib.context("/proc tells no resident set")? / 1_024.0)
    }

    /// The processor time that its threads which store have had so far, in microseconds: the
    /// writers of data and of execution records, and sled's own. Threads that have ended
    /// aren't in it; sled ends some when there is little to do.
    pub(crate) fn storing_cpu_us(&self) -> Result<f64> {
        let tasks = format!("/proc/{}/task", self.child.id());
        let tasks = fs::read_dir(&tasks).with_context(|| format!("reading {tasks}"))?;
        let mut nanoseconds = 0.0;
        for task in tasks {
            let task = task.context("reading a thread of the server")?.path();
            // A thread may end between two looks; what it had is then not known.
            let (Ok(name), Ok(times)) = (
                fs::read_to_string(task.join("comm")),
                fs::read_to_string(task.join("schedstat")),
            ) else {
                continue;
            };
            if STORING_THREADS
                .iter()
                .any(|prefix| name.starts_with(prefix))
            {
                let first = times.split_whitespace().next().unwrap_or_default();
                nanoseconds += first.parse::<f64>().context("/proc tells no times")?;
            }
        }
        Ok(nanoseconds / 1_000.0)
    }

    /// The processor time that it has had so far, in microseconds, to a hundredth of a second.
    pub(crate) fn cpu_us(&self) -> Result<f64> {
        let stat = self.proc("stat")?;
        // Behind the program's name, which may have anything in it, comes field 3; user and
        // system time are fields 14 and 15 (proc_pid_stat(5)), in ticks of 10 ms on every
        // Linux of today.
        let fields = stat.rsplit_once(')').map(|(_, fields)| fields);
        let fields = fields.context("/proc tells no times")?.split_whitespace();
        let ticks = fields.skip(11).take(2).map(str::parse::<f64>);
        let ticks: f64 = ticks
            .sum::<Result<_, _>>()
            .context("/proc tells no times")?;
        Ok(ticks * 10_000.0)
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(mut self) -> Result<()> {
        let started = Instant::now();
        Program::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .read()?;
        while self
            .child
            .try_wait()
            .context("waiting for a server")?
            .is_none()
        {
            if started.elapsed() > STOP_TIME_LIMIT {
                bail!("a server did not stop when asked to\n{}", self.log());
            }
            thread::sleep(POLL_EVERY);
        }
        Ok(())
    }

    fn proc(&self, file: &str) -> Result<String> {
        let path = format!("/proc/{}/{file}", self.child.id());
        fs::read_to_string(&path)
            .with_context(|| format!("reading {path}; its log:\n{}", self.log()))
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the first start on that data wrote for the person who set the server up.
pub(crate) fn bootstrap(data: &Path) -> Result<Value> {
    let file = data.join("bootstrap.json");
    let text = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no JSON", file.display()))
}

/// An address that nobody listens on now.
pub(crate) fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("looking for a port")?;
    listener.local_addr().context("looking for a port")
}
