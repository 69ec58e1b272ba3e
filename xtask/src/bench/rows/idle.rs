//! The memory of a server that does nothing.

use anyhow::Result;
use serde_json::json;

use crate::bench::{
    Bench,
    figures::Series,
    row::{Goal, Row, Unit},
    server::Server,
    tenant::Platform,
    wrk::{self, Load},
};

/// The resident set when it has started, on data with two tenants and an Action; and after a
/// load, when nothing is asked any more.
pub(crate) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let data = bench.folder.join("idle");
    let server = Server::claimsmith(bench, &data)?;
    let tenant = Platform::of(&server, &data)?.tenant("a", "ES256")?;
    tenant.run_action(&bench.module("two-fields")?, None)?;
    let mut target = tenant.target();
    server.stop()?;
    let (mut idle, mut after) = (Series::default(), Series::default());
    bench.each_round(|| {
        let server = Server::claimsmith(bench, &data)?;
        idle.note(server.memory_mib()?);
        target.address = server.address;
        wrk::run(bench, &target, Load::full(bench.effort.turn))?;
        after.note(server.memory_mib()?);
        server.stop()
    })?;
    Ok(vec![Row {
        measure: "idle memory".to_owned(),
        figure: idle,
        unit: Unit::Mebibytes,
        goal: Some(Goal::AtMost(60.0)),
        beside: format!(
            "right after a load of {} s {after} MiB",
            bench.effort.turn.as_secs()
        ),
        data: json!({"after_load_mib": after.to_json()}),
    }])
}
