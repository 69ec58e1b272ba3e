//! `cargo xtask openapi`: writes `docs/openapi.json` anew.

use anyhow::Result;
use pico_args::Arguments;

use crate::{no_more, tools, workspace_root};

const HELP: &str = "\
Writes docs/openapi.json, the description of the Management API, as the code makes it.

A test compares the two; look at what has changed, and commit it.

Usage: cargo xtask openapi
";

/// The test that makes the document. It alone has a server to ask.
const TEST: &str =
    "test(=management::openapi::tests::the_committed_document_is_what_the_code_makes)";
/// What lets it write in place of comparing.
const WRITE: &str = "CLAIMSMITH_WRITE_OPENAPI";

/// `cargo xtask openapi`.
pub(crate) fn command(mut arguments: Arguments) -> Result<()> {
    if arguments.contains(["-h", "--help"]) {
        print!("{HELP}");
        return Ok(());
    }
    no_more(arguments, HELP)?;
    tools::NEXTEST
        .program(&workspace_root()?)?
        // The whole workspace's libraries, so that each is built as all tests build it.
        .args(["run", "--workspace", "--lib", "-E", TEST])
        .env(WRITE, "1")
        .run()?;
    println!("docs/openapi.json is written. Look at it: git diff docs/openapi.json");
    Ok(())
}
