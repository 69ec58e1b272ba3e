//! What compiles modules: this very program, as a process of its own.

use std::path::PathBuf;

use claimsmith_runtime::WorkerProgram;

use crate::allocator;

/// The compiler that a program with this library's command line is.
#[must_use]
pub fn compiler(program: PathBuf) -> WorkerProgram {
    WorkerProgram {
        program,
        arguments: vec!["compile-worker".into()],
        environment: allocator::OF_COMPILER.to_vec(),
    }
}
