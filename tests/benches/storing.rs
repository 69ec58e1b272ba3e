//! What a client credentials request reads from the storage.

use anyhow::{Context, Result, bail};
use claimsmith_storage::{MasterKey, Storage};
use claimsmith_storage_sled::SledStorage;
use serde_json::{Value, json};

use crate::{clock::thread_cpu_ns, stored, workload::TENANT};

/// Reads the stamp of a tenant's configuration so many times, as each request does, from one
/// thread, and answers the processor time of one reading. While the stamp stays the same, a
/// client credentials request reads nothing else.
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
        let stamp = store.configuration_stamp().await?;
        let before = thread_cpu_ns()?;
        for _ in 0..rounds {
            if store.configuration_stamp().await? != stamp {
                bail!("the stamp changed, and nobody changed anything");
            }
        }
        let took = thread_cpu_ns()?.saturating_sub(before);
        Ok(json!({"reads_of_a_request_cpu_ns": took.checked_div(rounds)}))
    })
}
