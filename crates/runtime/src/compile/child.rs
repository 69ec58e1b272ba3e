//! The parent's side of compiling in a child: start it, feed it, bound it, and tell from
//! its end whose fault that was.

use std::{
    ffi::OsString,
    os::unix::process::ExitStatusExt as _,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use rustix::process::Signal;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, Command},
};

use super::{
    frame,
    machine_code::MachineCode,
    product::Product,
    worker::{Answer, Verdict, WorkerLimits},
};
use crate::{CheckError, EngineConfig, ModuleProblem};

/// How much of what a child says on standard error is kept, in bytes. It is for the log.
const COMPLAINT_BYTES_MAX: u64 = 8 << 10;
/// How much of it an error shows, in characters.
const COMPLAINT_CHARS_SHOWN: usize = 500;
/// How a Rust program begins to say, before it aborts, that it got no memory.
const OUT_OF_MEMORY: &str = "memory allocation of ";

/// The program that compiles in a process of its own: one that hands its last argument to
/// [`run_compile_worker`](crate::run_compile_worker).
#[derive(Debug, Clone)]
pub struct WorkerProgram {
    /// The program.
    pub program: PathBuf,
    /// Its arguments; one more is added.
    pub arguments: Vec<OsString>,
    /// Its environment: this and nothing else.
    pub environment: Vec<(&'static str, &'static str)>,
}

/// Compiles modules in children, one child for each.
#[derive(Debug)]
pub(crate) struct ChildCompiler {
    worker: WorkerProgram,
    limits: WorkerLimits,
    wall: Duration,
    compatibility: String,
    /// Children that ended before they had answered.
    pub(crate) killed: AtomicU64,
}

impl ChildCompiler {
    /// A compiler whose code must have this compatibility.
    pub(crate) fn new(worker: WorkerProgram, config: &EngineConfig, compatibility: &str) -> Self {
        Self {
            worker,
            limits: WorkerLimits {
                memory_bytes: config.compile_memory_bytes,
                cpu_s: config.compile_cpu_s,
                module_bytes_max: config.module_bytes_max,
                code_bytes_max: config.code_bytes_max,
            },
            wall: Duration::from_secs(config.compile_wall_s),
            compatibility: compatibility.to_owned(),
            killed: AtomicU64::new(0),
        }
    }

    /// Compiles one module. Dropping the future kills the child.
    ///
    /// # Errors
    /// `Problems` when the module is at fault, also when the child died of it; `Host` when
    /// the child could not be started, was ended by somebody else, or is of another version.
    pub(crate) async fn compile(&self, module: &[u8]) -> Result<Product, CheckError> {
        let mut child = self.start().await?;
        let answer_bytes_max = self.limits.code_bytes_max as u64
            + (frame::PREFIX_BYTES + frame::HEADER_BYTES_MAX) as u64;
        let (Some(mut input), Some(output), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(CheckError::Host("the compiler has no pipes".to_owned()));
        };
        let talk = async {
            let feed = async move {
                // A child that is gone doesn't read; how it ended says more than this does.
                let _ = input.write_all(module).await;
            };
            let output = read(output, answer_bytes_max);
            let errors = read(errors, COMPLAINT_BYTES_MAX);
            let ((), output, errors) = tokio::join!(feed, output, errors);
            (output, errors, child.wait().await)
        };
        let Ok((output, errors, status)) = tokio::time::timeout(self.wall, talk).await else {
            self.killed.fetch_add(1, Ordering::Relaxed);
            // It can't be otherwise than gone afterwards.
            let _ = child.kill().await;
            return Err(self.too_expensive(&format!("{} s of time", self.wall.as_secs())));
        };
        let status = status.map_err(|error| CheckError::Host(error.to_string()))?;
        let complaint = String::from_utf8_lossy(&errors);
        if !complaint.is_empty() || !status.success() {
            tracing::debug!(%status, %complaint, "the compiler's process");
        }
        if status.success() {
            return self.read_answer(output);
        }
        self.killed.fetch_add(1, Ordering::Relaxed);
        Err(self.cause_of_death(status, &complaint))
    }

