//! The child's side: one module from standard input, one answer to standard output.

use std::{
    io::{Read as _, Write as _},
    panic::{self, AssertUnwindSafe},
};

use serde::{Deserialize, Serialize};
use wasmtime::Engine;

use super::{
    confine::confine,
    frame,
    machine_code::MachineCode,
    product::{self, Facts, Product},
    settings::{code_settings, compatibility},
};
use crate::CheckError;

/// What a child may use.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct WorkerLimits {
    pub(super) memory_bytes: u64,
    pub(super) cpu_s: u64,
    pub(super) module_bytes_max: usize,
    pub(super) code_bytes_max: usize,
}

/// What a child answers, as a frame's header; the code follows it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) compatibility: String,
    pub(super) verdict: Verdict,
}

/// What came of a module.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Verdict {
    /// It compiled.
    Made(Facts),
    /// It is wrong: codes and messages.
    Problems(Vec<(String, String)>),
    /// The compiler was refused memory, and could say so.
    OutOfMemory,
    /// The code is larger than it may be.
    TooMuchCode,
    /// The compiler panicked.
    Panicked,
}

/// Why a worker could not even try.
#[derive(Debug, thiserror::Error)]
#[error("this process can't compile: {0}")]
pub struct WorkerError(String);

impl WorkerError {
    pub(super) fn new(what: &str, error: &dyn std::fmt::Display) -> Self {
        Self(format!("{what}: {error}"))
    }
}

/// Compiles one module in this process, which is to do nothing else, before or after.
///
/// Takes from itself what it doesn't need (files, network, more memory and time than
/// `limits` say), reads the module from standard input, and writes the answer to standard
/// output. It is for the program that a [`WorkerProgram`](crate::WorkerProgram) names;
/// `limits` is the argument that was added to that program's.
///
/// # Errors
/// When `limits` is no such argument, or the process can't be confined or can't read and
/// write. That a module is wrong is an answer, no error.
pub fn run_compile_worker(limits: &str) -> Result<(), WorkerError> {
    let failed = WorkerError::new;
    let limits: WorkerLimits = serde_json::from_str(limits)
        .map_err(|error| failed("it is for the server to start", &error))?;
    confine(&limits)?;
    let engine = Engine::new(&code_settings()).map_err(|error| failed("no engine", &error))?;

    let mut module = Vec::new();
    std::io::stdin()
        .take(limits.module_bytes_max as u64)
        .read_to_end(&mut module)
        .map_err(|error| failed("the module can't be read", &error))?;
    let (verdict, code) = compile(&engine, &limits, &module);
    let code = code.as_ref().map_or(&[][..], MachineCode::bytes);
    let answer = Answer {
        compatibility: compatibility(&engine),
        verdict,
    };
    let head = frame::head(&answer, code).map_err(|error| failed("no answer", &error))?;
    let mut output = std::io::stdout().lock();
    output
        .write_all(&head)
        .and_then(|()| output.write_all(code))
        .and_then(|()| output.flush())
        .map_err(|error| failed("the answer can't be written", &error))
}

fn compile(
    engine: &Engine,
    limits: &WorkerLimits,
    module: &[u8],
) -> (Verdict, Option<MachineCode>) {
    let made = panic::catch_unwind(AssertUnwindSafe(|| product::make(engine, module)));
    let verdict = match made {
        Ok(Ok(Product { facts, code })) if code.bytes().len() <= limits.code_bytes_max => {
            return (Verdict::Made(facts), Some(code));
        }
        Ok(Ok(_)) => Verdict::TooMuchCode,
        Ok(Err(CheckError::Problems(problems))) => Verdict::Problems(
            problems
                .into_iter()
                .map(|problem| (problem.code.to_owned(), problem.message))
                .collect(),
        ),
        // Beside a wrong module, nothing but want of memory keeps one from being made.
        Ok(Err(_)) => Verdict::OutOfMemory,
        Err(_) => Verdict::Panicked,
    };
    (verdict, None)
}
