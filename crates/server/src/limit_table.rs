//! `claimsmith limits`: all limits, and what these options make of them.

use std::{fmt::Write as _, io::Write as _};

use anyhow::Context as _;
use claimsmith_model::{Limit, LimitScope, ServerLimits};

/// Prints the table.
///
/// # Errors
/// When standard output is closed.
pub(crate) fn print(limits: &ServerLimits) -> anyhow::Result<()> {
    let text = table(limits)?;
    std::io::stdout()
        .write_all(text.as_bytes())
        .context("can't print the limits")
}

fn table(limits: &ServerLimits) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    for (scope, heading) in [
        (
            LimitScope::Execution,
            "Of one execution. The server has a value and a ceiling (--limit, --limit-max), a\n\
             tenant a cap (platform API), and an Action asks for what it needs (`limits`).",
        ),
        (
            LimitScope::Tenant,
            "Of a tenant as a whole. The server has a value and a ceiling (--limit, --limit-max),\n\
             and a tenant a value of its own (platform API).",
        ),
        (LimitScope::Server, "Of the server as a whole (--limit)."),
    ] {
        writeln!(text, "{heading}\n")?;
        let of_scope = |limit: &&Limit| limit.spec().scope == scope;
        for limit in Limit::ALL.iter().filter(of_scope) {
            row(&mut text, limits, *limit)?;
        }
    }
    Ok(text)
}

fn row(text: &mut String, limits: &ServerLimits, limit: Limit) -> std::fmt::Result {
    let spec = limit.spec();
    let value = spec.shown(limits.default_of(limit));
    let ceiling = spec.shown(limits.ceiling_of(limit));
    let (lowest, highest) = (spec.shown(spec.lowest), spec.shown(spec.highest));
    write!(text, "  {limit} = {value}")?;
    if spec.scope != LimitScope::Server {
        write!(text, ", ceiling {ceiling}")?;
    }
    writeln!(text, " (can be {lowest} to {highest})")?;
    writeln!(text, "      bounds  {}", spec.bounds)?;
    writeln!(text, "      beyond  {}", spec.beyond)?;
    writeln!(text, "      why     {}\n", spec.why)
}
