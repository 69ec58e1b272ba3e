//! Times calls of an Extism plugin, and prints one JSON object, times in nanoseconds:
//! `warm`, calls of one instance that lives on, as Extism is mostly used; and `fresh`, a
//! new instance of the compiled plugin for each call.
//!
//! Usage: extism-peer PLUGIN ROUNDS

use std::{env, error::Error, fs, time::Instant};

use extism::{CompiledPlugin, Manifest, Plugin, PluginBuilder, Wasm};

const EVENT: &str = r#"{"client_name":"job","department":"finance"}"#;
const CLAIM: &str = r#"{"name":"https://example.com/department","value":"job of finance"}"#;

/// Calls of one kind before it is the other's turn.
const IN_A_ROW: usize = 1_000;

/// A fresh instance takes a hundred times as long, so fewer of them are enough.
const FRESH_IN_A_ROW: usize = 50;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().collect();
    let [_, plugin, rounds] = arguments.as_slice() else {
        return Err("usage: extism-peer PLUGIN ROUNDS".into());
    };
    let rounds: usize = rounds.parse()?;
    let manifest = Manifest::new([Wasm::data(fs::read(plugin)?)]);
    let compiled = CompiledPlugin::new(PluginBuilder::new(manifest))?;
    let mut living = Plugin::new_from_compiled(&compiled)?;
    let (mut warm, mut fresh) = (Vec::new(), Vec::new());
    // The first round warms up, and isn't kept.
    for round in 0..=rounds {
        for _ in 0..IN_A_ROW {
            let started = Instant::now();
            let claim: &str = living.call("set_claim", EVENT)?;
            let took = started.elapsed();
            if claim != CLAIM {
                return Err(format!("the plugin answered {claim}").into());
            }
            if round > 0 {
                warm.push(took.as_nanos());
            }
        }
        for _ in 0..FRESH_IN_A_ROW {
            let started = Instant::now();
            let mut plugin = Plugin::new_from_compiled(&compiled)?;
            let is_right = plugin.call::<&str, &str>("set_claim", EVENT)? == CLAIM;
            drop(plugin);
            let took = started.elapsed();
            if !is_right {
                return Err("a fresh plugin answered otherwise".into());
            }
            if round > 0 {
                fresh.push(took.as_nanos());
            }
        }
    }
    println!(r#"{{"warm":{},"fresh":{}}}"#, figures(warm), figures(fresh));
    Ok(())
}

fn figures(mut times: Vec<u128>) -> String {
    times.sort_unstable();
    let at = |hundredth: usize| times[(times.len() * hundredth).div_ceil(100).saturating_sub(1)];
    format!(
        r#"{{"samples":{},"p50_ns":{},"p99_ns":{},"min_ns":{},"max_ns":{}}}"#,
        times.len(),
        at(50),
        at(99),
        at(0),
        at(100)
    )
}
