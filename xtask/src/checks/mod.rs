//! `cargo xtask test`: every check, the same on a person's machine and in CI.

mod deny;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};
use pico_args::Arguments;

use crate::{clients, guests, no_more, process::Program, terminal, tools, workspace_root};

const HELP: &str = "\
Runs every check in this order and stops at the first that fails:

  fmt       the code is formatted as rustfmt.toml says
  guests    the example Actions and the test guests compile to WebAssembly
  clients   other people's OAuth clients, which tests run, are installed
  clippy    no warnings, from rustc or clippy, in any target
  docs      every crate's documentation builds without warnings
  deny      dependencies: duplicates, licences, sources, known vulnerabilities (deny.toml)
  tests     all tests, by nextest
  doctests  the examples in the documentation run

Usage: cargo xtask test [--only <STEP>]

Options:
  --only <STEP>  Runs that step alone; `tests` needs the guests to have been built and the clients to
                 have been installed
";

/// One of the checks.
#[derive(Debug)]
struct Step {
    name: &'static str,
    run: fn(&Path) -> Result<()>,
}

/// All of them: what fails fast comes first, and guests and clients before the tests
/// that run them.
const STEPS: [Step; 8] = [
    Step {
        name: "fmt",
        run: fmt,
    },
    Step {
        name: "guests",
        run: guests::build_all,
    },
    Step {
        name: "clients",
        run: clients::install,
    },
    Step {
        name: "clippy",
        run: clippy,
    },
    Step {
        name: "docs",
        run: docs,
    },
    Step {
        name: "deny",
        run: deny::check,
    },
    Step {
        name: "tests",
        run: tests,
    },
    Step {
        name: "doctests",
        run: doctests,
    },
];

/// `cargo xtask test`.
pub(crate) fn command(mut arguments: Arguments) -> Result<()> {
    if arguments.contains(["-h", "--help"]) {
        print!("{HELP}");
        return Ok(());
    }
    let only: Option<String> = arguments.opt_value_from_str("--only")?;
    no_more(arguments, HELP)?;
    let root = workspace_root()?;
    let Some(only) = only else {
        return run_all(&root);
    };
    let step = STEPS.iter().find(|step| step.name == only);
    let step = step.ok_or_else(|| anyhow!("there is no step `{only}`\n\n{HELP}"))?;
    run_step(&root, step).map(|_| ())
}

fn run_all(root: &Path) -> Result<()> {
    let started = Instant::now();
    let mut times = Vec::new();
    for step in &STEPS {
        let took = run_step(root, step).map_err(|error| {
            anyhow!(
                "the step `{name}` failed: {error:#}\n\
                 Once more, alone: cargo xtask test --only {name}\n\n{}",
                summary(&times),
                name = step.name
            )
        })?;
        times.push((step.name, took));
    }
    terminal::heading("all checks passed");
    println!(
        "{}in all    {:>12}",
        summary(&times),
        terminal::elapsed(started.elapsed())
    );
    Ok(())
}

fn run_step(root: &Path, step: &Step) -> Result<Duration> {
    terminal::heading(step.name);
    let started = Instant::now();
    (step.run)(root)?;
    let took = started.elapsed();
    println!(
        "{} {} ({})",
        terminal::stdout().green("ok"),
        step.name,
        terminal::elapsed(took)
    );
    Ok(took)
}

fn summary(times: &[(&str, Duration)]) -> String {
    times
        .iter()
        .map(|(name, took)| format!("{name:<10}{:>12}\n", terminal::elapsed(*took)))
        .collect()
}

fn fmt(root: &Path) -> Result<()> {
    Program::cargo()
        .args(["fmt", "--all", "--check"])
        .dir(root)
        .run()
}

fn clippy(root: &Path) -> Result<()> {
    Program::cargo()
        .args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ])
        .dir(root)
        .run()
}

fn docs(root: &Path) -> Result<()> {
    // Private items too: the links between them are what a reader of the code follows.
    doc(root, &["--workspace", "--document-private-items"])?;
    // The SDK as its authors see it, so that nothing public links to what they can't.
    doc(root, &["--package", "actions-sdk", "--all-features"])
}

fn doc(root: &Path, which: &[&str]) -> Result<()> {
    Program::cargo()
        .args(["doc", "--no-deps"])
        .args(which)
        .dir(root)
        .env("RUSTDOCFLAGS", "-D warnings")
        .run()
}

fn tests(root: &Path) -> Result<()> {
    tools::NEXTEST
        .program(root)?
        .args(["run", "--workspace"])
        .run()
}

fn doctests(root: &Path) -> Result<()> {
    Program::cargo()
        .args(["test", "--doc", "--workspace"])
        .dir(root)
        .run()
}

#[cfg(test)]
mod tests_of_the_steps {
    use super::*;

    #[test]
    fn the_help_names_every_step_in_its_order() {
        let places: Vec<_> = STEPS
            .iter()
            .map(|step| HELP.find(&format!("\n  {} ", step.name)))
            .collect();

        assert!(places.iter().all(Option::is_some), "{places:?}");
        assert!(places.is_sorted(), "{places:?}");
    }
}
