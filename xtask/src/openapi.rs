//! `cargo xtask openapi`: writes `docs/openapi.json` and `docs/openapi-platform.json` anew.

use std::{fs, io::ErrorKind, path::Path};

use anyhow::{Context, Result};
use pico_args::Arguments;

use crate::{no_more, process, tools, workspace_root};

const HELP: &str = "\
Writes docs/openapi.json and docs/openapi-platform.json, the descriptions of the
Management API and of the platform API, as the code makes them.

Tests compare them; look at what has changed, and commit it.

Usage: cargo xtask openapi
";

/// The tests that make the documents, leave them in `target/`, and compare them with the
/// committed ones. They alone have a server to ask.
const TESTS: &str = "test(openapi::tests::the_committed_document_is_what_the_code_makes)";
const DOCUMENTS: [&str; 2] = ["openapi.json", "openapi-platform.json"];

/// `cargo xtask openapi`.
pub(crate) fn command(mut arguments: Arguments) -> Result<()> {
    if arguments.contains(["-h", "--help"]) {
        print!("{HELP}");
        return Ok(());
    }
    no_more(arguments, HELP)?;
    let root = workspace_root()?;
    let made = |name: &str| root.join("target").join(name);
    for name in DOCUMENTS {
        remove_if_there(&made(name))?;
    }
    let tested = tools::NEXTEST
        .program(&root)?
        // The whole workspace's libraries, so that each is built as all tests build it.
        .args(["run", "--workspace", "--lib", "--no-fail-fast", "-E", TESTS])
        .capture()?;
    for name in DOCUMENTS {
        let document = fs::read(made(name))
            .with_context(|| format!("{name} could not be made:\n{}", tested.stderr))?;
        process::write_file(&root.join("docs").join(name), document)?;
    }
    println!("docs/openapi*.json are written. Look at them: git diff docs/openapi*.json");
    Ok(())
}

fn remove_if_there(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", file.display()))
        }
        _ => Ok(()),
    }
}
