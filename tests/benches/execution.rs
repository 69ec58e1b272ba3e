//! One execution in a fresh sandbox, and beside it what wasmtime alone takes for a guest
//! with the same memory.

use std::{path::Path, time::Instant};

use anyhow::{Result, anyhow};
use claimsmith_runtime::{ActionEngine, EngineConfig};
use serde_json::{Value, json};

use crate::{
    clock::Times,
    floor::{Call, Floor, Layout},
    workload::{self, Workload},
};

/// Executions of one kind before it is the next kind's turn: some ten milliseconds, so
/// that a change of the machine's speed meets all kinds alike.
const IN_A_ROW: usize = 1_000;

/// Measures in turns: executions by the engine, then each floor.
///
/// An execution is the call of `ActionEngine::execute`: a new store, a new instance, the
/// handler's call with what it reads and sets, and giving all of it back. Making the
/// invocation beforehand is the service's work and isn't counted. One thread, with the
/// engine's ticker running, as in the server.
pub(crate) fn measure(module: &Path, rounds: usize) -> Result<Value> {
    let module = workload::read(module)?;
    let layout = Layout::of(&module)?;
    let config = EngineConfig::default();
    let engine = ActionEngine::new(config)?;
    let _ticker = engine.start_ticker()?;
    let floors = [
        ("two_stores", Floor::new(&config, &layout, Call::TwoStores)?),
        (
            "linked",
            Floor::new(&config, &layout, Call::TwoStoresLinked)?,
        ),
        ("empty", Floor::new(&config, &layout, Call::Nothing)?),
    ];
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let workload = Workload::new();
        let action = workload::compiled(&engine, module).await?;
        let place = engine.enter(&workload::share()).await?;
        let mut executions = Times::default();
        let mut floor_times: Vec<_> = floors
            .iter()
            .flat_map(|(name, floor)| {
                [false, true].map(|on_fibre| (*name, floor, on_fibre, Times::default()))
            })
            .collect();
        let mut peak_bytes = 0;
        // The first round warms up what is made on first use, and isn't kept.
        for round in 0..=rounds {
            for _ in 0..IN_A_ROW {
                let invocation = workload.invocation();
                let started = Instant::now();
                let outcome = engine.execute(&place, &action, invocation).await;
                let took = started.elapsed();
                workload::check(&outcome)?;
                peak_bytes = outcome.usage.memory_bytes_peak;
                if round > 0 {
                    executions.note(took);
                }
            }
            for (_, floor, on_fibre, times) in &mut floor_times {
                for _ in 0..IN_A_ROW {
                    let started = Instant::now();
                    let called = if *on_fibre {
                        floor.call_on_fibre().await
                    } else {
                        floor.call()
                    };
                    let took = started.elapsed();
                    called.map_err(|error| anyhow!("the floor's guest failed: {error:#}"))?;
                    if round > 0 {
                        times.note(took);
                    }
                }
            }
        }
        let floor: serde_json::Map<_, _> = floor_times
            .into_iter()
            .map(|(name, _, on_fibre, times)| {
                let kind = if on_fibre { "_on_fibre" } else { "" };
                (format!("{name}{kind}"), times.figures())
            })
            .collect();
        Ok(json!({
            "execution": executions.figures(),
            "floor": floor,
            "memory_pages": layout.pages,
            "memory_bytes_peak": peak_bytes,
        }))
    })
}
