//! The start of a server that has many Actions.

use std::time::Instant;

use anyhow::Result;
use serde_json::json;

use crate::bench::{
    Bench,
    figures::Series,
    row::{Goal, Row, Unit},
    server::Server,
    tenant::{self, ActionId, Platform, Tenant},
    variant,
    wrk::Target,
};

/// Deployed and bound in each tenant.
const ACTIONS_OF_A_TENANT: usize = 10;

/// As many modules that differ; the others are the same as another tenant's.
const MODULES: usize = 100;

pub(crate) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let data = bench.folder.join("start");
    let server = Server::claimsmith(bench, &data)?;
    let mut target = furnish(bench, &Platform::of(&server, &data)?)?;
    server.stop()?;
    let (mut start, mut memory) = (Series::default(), Series::default());
    let (mut first_tokens, mut memory_after) = (Series::default(), Series::default());
    bench.each_round(|| {
        let server = Server::claimsmith(bench, &data)?;
        start.note(server.start.as_secs_f64());
        memory.note(server.memory_mib()?);
        let asked = Instant::now();
        target.address = server.address;
        tenant::ask_each(&target)?;
        first_tokens.note(asked.elapsed().as_secs_f64());
        memory_after.note(server.memory_mib()?);
        server.stop()
    })?;
    let tenants = target.requests.len();
    let actions = tenants * ACTIONS_OF_A_TENANT;
    Ok(vec![Row {
        measure: format!(
            "start with {actions} deployed Actions in {tenants} tenants until /healthz answers"
        ),
        figure: start,
        unit: Unit::Seconds,
        goal: Some(Goal::AtMost(2.0)),
        beside: format!(
            "memory then {memory} MiB; a first token of each tenant takes {first_tokens} s in \
             all, and memory is then {memory_after} MiB"
        ),
        data: json!({
            "memory_mib": memory.to_json(),
            "first_tokens_s": first_tokens.to_json(),
            "memory_after_first_tokens_mib": memory_after.to_json(),
        }),
    }])
}

/// Makes the tenants with their Actions over the APIs; answers whom to ask for tokens.
fn furnish(bench: &Bench, platform: &Platform) -> Result<Target> {
    let module = bench.module("two-fields")?;
    let tenants = bench.effort.tenants_with_actions;
    let mut requests = Vec::new();
    let mut address = None;
    for number in 0..tenants {
        let tenant = platform.tenant(&format!("tenant-{number}"), "ES256")?;
        let actions = (0..ACTIONS_OF_A_TENANT)
            .map(|action| {
                let module_number = (number * ACTIONS_OF_A_TENANT + action) % MODULES;
                deployed(&tenant, action, &variant(&module, module_number as u64))
            })
            .collect::<Result<Vec<_>>>()?;
        tenant.bind(&actions.iter().collect::<Vec<_>>())?;
        tenant.has_claim()?;
        let target = tenant.target();
        address = Some(target.address);
        requests.extend(target.requests);
        if (number + 1).is_multiple_of(25) {
            println!("  {} of {tenants} tenants are furnished", number + 1);
        }
    }
    let address = address.unwrap_or_else(|| ([127, 0, 0, 1], 0).into());
    Ok(Target {
        address,
        path: "/oauth/token",
        requests,
    })
}

fn deployed(tenant: &Tenant, number: usize, module: &[u8]) -> Result<ActionId> {
    let action = tenant.create_action(&format!("action-{number}"), None)?;
    tenant.deploy(&action, module)?;
    Ok(action)
}
