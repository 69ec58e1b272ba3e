//! Limits on the command line.

use anyhow::{Context as _, bail};
use claimsmith_model::{Limit, LimitScope, LimitSettings, LimitUnit, ServerLimits};
use clap::Args;

/// The limits of a server.
#[derive(Debug, Args)]
pub(crate) struct LimitOptions {
    /// A limit's value for everybody, and the most that anybody may ask for; sizes
    /// such as 64MiB, times such as 2s. May be given several times, in the variable
    /// with commas between. `claimsmith limits` lists them
    #[arg(
        long = "limit",
        env = "CLAIMSMITH_LIMITS",
        value_name = "NAME=VALUE",
        value_delimiter = ',',
        value_parser = given
    )]
    values: Vec<GivenLimit>,
    /// The most that anybody may ask for of a limit, where that is more than everybody's
    /// value; may be given several times
    #[arg(
        long = "limit-max",
        env = "CLAIMSMITH_LIMITS_MAX",
        value_name = "NAME=VALUE",
        value_delimiter = ',',
        value_parser = given
    )]
    ceilings: Vec<GivenLimit>,
}

/// A limit as `NAME=VALUE` says it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GivenLimit {
    limit: Limit,
    value: u64,
}

impl LimitOptions {
    /// Both options together.
    ///
    /// # Errors
    /// What is wrong with them, for the operator.
    pub(crate) fn server_limits(&self) -> anyhow::Result<ServerLimits> {
        let defaults = settings(&self.values).context("--limit")?;
        let ceilings = settings(&self.ceilings).context("--limit-max")?;
        Ok(ServerLimits::new(defaults, ceilings)?)
    }
}

/// The limits of a run without a server, which has one Action and no tenant.
///
/// # Errors
/// What is wrong with them, for the author.
pub(crate) fn of_a_run(given: &[GivenLimit]) -> anyhow::Result<ServerLimits> {
    for GivenLimit { limit, .. } in given {
        let is_read = limit.spec().scope == LimitScope::Execution
            || matches!(limit, Limit::ModuleBytes | Limit::WasmStackBytes);
        if !is_read {
            bail!("--limit: {limit} bounds several executions, and this is one; leave it out");
        }
    }
    let defaults = settings(given).context("--limit")?;
    Ok(ServerLimits::new(defaults, LimitSettings::default())?)
}

/// Reads `NAME=VALUE`.
pub(crate) fn given(text: &str) -> Result<GivenLimit, String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    let limit: Limit = name.parse().map_err(|error| format!("`{name}`: {error}"))?;
    let value = number(limit.spec().unit, value).ok_or_else(|| {
        let units = match limit.spec().unit {
            LimitUnit::Bytes => ", or one with KiB, MiB or GiB",
            LimitUnit::Milliseconds => " of milliseconds, or one with ms or s",
            LimitUnit::Days => " of days",
            LimitUnit::Count => "",
        };
        format!("`{value}` is no value for {limit}: give a whole number{units}")
    })?;
    // The range is checked here too, so that the text names the option.
    let mut probe = LimitSettings::default();
    probe.set(limit, value).map_err(|error| error.to_string())?;
    Ok(GivenLimit { limit, value })
}

fn number(unit: LimitUnit, text: &str) -> Option<u64> {
    let units: &[(&str, u64)] = match unit {
        LimitUnit::Bytes => &[("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)],
        LimitUnit::Milliseconds => &[("ms", 1), ("s", 1_000)],
        LimitUnit::Count | LimitUnit::Days => &[],
    };
    let with_unit = units
        .iter()
        .find_map(|(suffix, size)| Some((text.strip_suffix(suffix)?, *size)));
    let (digits, size) = with_unit.unwrap_or((text, 1));
    // A sign would parse, too.
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse::<u64>().ok()?.checked_mul(size)
}

fn settings(given: &[GivenLimit]) -> anyhow::Result<LimitSettings> {
    let mut settings = LimitSettings::default();
    for GivenLimit { limit, value } in given {
        if settings.get(*limit).is_some() {
            bail!("{limit} is given twice");
        }
        settings.set(*limit, *value)?;
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(values: &[&str], ceilings: &[&str]) -> Result<ServerLimits, String> {
        let read = |texts: &[&str]| -> Result<Vec<_>, String> {
            texts.iter().map(|text| given(text)).collect()
        };
        let options = LimitOptions {
            values: read(values)?,
            ceilings: read(ceilings)?,
        };
        options
            .server_limits()
            .map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn sizes_and_times_are_taken_with_their_units_and_without() {
        let limits = options(
            &[
                "memory_bytes=128MiB",
                "deadline_ms=2s",
                "commands=5",
                "log_bytes=100",
            ],
            &["deadline_ms=2500ms"],
        )
        .unwrap();
        assert_eq!(limits.default_of(Limit::MemoryBytes), 128 << 20);
        assert_eq!(limits.ceiling_of(Limit::MemoryBytes), 128 << 20);
        assert_eq!(limits.default_of(Limit::DeadlineMs), 2_000);
        assert_eq!(limits.ceiling_of(Limit::DeadlineMs), 2_500);
        assert_eq!(limits.default_of(Limit::Commands), 5);
        assert_eq!(limits.default_of(Limit::LogBytes), 100);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (wrong, word) in [
            ("memory_bytes", "NAME=VALUE"),
            ("memory=1", "there are deadline_ms, memory_bytes"),
            ("memory_bytes=64MB", "KiB, MiB or GiB"),
            ("memory_bytes=1TiB", "KiB, MiB or GiB"),
            ("memory_bytes=-1", "whole number"),
            ("memory_bytes=+65536", "whole number"),
            ("memory_bytes=", "whole number"),
            ("memory_bytes=99999999999GiB", "whole number"),
            ("memory_bytes=2GiB", "it must be 65536 to 1073741824"),
            ("deadline_ms=1", "it must be 10 to 60000"),
            ("commands=5ms", "whole number"),
        ] {
            let error = options(&[wrong], &[]).unwrap_err();
            assert!(error.contains(word), "{wrong}: {error}");
        }
    }

    #[test]
    fn what_does_not_go_together_is_named() {
        for (values, ceilings, word) in [
            (
                ["commands=5", "commands=6"].as_slice(),
                [].as_slice(),
                "given twice",
            ),
            (&["commands=5"], &["commands=4"], "ceiling 4"),
            (&[], &["module_bytes=1MiB"], "no ceiling"),
        ] {
            let error = options(values, ceilings).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn a_run_takes_only_limits_that_it_has() {
        let run = |text| of_a_run(&[given(text).unwrap()]);
        assert!(run("memory_bytes=1MiB").is_ok());
        assert!(run("wasm_stack_bytes=1MiB").is_ok());
        for of_a_server in ["cache_entries=1", "executions_in_flight_total=1"] {
            let error = run(of_a_server).unwrap_err().to_string();
            assert!(error.contains("leave it out"), "{error}");
        }
    }
}
