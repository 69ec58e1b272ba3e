//! The `claimsmith` command line, for tests that run it as a process.

use std::process::ExitCode;

fn main() -> ExitCode {
    claimsmith_server::run()
}
