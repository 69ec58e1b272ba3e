//! Logs.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

/// Sends logs to standard error. `filter` is a level or a list such as
/// `info,claimsmith_service=debug`.
///
/// # Errors
/// When the filter can't be read.
pub(crate) fn start(filter: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| anyhow::anyhow!("--log `{filter}` is no log filter: {error}"))?;
    let ansi = io::stderr().is_terminal();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(ansi)
        .finish();
    // A second start in one process (tests) keeps the first subscriber.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Ok(())
}
