//! Thousands of tenants, written to the data of a server that is stopped.
//!
//! By the APIs, each tenant would need a token for its Management API, and with it an RSA
//! key: a tenth of a second each. What the tenants have is what the APIs would have stored.

use std::{fs, path::Path, sync::Arc};

use anyhow::{Context, Result};
use claimsmith_model::ModuleInfo;
use claimsmith_runtime::{ActionEngine, EngineConfig};
use claimsmith_storage::MasterKey;
use claimsmith_storage_sled::SledStorage;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    stored::{self, AUDIENCE, CLIENT_ID, Module},
    workload,
};

/// Tenants that are written at once: the storage writes what comes together together.
const AT_ONCE: usize = 64;

/// Furnishes tenants `many-0` and so on, each with the Action, and answers how to ask them
/// for tokens.
pub(crate) fn furnish(data: &Path, count: usize, module: &Path) -> Result<Value> {
    let bytes = workload::read(module)?;
    let key = fs::read_to_string(data.join("master.key")).context("reading the master key")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let engine = ActionEngine::new(EngineConfig::default())?;
        let action = workload::compiled(&engine, Arc::clone(&bytes)).await?;
        let storage = SledStorage::open(data, &MasterKey::parse(&key)?).await?;
        let shared = Arc::new((storage, bytes, action.info().clone()));
        let mut writing = JoinSet::new();
        for number in 0..count {
            if writing.len() >= AT_ONCE
                && let Some(written) = writing.join_next().await
            {
                written??;
            }
            writing.spawn(write(Arc::clone(&shared), number));
        }
        while let Some(written) = writing.join_next().await {
            written??;
        }
        let hosts: Vec<_> = (0..count)
            .map(|number| stored::host(&name(number)))
            .collect();
        Ok(json!({
            "hosts": hosts,
            "client_id": CLIENT_ID,
            "client_secret": SECRET,
            "audience": AUDIENCE,
        }))
    })
}

/// The secret of every client: these tenants live for one bench, on this machine.
const SECRET: &str = "of-this-bench-and-of-nothing-else";

async fn write(shared: Arc<(SledStorage, Arc<[u8]>, ModuleInfo)>, number: usize) -> Result<()> {
    let (storage, bytes, info) = shared.as_ref();
    let module = Module { bytes, info };
    stored::write_tenant(storage, &name(number), SECRET, Some(&module))
        .await
        .with_context(|| format!("writing tenant {number}"))
}

fn name(number: usize) -> String {
    format!("many-{number}")
}
