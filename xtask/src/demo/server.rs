//! The server process that the demo and the soak talk to.

use std::{
    env,
    fs::{self, File},
    net::{Ipv4Addr, TcpListener},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::api::{Api, Request};
use crate::process::Program;

/// Making the first keys of an empty folder takes a second or two.
const START_TIME_LIMIT: Duration = Duration::from_secs(60);

/// A server without requests stops at once.
const STOP_TIME_LIMIT: Duration = Duration::from_secs(15);

/// How many of the log's last lines an error shows.
const LOG_LINES_SHOWN: usize = 15;

/// A running `claimsmith serve` with a data folder of its own.
///
/// Unless it is kept, it is ended when this value goes.
pub(crate) struct Server {
    child: Child,
    folder: PathBuf,
    keep: bool,
}

impl Server {
    /// Builds the server in the profile that the tests use, changed by `settings` in cargo's
    /// environment, and answers where its program is.
    pub(crate) fn build(root: &Path, settings: &[(&str, &str)]) -> Result<PathBuf> {
        Program::cargo()
            .envs(settings)
            // As part of the workspace, so that dependencies have the features that they
            // have for the tests, and compile once for both.
            .args(["build", "--workspace", "--bin", "claimsmith"])
            .dir(root)
            .run()?;
        let metadata = Program::cargo()
            .args([
                "metadata",
                "--format-version",
                "1",
                "--no-deps",
                "--offline",
            ])
            .dir(root)
            .read()?;
        let metadata: Value = serde_json::from_str(&metadata).context("reading cargo metadata")?;
        let target = super::api::text(&metadata, "/target_directory")?;
        Ok(Path::new(target).join("debug/claimsmith"))
    }

    /// Starts the program on an empty folder below `target/<command>` and a free port of
    /// this machine, and waits until it serves.
    pub(crate) fn start(root: &Path, program: &Path, command: &str, keep: bool) -> Result<Self> {
        let folder = fresh_folder(root, command)?;
        let log = File::create(folder.join("server.log")).context("creating the server's log")?;
        let port = free_port()?;
        let mut command = Command::new(program);
        command
            .arg("serve")
            .arg("--data-dir")
            .arg(folder.join("data"))
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("opening the server's log")?)
            .stderr(log);
        // A server's settings that happen to be in this environment are not this one's.
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("CLAIMSMITH_") {
                command.env_remove(name);
            }
        }
        if keep {
            // Out of this terminal's reach: Ctrl-C for this command is not for the server.
            command.process_group(0);
        }
        let child = command
            .spawn()
            .with_context(|| format!("{} can't be started", program.display()))?;
        let mut server = Self {
            child,
            folder,
            keep: false,
        };
        server.wait_until_it_serves(port)?;
        server.keep = keep;
        Ok(server)
    }

    /// The folder that holds its data, its log, and what else the command leaves.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its process id.
    pub(crate) fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// What the first start wrote for the person who set the server up.
    pub(crate) fn bootstrap(&self) -> Result<Value> {
        let file = self.folder.join("data/bootstrap.json");
        let text =
            fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} is no JSON", file.display()))
    }

    /// Asks it to stop, as an operator does, waits until it has, and removes its
    /// folder. Fails, with the end of its log, when it takes too long or reports a
    /// failure.
    pub(crate) fn stop(mut self) -> Result<Duration> {
        let started = Instant::now();
        Program::new("kill")
            .args(["-TERM", &self.process_id().to_string()])
            .read()?;
        loop {
            if let Some(status) = self.child.try_wait().context("waiting for the server")? {
                if !status.success() {
                    bail!("the server stopped with {status}\n{}", self.end_of_log());
                }
                let took = started.elapsed();
                fs::remove_dir_all(&self.folder).context("removing the server's folder")?;
                return Ok(took);
            }
            if started.elapsed() > STOP_TIME_LIMIT {
                bail!(
                    "the server did not stop when asked to\n{}",
                    self.end_of_log()
                );
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn wait_until_it_serves(&mut self, port: u16) -> Result<()> {
        let api = Api::new(format!("http://127.0.0.1:{port}/"));
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().context("waiting for the server")? {
                bail!(
                    "the server ended at its start with {status}\n{}",
                    self.end_of_log()
                );
            }
            if api.status_of(&Request::get("healthz")) == Some(200) {
                return Ok(());
            }
            if started.elapsed() > START_TIME_LIMIT {
                bail!(
                    "the server does not answer at /healthz\n{}",
                    self.end_of_log()
                );
            }
            thread::sleep(Duration::from_millis(25));
        }
    }

    fn end_of_log(&self) -> String {
        let log = fs::read_to_string(self.folder.join("server.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let shown = lines
            .get(lines.len().saturating_sub(LOG_LINES_SHOWN)..)
            .unwrap_or_default();
        format!("the end of its log:\n  {}", shown.join("\n  "))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !self.keep {
            // It may have ended already, which is as good.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn fresh_folder(root: &Path, command: &str) -> Result<PathBuf> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .context("the clock is before 1970")?;
    let folder = root.join(format!(
        "target/{command}/{}-{}",
        now.as_secs(),
        std::process::id()
    ));
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    Ok(folder)
}

/// A port that nobody listens on now. The issuer has it in its text, so it must be
/// known before the server starts.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("looking for a port")?;
    Ok(listener.local_addr().context("looking for a port")?.port())
}
