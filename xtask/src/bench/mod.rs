//! `cargo xtask bench`: what Claimsmith takes, and what others of its kind take on the same
//! processors in the same minutes.

mod figures;
mod machine;
mod parts;
mod peers;
mod picture;
mod row;
mod rows;
mod server;
mod table;
mod tenant;
mod wrk;

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};
use pico_args::Arguments;
use serde_json::Value;

use self::{
    machine::{Machine, PROCESSORS},
    row::Row,
};
use crate::{
    demo, guests, no_more,
    process::{self, Program},
    terminal, workspace_root,
};

const HELP: &str = "\
Builds the server and what it is compared with, measures, and prints a table: each figure, what
it must reach, and what it was made from. Gets what that takes: Debian's wrk, npm's
oidc-provider, the crate extism. All of it writes below target/ only.

Usage: cargo xtask bench [OPTIONS]

Options:
  --only <ROW>   Measures that only; may be given several times:
                   execution  one execution, wasmtime's own floor, Extism's warm call
                   tokens     tokens a second with an Action and without, oidc-provider, p99,
                              and where a token's time goes
                   rs256      the signature's share of a token's time with RS256
                   grants     codes and refresh tokens against client credentials
                   deploy     from an upload to the first token with its claim
                   from-disk  the first execution of a version whose code is on disk only
                   start      the start with 1,000 Actions in 100 tenants
                   tenants    10,000 tenants against one
                   neighbour  a tenant beside one whose Actions spin
                   admin      tokens beside a hundred admin writes a second
                   idle       memory of a server that does nothing
  --quick        Fewer and shorter rounds and less of everything: to see that it works
  --json <FILE>  Where to write the figures [default: target/bench/figures.json]
  --markdown     Prints the table in Markdown, as docs/performance.md has it
  --document <FILE>
                 Puts the table into that file, between the lines with `figures:`
  --picture <FILE>
                 Draws where a token's time goes, as SVG; needs the row `tokens`

Measure on a machine that does nothing else. Twenty minutes are usual, the first time more.
";

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// Rounds of each comparison, in which all sides have their turn.
    pub(crate) rounds: usize,
    /// One side's turn under load.
    pub(crate) turn: Duration,
    /// Tenants, where there are many.
    pub(crate) tenants: usize,
    /// Tenants with ten Actions each, of the start.
    pub(crate) tenants_with_actions: usize,
    /// Codes redeemed and refresh tokens exchanged in a round.
    pub(crate) logins: usize,
}

const FULL: Effort = Effort {
    rounds: 7,
    turn: Duration::from_secs(6),
    tenants: 10_000,
    tenants_with_actions: 100,
    logins: 500,
};

const QUICK: Effort = Effort {
    rounds: 2,
    turn: Duration::from_secs(2),
    tenants: 300,
    tenants_with_actions: 5,
    logins: 100,
};

/// Our own crates as operators have them by `cargo build --release`. The dependencies are
/// that already, and compile once for this, the tests and the demo.
const AS_RELEASED: [(&str, &str); 3] = [
    ("CARGO_PROFILE_DEV_OPT_LEVEL", "3"),
    ("CARGO_PROFILE_DEV_DEBUG_ASSERTIONS", "false"),
    ("CARGO_PROFILE_DEV_OVERFLOW_CHECKS", "false"),
];

/// What all measurements share.
pub(crate) struct Bench {
    /// The workspace's root.
    pub(crate) root: PathBuf,
    /// For what measurements write; it was empty at the start.
    pub(crate) folder: PathBuf,
    /// The program `claimsmith`.
    pub(crate) server: PathBuf,
    /// The program `claimsmith-bench`.
    pub(crate) measurements: PathBuf,
    /// How much is measured.
    pub(crate) effort: Effort,
    is_pinned: bool,
}

/// A measurement: its name, and what makes its rows.
struct Measurement {
    name: &'static str,
    run: fn(&Bench) -> Result<Vec<Row>>,
}

