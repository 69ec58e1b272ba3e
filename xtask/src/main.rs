//! `cargo xtask`: checks the project, builds its guests, shows it at work.
//!
//! Everything that a command needs beyond a Rust toolchain it gets by itself, once,
//! and keeps below `target/`.
#![expect(
    clippy::print_stdout,
    reason = "a command line tool talks to a person on stdout"
)]
#![expect(clippy::print_stderr, reason = "errors and progress go to stderr")]

mod bench;
mod checks;
mod clients;
mod demo;
mod guests;
mod openapi;
mod process;
mod python;
mod soak;
mod terminal;
mod tools;

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Result, bail};
use pico_args::Arguments;

const HELP: &str = "\
The project's own commands.

Usage: cargo xtask <COMMAND> [--help]

Commands:
  test     Runs every check: format, guests, clients, clippy, docs, cargo-deny, tests, doctests
  guests   Builds the example Actions and the test guests to target/guests/
  bench    Measures what Claimsmith takes, beside others of its kind where there are any
  demo     Starts a server, uploads Actions, gets tokens and shows what is in them
  soak     Runs hostile guests against a server beside a well-behaved tenant
  openapi  Writes docs/openapi*.json anew, from the code
";

fn main() -> ExitCode {
    match run(Arguments::from_env()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\n{} {error:#}", terminal::stderr().red("error:"));
            ExitCode::FAILURE
        }
    }
}

fn run(mut arguments: Arguments) -> Result<()> {
    let command = arguments.subcommand()?;
    match command.as_deref() {
        Some("test") => checks::command(arguments),
        Some("guests") => guests::command(arguments),
        Some("bench") => bench::command(arguments),
        Some("demo") => demo::command(arguments),
        Some("soak") => soak::command(arguments),
        Some("openapi") => openapi::command(arguments),
        Some(unknown) => bail!("there is no command `{unknown}`\n\n{HELP}"),
        None if arguments.contains(["-h", "--help"]) => {
            print!("{HELP}");
            Ok(())
        }
        None => bail!("which command?\n\n{HELP}"),
    }
}

/// The workspace's root folder.
fn workspace_root() -> Result<PathBuf> {
    let own_folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    match own_folder.parent() {
        Some(root) => Ok(root.to_path_buf()),
        None => bail!("{} has no parent folder", own_folder.display()),
    }
}

/// Fails when the command line has something left that no one asked for.
fn no_more(arguments: Arguments, help: &str) -> Result<()> {
    match arguments.finish().first() {
        None => Ok(()),
        Some(left) => bail!("`{}` is not understood\n\n{help}", left.to_string_lossy()),
    }
}
