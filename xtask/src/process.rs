//! Running other programs, with what is run shown and failures told in full.

use std::{
    env,
    ffi::{OsStr, OsString},
    fmt, fs,
    io::{self, Read},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};

use crate::terminal;

/// How often a program that has a time limit is asked whether it has ended.
const POLL_EVERY: Duration = Duration::from_millis(20);

/// A program about to be run.
#[derive(Debug)]
pub(crate) struct Program {
    command: Command,
    time_limit: Option<Duration>,
}

/// What a program that was captured left behind.
#[derive(Debug)]
pub(crate) struct Captured {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// What it wrote to standard output; bytes that are no UTF-8 replaced.
    pub(crate) stdout: String,
    /// What it wrote to standard error; likewise.
    pub(crate) stderr: String,
}

impl Program {
    /// The program of that name, looked up in `PATH` unless it is a path, with
    /// nothing on its standard input.
    pub(crate) fn new(name: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(name);
        command.stdin(Stdio::null());
        Self {
            command,
            time_limit: None,
        }
    }

    /// The cargo that runs this program, else the one in `PATH`.
    pub(crate) fn cargo() -> Self {
        Self::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
    }

    /// Adds arguments.
    pub(crate) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.command.args(args);
        self
    }

    /// Runs it in that folder.
    pub(crate) fn dir(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Sets an environment variable.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Gives it several environment variables.
    pub(crate) fn envs(mut self, variables: &[(&str, &str)]) -> Self {
        self.command.envs(variables.iter().copied());
        self
    }

    /// Hides from it every environment variable that the predicate picks.
    pub(crate) fn without_env(mut self, hide: impl Fn(&str) -> bool) -> Self {
        for (name, _) in env::vars_os() {
            if name.to_str().is_some_and(&hide) {
                self.command.env_remove(name);
            }
        }
        self
    }

    /// Ends it, as a failure, when it takes longer. For whatever asks the network:
    /// a machine without one may never get an answer.
    pub(crate) fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = Some(limit);
        self
    }

    /// The command, for whoever starts it and lets it run.
    pub(crate) fn into_command(self) -> Command {
        self.command
    }

    /// Shows the command line, runs it with its output passing through, and fails
    /// unless it exits with 0.
    pub(crate) fn run(mut self) -> Result<()> {
        println!("{}", terminal::stdout().dim(format!("$ {self}")));
        let mut child = self.spawn()?;
        let status = self.wait(&mut child)?;
        if status.success() {
            Ok(())
        } else {
            Err(anyhow!("`{self}` failed: {status}"))
        }
    }

    /// Runs it silently and hands back what it wrote, however it ended. Fails only
    /// when it can't be started or takes too long.
    pub(crate) fn capture(mut self) -> Result<Captured> {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.spawn()?;
        let stdout = read_aside(child.stdout.take());
        let stderr = read_aside(child.stderr.take());
        let status = self.wait(&mut child)?;
        let text = |bytes: mpsc::Receiver<Vec<u8>>| {
            String::from_utf8_lossy(&bytes.recv().unwrap_or_default()).into_owned()
        };
        Ok(Captured {
            status,
            stdout: text(stdout),
            stderr: text(stderr),
        })
    }

    /// Runs it silently and hands back what it wrote to standard output; fails,
    /// with what it wrote to standard error, unless it exits with 0.
    pub(crate) fn read(self) -> Result<String> {
        let shown = self.to_string();
        let captured = self.capture()?;
        if !captured.status.success() {
            bail!(
                "`{shown}` failed: {}\n{}",
                captured.status,
                captured.stderr.trim_end()
            );
        }
        Ok(captured.stdout)
    }

    fn spawn(&mut self) -> Result<Child> {
        let name = self.command.get_program().to_string_lossy().into_owned();
        self.command.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => anyhow!("`{name}` is not installed, or not in PATH"),
            _ => anyhow!("`{name}` can't be started: {error}"),
        })
    }

    fn wait(&self, child: &mut Child) -> Result<ExitStatus> {
        let Some(limit) = self.time_limit else {
            return child
                .wait()
                .with_context(|| format!("waiting for `{self}`"));
        };
        let started = Instant::now();
        loop {
            if let Some(status) = child
                .try_wait()
                .with_context(|| format!("waiting for `{self}`"))?
            {
                return Ok(status);
            }
            if started.elapsed() >= limit {
                // It may have ended meanwhile; either way it is gone afterwards.
                let _ = child.kill();
                let _ = child.wait();
                bail!("`{self}` did not end within {}", terminal::elapsed(limit));
            }
            thread::sleep(POLL_EVERY);
        }
    }
}

