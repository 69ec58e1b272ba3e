//! `claimsmith`: see `claimsmith --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    claimsmith_server::run()
}
