//! The first start: a tenant to begin with, and how to reach it.
//!
//! The tenant's admin client exists nowhere but in the tenant and in `bootstrap.json`,
//! so a start that is cut off must lose neither: the file is written first, under a
//! name that says that it isn't finished, and gets its own name when the tenant is
//! there. A next start finds the one name and finishes, or begins anew.

use std::{fs, path::Path};

use anyhow::Context as _;
use claimsmith_model::{Secret, TenantId};
use claimsmith_service::{NewTenant, Services, TenantSetup};
use serde_json::json;

use crate::master_key::{rename, write_private};

/// The file that tells how to reach the first tenant.
const FILE: &str = "bootstrap.json";
/// The same while the tenant isn't there, or only in part. No server has served with
/// this file in its folder.
const UNFINISHED: &str = "bootstrap.json.unfinished";
/// The first tenant's name.
const TENANT: &str = "dev";

/// Makes the first tenant when there is none, and writes `bootstrap.json`.
///
/// # Errors
/// When the tenant or the file can't be made.
pub(crate) async fn run(
    services: &Services,
    data_dir: &Path,
    public_url: &str,
    platform_token: &Secret,
) -> anyhow::Result<()> {
    let (file, unfinished) = (data_dir.join(FILE), data_dir.join(UNFINISHED));
    let id: TenantId = TENANT.parse().context("the first tenant's name")?;
    let was_cut_off = unfinished
        .try_exists()
        .with_context(|| format!("can't look at {}", unfinished.display()))?;
    if was_cut_off {
        if let Some(tenant) = services.tenants.by_id(&id) {
            if tenant.has_admin().await? {
                rename(&unfinished, &file)?;
                tracing::info!(tenant = TENANT, file = %file.display(), "finished the first start");
                return Ok(());
            }
            let deleted = services.tenants.delete(&id).await;
            deleted.context("the half-made first tenant can't be deleted")?;
        }
        fs::remove_file(&unfinished)
            .with_context(|| format!("can't remove {}", unfinished.display()))?;
    }
    if !services.tenants.all().is_empty() {
        return Ok(());
    }

    let local = ["localhost", "127.0.0.1", "[::1]"];
    let new = NewTenant {
        id,
        public_url: public_url.to_owned(),
        domains: local.map(str::to_owned).to_vec(),
    };
    let setup = services
        .tenants
        .plan(new)
        .context("the first tenant can't be made")?;
    write_private(&unfinished, contents(&setup, platform_token)?.as_bytes())?;
    let created = services.tenants.create_planned(&setup).await;
    created.context("the first tenant can't be made")?;
    rename(&unfinished, &file)?;
    tracing::info!(tenant = TENANT, issuer = setup.tenant.issuer, file = %file.display(),
        "made the first tenant; the file has its admin client and the platform token");
    Ok(())
}

