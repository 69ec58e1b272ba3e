//! What a client credentials request reads from the storage.

use anyhow::{Context, Result, bail};
use claimsmith_storage::{MasterKey, Storage};
use claimsmith_storage_sled::SledStorage;
use serde_json::{Value, json};

use crate::{
    clock::thread_cpu_ns,
    stored::{self, AUDIENCE, CLIENT_ID},
    workload::TENANT,
};

/// Reads the client, the API and the client's grant for it so many times, as each request
/// does, from one thread, and answers the processor time of one such set.
pub(crate) fn measure(rounds: u64) -> Result<Value> {
    let folder = tempfile::tempdir().context("making a folder")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        // A key for data that is gone when this ends.
        let storage =
            SledStorage::open(folder.path(), &MasterKey::parse(&"ab".repeat(32))?).await?;
        stored::write_tenant(&storage, TENANT, "of this bench", None).await?;
        let store = storage.tenant(&TENANT.parse()?);
        let client_id = CLIENT_ID.parse()?;
        let before = thread_cpu_ns()?;
        for _ in 0..rounds {
            let client = store.client(&client_id).await?;
            let api = store.resource_server_by_identifier(AUDIENCE).await?;
            let grant = store.client_grant(&client_id, AUDIENCE).await?;
            if client.is_none() || api.is_none() || grant.is_none() {
                bail!("what was written can't be read");
            }
        }
        let took = thread_cpu_ns()?.saturating_sub(before);
        Ok(json!({"reads_of_a_request_cpu_ns": took.checked_div(rounds)}))
    })
}
