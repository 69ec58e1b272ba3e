//! `cargo xtask soak`: the zoo of hostile guests against a real server for as long as one
//! likes, beside a neighbour who means well.

pub(crate) mod client;
mod hunt;
mod kills;
mod memory;
mod neighbour;
mod report;
mod tenant;
mod zoo;

use std::{path::Path, thread};

use anyhow::{Result, bail};
use pico_args::Arguments;

use self::{
    memory::Memory,
    neighbour::Neighbour,
    report::Report,
    tenant::{Platform, Tenant},
};
use crate::{demo::server::Server, guests, no_more, terminal, workspace_root};

const HELP: &str = "\
Builds the server and the guests, starts the server on an empty folder, gives every guest of
tests/guests/zoo a tenant of its own, and runs them in random order, several at a time, while
another tenant asks for tokens. Tells how the executions ended, whether each of the neighbour's
tokens was right and how long it took, and whether the server's memory came back. Then kills a
server again and again in the midst of changes, logins and refreshes, and looks each time whether
everything that was answered is there. Fails when something was not as it should be.

Usage: cargo xtask soak [--executions <N>] [--seed <S>] [--kills <N>]

Options:
  --executions <N>  How many hostile executions to make [default: 1000]
  --seed <S>        Chooses their order [default: 1]
  --kills <N>       How often to kill a server [default: 100]
";

/// How many hostile executions are made unless it is said: about a minute's worth.
const EXECUTIONS_DEFAULT: usize = 1_000;

/// How often a server is killed unless it is said.
const KILLS_DEFAULT: usize = 100;

/// How many tokens of the neighbour's are measured in quiet times. The 99th percentile of
/// them is the fifth from the top.
const QUIET_TOKENS: usize = 500;

/// `cargo xtask soak`.
pub(crate) fn command(mut arguments: Arguments) -> Result<()> {
    if arguments.contains(["-h", "--help"]) {
        print!("{HELP}");
        return Ok(());
    }
    let executions = arguments
        .opt_value_from_str("--executions")?
        .unwrap_or(EXECUTIONS_DEFAULT);
    let seed = arguments.opt_value_from_str("--seed")?.unwrap_or(1);
    let kills = arguments
        .opt_value_from_str("--kills")?
        .unwrap_or(KILLS_DEFAULT);
    no_more(arguments, HELP)?;
    let root = workspace_root()?;
    run(&root, executions, seed)?;
    terminal::heading("Killing servers");
    kills::kill(&root, kills)
}

fn run(root: &Path, executions: usize, seed: u64) -> Result<()> {
    terminal::heading("Building the server and the guests");
    let program = Server::build(root, &[])?;
    guests::build_rust(root)?;
    let server = Server::start(root, &program, "soak", false)?;
    let bootstrap = server.bootstrap()?;

    terminal::heading("Setting up the neighbour and the zoo");
    let neighbour = Neighbour::move_in(root, Tenant::of_bootstrap(&bootstrap)?)?;
    let platform = Platform::of_bootstrap(&bootstrap)?;
    let zoo = zoo::cage_all(root, &platform)?;
    println!("  {} guests, each with a tenant of its own", zoo.len());
    let quiet = neighbour.ask_for(QUIET_TOKENS);
    println!("  {QUIET_TOKENS} of the neighbour's tokens in quiet times");

    terminal::heading("Letting the zoo loose");
    // Each guest once, so that the server has its working size.
    let lanes = thread::available_parallelism().map_or(4, |cores| cores.get() * 4);
    let first = hunt::let_loose(&zoo, &neighbour, zoo.len(), seed, lanes);
    let before = Memory::of(server.process_id())?;
    let hunt = hunt::let_loose(&zoo, &neighbour, executions, seed.wrapping_add(1), lanes);
    let after = Memory::of(server.process_id())?;

    let report = Report {
        hunt: first.and(hunt),
        quiet,
        before,
        after,
    };
    report.print();
    let stopped = server.stop()?;
    println!("\n  The server stopped in {}.", terminal::elapsed(stopped));
    let failures = report.failures();
    if failures.is_empty() {
        println!(
            "  {}",
            terminal::stdout().green("Everything was as it should be.")
        );
        return Ok(());
    }
    bail!("{}", failures.join("\n"))
}
