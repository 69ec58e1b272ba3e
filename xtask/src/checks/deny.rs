//! What we depend on: cargo-deny with `deny.toml`.

use std::{path::Path, time::Duration};

use anyhow::Result;

use crate::{process::Program, terminal, tools};

/// Fetching the database of advisories takes seconds; an isolated machine may wait
/// for ever.
const FETCH_TIME_LIMIT: Duration = Duration::from_secs(120);

/// Checks duplicates, licences and sources, and known vulnerabilities where their
/// database can be fetched. An unreachable database is no failure, an advisory that
/// it holds is one.
pub(crate) fn check(root: &Path) -> Result<()> {
    deny(root)?
        .args(["check", "bans", "licenses", "sources"])
        .run()?;
    match fetch_advisories(root) {
        Ok(()) => deny(root)?
            .args(["check", "--disable-fetch", "advisories"])
            .run(),
        Err(error) => {
            println!(
                "{} known vulnerabilities were NOT checked: their database can't be fetched ({})",
                terminal::stdout().yellow("skipped:"),
                last_line(&error.to_string())
            );
            Ok(())
        }
    }
}

fn fetch_advisories(root: &Path) -> Result<()> {
    let fetch = deny(root)?
        .args(["fetch", "db"])
        .env("GIT_TERMINAL_PROMPT", "0");
    fetch.time_limit(FETCH_TIME_LIMIT).read().map(|_| ())
}

fn deny(root: &Path) -> Result<Program> {
    tools::DENY.program(root)
}

/// git's and cargo-deny's last line is the one that names the cause.
fn last_line(text: &str) -> &str {
    text.trim_end().lines().next_back().unwrap_or_default()
}
