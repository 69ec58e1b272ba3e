//! `claimsmith-bench`: measurements that need the product's crates in the same process.
//! `cargo xtask bench` builds and runs it, and puts its figures into the table.
//!
//! Each command prints one JSON object: times in nanoseconds, sizes in bytes.
#![expect(clippy::print_stdout, reason = "its figures go to stdout")]
#![expect(clippy::print_stderr, reason = "its errors go to stderr")]

mod clock;
mod execution;
mod floor;
mod floor_server;
mod from_disk;
mod issuing;
mod many_tenants;
mod signing;
mod stored;
mod storing;
mod workload;

use std::{env, path::Path, process::ExitCode, str::FromStr};

use anyhow::{Context, Result, bail};
use serde_json::Value;

const HELP: &str = "\
Usage: claimsmith-bench <COMMAND>

Commands:
  execution <MODULE> <ROUNDS>            One execution of the module, and wasmtime's own floor
  floor-server <ADDRESS>                 Serves tokens by HTTP and a signature alone, for ever
  from-disk <MODULE> <VERSIONS>          First executions of versions whose code is on disk only
  issuing <MODULE> <THREADS> <TOKENS>    Issuing a token without HTTP, with an Action and without
  signing <THREADS> <MILLISECONDS>       RS256 and ES256: the raw signature and the whole token
  storage <ROUNDS>                       What a client credentials request reads of the store
  tenants <DATA_DIR> <COUNT> <MODULE>    Furnishes tenants in the data of a server that is
                                         stopped, and prints whom to ask for tokens
";

fn main() -> ExitCode {
    match run(&env::args().skip(1).collect::<Vec<_>>()) {
        Ok(figures) => {
            println!("{figures}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("claimsmith-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<Value> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments.as_slice() {
        ["execution", module, rounds] => execution::measure(Path::new(module), number(rounds)?),
        ["floor-server", address] => floor_server::serve(address),
        ["from-disk", module, versions] => from_disk::measure(Path::new(module), number(versions)?),
        ["issuing", module, threads, tokens] => {
            issuing::measure(Path::new(module), number(threads)?, number(tokens)?)
        }
        ["signing", threads, milliseconds] => {
            signing::measure(number(threads)?, number(milliseconds)?)
        }
        ["storage", rounds] => storing::measure(number(rounds)?),
        ["tenants", data, count, module] => {
            many_tenants::furnish(Path::new(data), number(count)?, Path::new(module))
        }
        _ => bail!("this is not understood\n\n{HELP}"),
    }
}

fn number<N: FromStr>(text: &str) -> Result<N>
where
    N::Err: std::error::Error + Send + Sync + 'static,
{
    text.parse()
        .with_context(|| format!("`{text}` is no number"))
}