impl fmt::Display for Program {
    /// The command line as one could type it: what is set in its environment, the
    /// program, its arguments.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in self.command.get_envs() {
            if let Some(value) = value {
                write!(f, "{}={} ", name.to_string_lossy(), shortened(value))?;
            }
        }
        let program = Path::new(self.command.get_program());
        let in_path = program
            .file_name()
            .filter(|_| program.is_absolute() && is_cargo(program));
        write!(f, "{}", quoted(in_path.unwrap_or(program.as_os_str())))?;
        self.command
            .get_args()
            .try_for_each(|argument| write!(f, " {}", quoted(argument)))
    }
}

/// Whether the environment variable is one that an outer cargo or rustup sets, or
/// a person sets to steer them, so that it must not reach a toolchain of its own.
/// Where cargo keeps its downloads and how it reaches the network stay.
pub(crate) fn steers_a_toolchain(variable: &str) -> bool {
    const NETWORK: [&str; 5] = [
        "CARGO_HOME",
        "CARGO_HTTP_",
        "CARGO_NET_",
        "CARGO_REGISTR",
        "CARGO_SOURCE_",
    ];
    if NETWORK.iter().any(|prefix| variable.starts_with(prefix)) {
        return false;
    }
    [
        "CARGO",
        "RUSTC",
        "RUSTDOC",
        "RUSTFLAGS",
        "RUSTUP_TOOLCHAIN",
        "RUST_RECURSION_COUNT",
    ]
    .iter()
    .any(|prefix| variable.starts_with(prefix))
        || variable == "LD_LIBRARY_PATH"
}

/// Where in `PATH` the program is.
pub(crate) fn find_in_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// Writes a file, with its folders, and says which file in the error.
pub(crate) fn write_file(file: &Path, contents: impl AsRef<[u8]>) -> Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    }
    fs::write(file, contents).with_context(|| format!("writing {}", file.display()))
}

fn read_aside(stream: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            // What was read until an error is still worth showing.
            let _ = stream.read_to_end(&mut bytes);
        }
        // Nobody listens any more when the time limit struck.
        let _ = sender.send(bytes);
    });
    receiver
}

/// A value of the environment, with the inherited `PATH` in it written as such.
fn shortened(value: &OsStr) -> String {
    let value = value.to_string_lossy();
    let inherited = env::var("PATH").unwrap_or_default();
    match value.strip_suffix(inherited.as_str()) {
        Some(added) if !inherited.is_empty() => format!("{added}$PATH"),
        _ => quoted(OsStr::new(value.as_ref())),
    }
}

fn is_cargo(program: &Path) -> bool {
    program.file_stem().is_some_and(|stem| stem == "cargo")
}

fn quoted(text: &OsStr) -> String {
    let text = OsString::from(text).to_string_lossy().into_owned();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@+%~$".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_fails_is_an_error_with_its_last_words() {
        let error = Program::new("sh")
            .args(["-c", "echo broken >&2; exit 3"])
            .read()
            .unwrap_err();

        assert_eq!(
            error.to_string(),
            "`sh -c 'echo broken >&2; exit 3'` failed: exit status: 3\nbroken"
        );
    }

    #[test]
    fn a_program_that_hangs_is_ended_at_its_time_limit() {
        let started = Instant::now();

        let error = Program::new("sleep")
            .args(["600"])
            .time_limit(Duration::from_millis(50))
            .capture()
            .unwrap_err();

        assert_eq!(error.to_string(), "`sleep 600` did not end within 0.1 s");
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "it was waited for"
        );
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = Program::new("no-such-program-here").run().unwrap_err();

        assert_eq!(
            error.to_string(),
            "`no-such-program-here` is not installed, or not in PATH"
        );
    }

    #[test]
    fn a_toolchain_of_its_own_keeps_the_network_settings_only() {
        for hidden in [
            "CARGO",
            "CARGO_TARGET_DIR",
            "CARGO_ENCODED_RUSTFLAGS",
            "RUSTC_WRAPPER",
        ] {
            assert!(steers_a_toolchain(hidden), "{hidden}");
        }
        for kept in [
            "CARGO_HOME",
            "CARGO_HTTP_PROXY",
            "CARGO_REGISTRIES_X_TOKEN",
            "PATH",
            "HOME",
        ] {
            assert!(!steers_a_toolchain(kept), "{kept}");
        }
    }
}
