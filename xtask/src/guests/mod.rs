//! Guests: the example Actions and the tests' fixtures, compiled to WebAssembly.

mod c;
pub(crate) mod debian;
mod python;
mod rust;
mod toolchain;

use std::{path::Path, time::Instant};

use anyhow::Result;
use pico_args::Arguments;

use self::toolchain::Choice;
use crate::{no_more, terminal, workspace_root};

const HELP: &str = "\
Compiles the example Actions and the tests' guests to target/guests/<folder>.wasm, and gets
what that takes: for Rust the rustup target wasm32-unknown-unknown, else Debian's packages;
for C Debian's clang; for Python componentize-py from PyPI.

Usage: cargo xtask guests [OPTIONS]

Options:
  --toolchain <NAME>  Builds the Rust guests with `rustup` or `debian` only, instead of with
                      whichever can be had
";

/// `cargo xtask guests`.
pub(crate) fn command(mut arguments: Arguments) -> Result<()> {
    if arguments.contains(["-h", "--help"]) {
        print!("{HELP}");
        return Ok(());
    }
    let choice = arguments
        .opt_value_from_str("--toolchain")?
        .unwrap_or(Choice::Any);
    no_more(arguments, HELP)?;
    build_with(&workspace_root()?, choice)
}

/// Builds every guest to `target/guests/<folder>.wasm`, getting what that needs.
pub(crate) fn build_all(root: &Path) -> Result<()> {
    build_with(root, Choice::Any)
}

/// Builds the example Actions only, which takes a Rust toolchain and no other.
pub(crate) fn build_examples(root: &Path) -> Result<()> {
    rust::build_examples(root, Choice::Any)
}

/// Builds the guests in Rust only: the example Actions and the tests' fixtures.
pub(crate) fn build_rust(root: &Path) -> Result<()> {
    rust::build(root, Choice::Any)
}

/// Builds the crates directly below the folder of a workspace to
/// `target/guests/<folder>.wasm`.
pub(crate) fn build_rust_workspace(root: &Path, workspace: &Path) -> Result<()> {
    rust::build_workspace(root, workspace, Choice::Any)
}

fn build_with(root: &Path, choice: Choice) -> Result<()> {
    let started = Instant::now();
    rust::build(root, choice)?;
    c::build(root)?;
    python::build(root)?;
    println!(
        "Guests are built ({}).",
        terminal::elapsed(started.elapsed())
    );
    Ok(())
}
