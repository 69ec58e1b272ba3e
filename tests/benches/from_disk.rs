//! The first execution of a version whose code is on disk and not in memory.

use std::{path::Path, time::Instant};

use anyhow::{Context, Result, bail};
use claimsmith_model::Secret;
use claimsmith_runtime::{ActionEngine, CodeFolder, CodeSetup, EngineConfig, OutgoingNetwork};
use serde_json::{Value, json};

use crate::{
    clock::Times,
    workload::{self, Workload},
};

/// Compiles so many versions with one engine, and runs each once with another one that
/// finds their code on disk. The files are in the system's cache, as after a restart of
/// the server and not of the machine.
///
/// Counted is what the first token request waits for: finding the code, checking it,
/// linking it, getting a place, running.
pub(crate) fn measure(module: &Path, versions: u64) -> Result<Value> {
    let module = workload::read(module)?;
    let folder = tempfile::tempdir().context("making a folder")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let first = engine(folder.path())?;
        let mut digests = Vec::new();
        for number in 0..versions {
            let version = workload::variant(&module, number);
            let action = workload::compiled(&first, version).await?;
            digests.push(action.info().sha256.clone());
        }
        drop(first);

        let second = engine(folder.path())?;
        let _ticker = second.start_ticker()?;
        let workload = Workload::new();
        let (mut loads, mut wholes) = (Times::default(), Times::default());
        for digest in &digests {
            let invocation = workload.invocation();
            let started = Instant::now();
            let Some(action) = second.find(digest).await else {
                bail!("a version's code is not on the disk");
            };
            let loaded = started.elapsed();
            let place = second.enter(&workload::share()).await?;
            let outcome = second.execute(&place, &action, invocation).await;
            let took = started.elapsed();
            workload::check(&outcome)?;
            loads.note(loaded);
            wholes.note(took);
        }
        let figures = second.figures().code;
        if figures.compiled > 0 || figures.from_disk != versions {
            bail!("the code was not taken from the disk: {figures:?}");
        }
        Ok(json!({"first_execution": wholes.figures(), "loading": loads.figures()}))
    })
}

fn engine(folder: &Path) -> Result<ActionEngine> {
    let code = CodeSetup {
        worker: None,
        folder: Some(CodeFolder {
            path: folder.to_owned(),
            secret: Secret::new("of this bench"),
        }),
    };
    let config = EngineConfig::default();
    Ok(ActionEngine::set_up(
        config,
        code,
        OutgoingNetwork::default(),
    )?)
}