/// The measurement that tells where a token's time goes.
const PICTURED: &str = "tokens";

const MEASUREMENTS: [Measurement; 11] = [
    Measurement {
        name: "execution",
        run: rows::execution::measure,
    },
    Measurement {
        name: PICTURED,
        run: rows::tokens::measure,
    },
    Measurement {
        name: "rs256",
        run: rows::rs256::measure,
    },
    Measurement {
        name: "grants",
        run: rows::grants::measure,
    },
    Measurement {
        name: "deploy",
        run: rows::deploy::measure,
    },
    Measurement {
        name: "from-disk",
        run: rows::from_disk::measure,
    },
    Measurement {
        name: "start",
        run: rows::start::measure,
    },
    Measurement {
        name: "tenants",
        run: rows::tenants::measure,
    },
    Measurement {
        name: "neighbour",
        run: rows::neighbour::measure,
    },
    Measurement {
        name: "admin",
        run: rows::admin::measure,
    },
    Measurement {
        name: "idle",
        run: rows::idle::measure,
    },
];

/// `cargo xtask bench`.
pub(crate) fn command(mut arguments: Arguments) -> Result<()> {
    if arguments.contains(["-h", "--help"]) {
        print!("{HELP}");
        return Ok(());
    }
    let only: Vec<String> = arguments.values_from_str("--only")?;
    let is_quick = arguments.contains("--quick");
    let is_markdown = arguments.contains("--markdown");
    let json: Option<PathBuf> = arguments.opt_value_from_str("--json")?;
    let document: Option<PathBuf> = arguments.opt_value_from_str("--document")?;
    let picture: Option<PathBuf> = arguments.opt_value_from_str("--picture")?;
    no_more(arguments, HELP)?;
    let chosen = chosen(&only)?;
    if picture.is_some() && chosen.iter().all(|it| it.name != PICTURED) {
        bail!("--picture needs the row `{PICTURED}`");
    }
    let root = workspace_root()?;
    let json = json.unwrap_or_else(|| root.join("target/bench/figures.json"));

    let started = Instant::now();
    let bench = Bench::prepare(root, if is_quick { QUICK } else { FULL })?;
    let machine = Machine::this();
    println!("\n{}", machine.line());
    let mut rows = Vec::new();
    for (place, measurement) in chosen.iter().enumerate() {
        terminal::heading(&format!(
            "{}/{}: {}",
            place + 1,
            chosen.len(),
            measurement.name
        ));
        let began = Instant::now();
        let measured = (measurement.run)(&bench)
            .with_context(|| format!("the measurement `{}` failed", measurement.name))?;
        rows.extend(measured);
        // After each, so that an hour's figures don't go with the failure of the last.
        let figures = table::to_json(&machine, is_quick, &rows);
        process::write_file(&json, format!("{figures:#}\n"))?;
        println!("  {}", terminal::elapsed(began.elapsed()));
    }
    if let Some(file) = document {
        let text =
            fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
        let text = table::put_into(&text, &machine, is_quick, &rows)
            .with_context(|| format!("{} has no place for figures", file.display()))?;
        process::write_file(&file, text)?;
    }
    if let Some(file) = picture {
        process::write_file(&file, picture::draw(&rows, &machine.line())?)?;
    }
    if is_markdown {
        println!("\n{}\n\n{}", machine.line(), table::markdown(&rows));
    } else {
        table::print(&rows);
    }
    println!(
        "Figures of each round are in {}. Done in {}.",
        json.display(),
        terminal::elapsed(started.elapsed())
    );
    Ok(())
}

fn chosen(only: &[String]) -> Result<Vec<&'static Measurement>> {
    if only.is_empty() {
        return Ok(MEASUREMENTS.iter().collect());
    }
    let named = only.iter().map(|name| {
        let found = MEASUREMENTS.iter().find(|it| it.name == name);
        found.ok_or_else(|| anyhow!("there is no row `{name}`\n\n{HELP}"))
    });
    named.collect()
}