fn contents(setup: &TenantSetup, platform_token: &Secret) -> anyhow::Result<String> {
    let contents = json!({
        "tenant": setup.tenant.id,
        "issuer": setup.tenant.issuer,
        "management": {
            "client_id": setup.management_client_id,
            "client_secret": setup.management_client_secret.expose(),
            "audience": setup.management_audience,
        },
        "platform_token": platform_token.expose(),
    });
    Ok(format!("{}\n", serde_json::to_string_pretty(&contents)?))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use claimsmith_model::ClientId;
    use claimsmith_runtime::{ActionEngine, EngineConfig};
    use claimsmith_service::Environment;
    use claimsmith_storage::{MemoryExecutionLog, MemoryStorage, Storage};
    use serde_json::Value;
    use tempfile::TempDir;

    use super::*;
    use crate::{SystemClock, SystemRandom};

    const URL: &str = "http://localhost:8080/";

    /// A data folder whose tenants are in memory. It can be started several times.
    struct Data {
        folder: TempDir,
        storage: Arc<dyn Storage>,
    }

    impl Data {
        fn new() -> Self {
            Self {
                folder: tempfile::tempdir().unwrap(),
                storage: Arc::new(MemoryStorage::new()),
            }
        }

        async fn services(&self) -> Services {
            let environment = Environment {
                storage: Arc::clone(&self.storage),
                executions: Arc::new(MemoryExecutionLog::new()),
                engine: ActionEngine::new(EngineConfig::default()).unwrap(),
                clock: Arc::new(SystemClock),
                random: Arc::new(SystemRandom),
                reserved: Arc::default(),
                limits: Arc::default(),
                state_secret: Secret::new("state"),
            };
            Services::start(environment).await.unwrap()
        }

        async fn start(&self) {
            let services = self.services().await;
            let token = Secret::new("token");
            run(&services, self.folder.path(), URL, &token)
                .await
                .unwrap();
        }

        /// Does what a start does until it is cut off before the tenant is made.
        async fn begin(&self) -> TenantSetup {
            let new = NewTenant {
                id: TENANT.parse().unwrap(),
                public_url: URL.to_owned(),
                domains: Vec::new(),
            };
            let setup = self.services().await.tenants.plan(new).unwrap();
            let contents = contents(&setup, &Secret::new("token")).unwrap();
            write_private(&self.folder.path().join(UNFINISHED), contents.as_bytes()).unwrap();
            setup
        }

        /// The secret in `bootstrap.json`, which must be that of the client there.
        async fn secret(&self) -> String {
            let text = fs::read_to_string(self.folder.path().join(FILE)).unwrap();
            let bootstrap: Value = serde_json::from_str(&text).unwrap();
            let id: ClientId =
                serde_json::from_value(bootstrap["management"]["client_id"].clone()).unwrap();
            let secret = bootstrap["management"]["client_secret"].as_str().unwrap();
            let tenant = self.storage.tenant(&TENANT.parse().unwrap());
            let client = tenant.client(&id).await.unwrap().unwrap();
            assert_eq!(client.client_secret.expose(), secret);
            let audience = bootstrap["management"]["audience"].as_str().unwrap();
            let grant = tenant.client_grant(&id, audience).await.unwrap();
            assert!(grant.is_some());
            assert!(!self.folder.path().join(UNFINISHED).exists());
            secret.to_owned()
        }
    }

    #[tokio::test]
    async fn a_first_start_tells_how_to_reach_the_tenant_and_a_second_one_changes_nothing() {
        let data = Data::new();

        data.start().await;
        let first = data.secret().await;
        data.start().await;

        assert_eq!(data.secret().await, first);
    }

    #[tokio::test]
    async fn a_start_that_was_cut_off_before_the_tenant_is_made_anew() {
        let data = Data::new();
        let lost = data.begin().await;
        // Writing itself may have been cut off.
        fs::write(data.folder.path().join(UNFINISHED), "{\"ten").unwrap();

        data.start().await;

        assert_ne!(data.secret().await, lost.management_client_secret.expose());
    }

    #[tokio::test]
    async fn a_start_that_was_cut_off_amid_the_tenant_is_made_anew() {
        let data = Data::new();
        let lost = data.begin().await;
        data.storage.create_tenant(&lost.tenant).await.unwrap();

        data.start().await;

        assert_ne!(data.secret().await, lost.management_client_secret.expose());
    }

    #[tokio::test]
    async fn a_start_that_was_cut_off_after_the_tenant_is_finished() {
        let data = Data::new();
        let setup = data.begin().await;
        let tenants = data.services().await.tenants;
        tenants.create_planned(&setup).await.unwrap();

        data.start().await;

        assert_eq!(data.secret().await, setup.management_client_secret.expose());
    }

    #[tokio::test]
    async fn a_file_that_the_operator_deleted_does_not_come_back() {
        let data = Data::new();
        data.start().await;
        fs::remove_file(data.folder.path().join(FILE)).unwrap();

        data.start().await;

        let left: Vec<_> = fs::read_dir(data.folder.path()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}