    /// Starts a child with nothing of this process but its three pipes.
    async fn start(&self) -> Result<Child, CheckError> {
        let limits = serde_json::to_string(&self.limits)
            .map_err(|error| CheckError::Host(error.to_string()))?;
        let mut command = Command::new(&self.worker.program);
        command
            .args(&self.worker.arguments)
            .arg(limits)
            .env_clear()
            .envs(self.worker.environment.iter().copied())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C is for the server, which lets requests under way finish.
            .process_group(0)
            .kill_on_drop(true);
        let program = self.worker.program.display().to_string();
        // Starting waits until the program has been loaded.
        tokio::task::spawn_blocking(move || command.spawn())
            .await
            .map_err(|error| CheckError::Host(error.to_string()))?
            .map_err(|error| {
                CheckError::Host(format!("the compiler {program} can't be started: {error}"))
            })
    }

    fn read_answer(&self, output: Vec<u8>) -> Result<Product, CheckError> {
        let unreadable =
            |why: String| CheckError::Host(format!("the compiler's answer can't be read: {why}"));
        let (answer, start) = frame::decode::<Answer>(&output).map_err(unreadable)?;
        if answer.compatibility != self.compatibility {
            return Err(CheckError::Host(
                "the compiler's process makes code that this server can't run: its program was \
                 replaced by another version; restart the server"
                    .to_owned(),
            ));
        }
        match answer.verdict {
            Verdict::Made(facts) => Ok(Product {
                facts,
                code: MachineCode::of_own_making(output, start),
            }),
            Verdict::Problems(problems) => problems
                .into_iter()
                .map(|(code, message)| ModuleProblem::known(&code, message))
                .collect::<Option<Vec<_>>>()
                .map_or_else(
                    || Err(unreadable("it names an unknown problem".to_owned())),
                    |problems| Err(CheckError::Problems(problems)),
                ),
            Verdict::OutOfMemory => Err(self.out_of_memory()),
            Verdict::TooMuchCode => Err(self.too_expensive(&format!(
                "{} of machine code",
                in_words(self.limits.code_bytes_max as u64)
            ))),
            Verdict::Panicked => Err(crashed("it gave up")),
        }
    }

    fn cause_of_death(&self, status: ExitStatus, complaint: &str) -> CheckError {
        let signal = status.signal().and_then(Signal::from_named_raw);
        match signal {
            Some(Signal::XCPU) => {
                self.too_expensive(&format!("{} s of processor time", self.limits.cpu_s))
            }
            Some(Signal::ABORT) if complaint.contains(OUT_OF_MEMORY) => self.out_of_memory(),
            Some(Signal::ABORT | Signal::SEGV | Signal::BUS | Signal::ILL | Signal::FPE) => {
                crashed(&status.to_string())
            }
            _ => {
                let complaint: String = complaint.chars().take(COMPLAINT_CHARS_SHOWN).collect();
                let complaint = complaint.trim().replace('\n', " ");
                CheckError::Host(format!(
                    "the compiler's process ended: {status} {complaint}"
                ))
            }
        }
    }

    fn out_of_memory(&self) -> CheckError {
        self.too_expensive(&format!("{} of memory", in_words(self.limits.memory_bytes)))
    }

    fn too_expensive(&self, limit: &str) -> CheckError {
        CheckError::one(
            "too_expensive",
            format!(
                "compiling the module takes more than {limit}, which is this server's limit: \
                 build it with optimisation for size, take out what isn't used, split very large \
                 functions, or ask the operator for a higher limit"
            ),
        )
    }
}

fn crashed(how: &str) -> CheckError {
    CheckError::one(
        "compiler_failed",
        format!(
            "the compiler can't cope with this module ({how}): build it with another version of \
             the toolchain or other options, and please report it with the module"
        ),
    )
}

fn in_words(bytes: u64) -> String {
    if bytes >= 1 << 20 {
        format!("{} MiB", bytes >> 20)
    } else {
        format!("{} KiB", bytes >> 10)
    }
}

/// Reads to the end, or to one byte more than there may be.
async fn read(pipe: impl AsyncRead + Unpin, bytes_max: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    // What came until an error is judged as what came until the end.
    let _ = pipe.take(bytes_max + 1).read_to_end(&mut bytes).await;
    bytes
}
