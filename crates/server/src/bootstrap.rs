//! The first start: a tenant to begin with, and how to reach it.

use std::{fs, path::Path};

use anyhow::Context as _;
use claimsmith_model::Secret;
use claimsmith_service::{NewTenant, Services, TenantSetup};
use serde_json::json;

use crate::master_key::write_private;

/// The file that tells how to reach the first tenant.
const FILE: &str = "bootstrap.json";
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
    if !services.tenants.all().is_empty() {
        return Ok(());
    }
    let file = data_dir.join(FILE);
    if file.exists() {
        // Left by a start that was cut off before its tenant was made.
        fs::remove_file(&file).with_context(|| format!("can't remove {}", file.display()))?;
    }
    let local = ["localhost", "127.0.0.1", "[::1]"];
    let setup = services
        .tenants
        .create(NewTenant {
            id: TENANT.parse().context("the first tenant's name")?,
            public_url: public_url.to_owned(),
            domains: local.map(str::to_owned).to_vec(),
        })
        .await
        .context("the first tenant can't be made")?;
    write_private(&file, contents(&setup, platform_token)?.as_bytes())?;
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
