//! `cargo xtask openapi`: writes `docs/openapi.json` anew.

use std::{fs, io::ErrorKind, path::Path};

use anyhow::{Context, Result};
use pico_args::Arguments;

use crate::{no_more, process, tools, workspace_root};

const HELP: &str = "\
Writes docs/openapi.json, the description of the Management API, as the code makes it.

A test compares the two; look at what has changed, and commit it.

Usage: cargo xtask openapi
";

/// The test that makes the document, leaves it at [`MADE`], and compares it with the
/// committed one. It alone has a server to ask.
const TEST: &str =
    "test(=management::openapi::tests::the_committed_document_is_what_the_code_makes)";
const MADE: &str = "target/openapi.json";

/// `cargo xtask openapi`.
pub(crate) fn command(mut arguments: Arguments) -> Result<()> {
    if arguments.contains(["-h", "--help"]) {
        print!("{HELP}");
        return Ok(());
    }
    no_more(arguments, HELP)?;
    let root = workspace_root()?;
    let made = root.join(MADE);
    remove_if_there(&made)?;
    let tested = tools::NEXTEST
        .program(&root)?
        // The whole workspace's libraries, so that each is built as all tests build it.
        .args(["run", "--workspace", "--lib", "-E", TEST])
        .capture()?;
    let document = fs::read(&made)
        .with_context(|| format!("the document could not be made:\n{}", tested.stderr))?;
    process::write_file(&root.join("docs/openapi.json"), document)?;
    println!("docs/openapi.json is written. Look at it: git diff docs/openapi.json");
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
