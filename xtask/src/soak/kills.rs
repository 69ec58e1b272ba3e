//! The server killed in the midst of its work, more often than the tests do.

use std::path::Path;

use anyhow::Result;

use crate::process::Program;

/// Kills servers so often under a stream of changes, logins and refreshes, and looks after
/// each kill whether everything that was answered is there: the test of that name, which
/// `cargo xtask test` runs with five kills.
pub(super) fn kill(root: &Path, times: usize) -> Result<()> {
    Program::cargo()
        .args(["test", "--workspace", "--test", "integration"])
        .args(["killed::", "--", "--nocapture"])
        .env("CLAIMSMITH_TEST_KILLS", times.to_string())
        .dir(root)
        .run()
}