impl Bench {
    fn prepare(root: PathBuf, effort: Effort) -> Result<Self> {
        terminal::heading("Building");
        guests::debian::ensure(&["wrk"])?;
        let server = demo::server::Server::build(&root, &AS_RELEASED)?;
        Program::cargo()
            .envs(&AS_RELEASED)
            // As part of the workspace, as the server: so both have the same dependencies.
            .args(["build", "--workspace", "--bin", "claimsmith-bench"])
            .dir(&root)
            .run()?;
        guests::build_rust(&root)?;
        let folder = root.join("target/bench/work");
        if folder.exists() {
            fs::remove_dir_all(&folder)
                .with_context(|| format!("removing {}", folder.display()))?;
        }
        fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
        Ok(Self {
            root,
            folder,
            measurements: server.with_file_name("claimsmith-bench"),
            server,
            effort,
            is_pinned: Machine::this().processors > PROCESSORS,
        })
    }

    /// A program that runs on the bench's processors.
    pub(crate) fn pinned(&self, program: impl AsRef<OsStr>) -> Program {
        if self.is_pinned {
            Program::new("taskset").args([
                OsStr::new("--cpu-list"),
                OsStr::new("0,1"),
                program.as_ref(),
            ])
        } else {
            Program::new(program)
        }
    }

    /// The figures of a measurement within a process.
    pub(crate) fn within_process(&self, arguments: &[&OsStr]) -> Result<Value> {
        self.figures(&self.measurements, arguments)
    }

    /// The figures that a program prints as JSON.
    pub(crate) fn figures(&self, program: &Path, arguments: &[&OsStr]) -> Result<Value> {
        let printed = self.pinned(program).args(arguments).read()?;
        serde_json::from_str(&printed)
            .with_context(|| format!("{} printed no JSON: {printed}", program.display()))
    }

    /// The module of a guest.
    pub(crate) fn guest(&self, name: &str) -> PathBuf {
        let file = self.root.join("target/guests").join(name);
        file.with_extension("wasm")
    }

    /// The bytes of that module.
    pub(crate) fn module(&self, name: &str) -> Result<Vec<u8>> {
        let file = self.guest(name);
        fs::read(&file).with_context(|| format!("reading {}", file.display()))
    }

    /// Says which round it is, and does it.
    pub(crate) fn each_round(&self, mut round: impl FnMut() -> Result<()>) -> Result<()> {
        for number in 1..=self.effort.rounds {
            println!("  round {number} of {}", self.effort.rounds);
            round()?;
        }
        Ok(())
    }
}

/// A module as other bytes, so that nothing that is kept of the first serves it: with a
/// custom section (WebAssembly core 2.0, section 5.5.3) that holds the number.
pub(crate) fn variant(module: &[u8], number: u64) -> Vec<u8> {
    const NAME: &[u8] = b"variant";
    const SIZE: u8 = 1 + 7 + 8;
    [module, &[0, SIZE, 7], NAME, &number.to_le_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_names_every_measurement_in_its_order() {
        let places: Vec<_> = MEASUREMENTS
            .iter()
            .map(|it| HELP.find(&format!(" {} ", it.name)))
            .collect();

        assert!(places.iter().all(Option::is_some), "{places:?}");
        assert!(places.is_sorted(), "{places:?}");
    }

    #[test]
    fn a_measurement_that_is_not_there_is_refused_with_those_that_are() {
        let error = chosen(&["tokens".to_owned(), "bread".to_owned()]);

        let error = error
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(error.starts_with("there is no row `bread`"), "{error}");
        assert!(error.contains("neighbour"), "{error}");
    }

    #[test]
    fn a_variant_is_the_module_with_a_section_more() {
        let module = b"\0asm\x01\0\0\0";

        let variant = variant(module, 1);

        assert_eq!(
            variant,
            b"\0asm\x01\0\0\0\x00\x10\x07variant\x01\0\0\0\0\0\0\0"
        );
    }
}
