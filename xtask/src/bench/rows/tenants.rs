//! Many tenants against one, under the same load.

use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{
    bench::{
        Bench,
        figures::Series,
        row::{Goal, Row, Unit},
        server::Server,
        tenant,
        wrk::{self, Load, Target},
    },
    demo::api::text,
};

/// One server that has all tenants. In turns, the load is for one of them, and for all of
/// them one after another.
pub(crate) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let data = bench.folder.join("tenants");
    // The first start makes what a data folder begins with.
    Server::claimsmith(bench, &data)?.stop()?;
    let count = bench.effort.tenants;
    let began = Instant::now();
    let guest = bench.guest("two-fields");
    let furnished = bench.within_process(&[
        "tenants".as_ref(),
        data.as_os_str(),
        count.to_string().as_ref(),
        guest.as_os_str(),
    ])?;
    println!(
        "  {count} tenants were written in {:.1} s",
        began.elapsed().as_secs_f64()
    );
    let server = Server::claimsmith(bench, &data)?;
    let many = target(&server, &furnished)?;
    let memory_before = server.memory_mib()?;
    let began = Instant::now();
    // With its first token, a tenant gets its key, and comes into memory.
    tenant::ask_each(&many)?;
    let first_tokens_s = began.elapsed().as_secs_f64();
    let memory_after = server.memory_mib()?;
    println!("  each gave a first token: {first_tokens_s:.1} s");
    let one = Target {
        requests: many.requests.iter().take(1).cloned().collect(),
        ..many.clone()
    };
    let load = Load::steady_half(bench.effort.turn);
    let (mut p99_one, mut p99_many) = (Series::default(), Series::default());
    let (mut rate_one, mut rate_many) = (Series::default(), Series::default());
    bench.each_round(|| {
        p99_one.note(wrk::run(bench, &one, load)?.p99_us / 1_000.0);
        p99_many.note(wrk::run(bench, &many, load)?.p99_us / 1_000.0);
        p99_many.note(wrk::run(bench, &many, load)?.p99_us / 1_000.0);
        p99_one.note(wrk::run(bench, &one, load)?.p99_us / 1_000.0);
        let full = Load::full(bench.effort.turn);
        rate_one.note(wrk::run(bench, &one, full)?.per_second);
        rate_many.note(wrk::run(bench, &many, full)?.per_second);
        Ok(())
    })?;
    Ok(vec![Row {
        measure: format!("token p99 with {count} tenants against one, same load"),
        figure: p99_many.over(&p99_one),
        unit: Unit::Ratio,
        goal: Some(Goal::AtMost(1.2)),
        beside: format!(
            "{p99_many} ms against {p99_one} ms at 1,500 tokens/s; at full load {rate_many}/s \
             against {rate_one}/s; start {:.2} s; memory {memory_before:.0} MiB, and \
             {memory_after:.0} MiB when each tenant has given a token, each Action's module the \
             same",
            server.start.as_secs_f64()
        ),
        data: json!({
            "many_p99_ms": p99_many.to_json(),
            "one_p99_ms": p99_one.to_json(),
            "many_per_second": rate_many.to_json(),
            "one_per_second": rate_one.to_json(),
            "start_s": server.start.as_secs_f64(),
            "first_tokens_s": first_tokens_s,
            "memory_mib": memory_before,
            "memory_after_first_tokens_mib": memory_after,
        }),
    }])
}

/// All tenants, in their order, as `claimsmith-bench tenants` has made them.
fn target(server: &Server, furnished: &Value) -> Result<Target> {
    let hosts = furnished.get("hosts").and_then(Value::as_array);
    let hosts = hosts.context("the tenants have no hosts")?;
    let of = |pointer| text(furnished, pointer);
    let (id, secret) = (of("/client_id")?, of("/client_secret")?);
    let audience = of("/audience")?;
    Ok(Target {
        address: server.address,
        path: "/oauth/token",
        requests: hosts
            .iter()
            .filter_map(Value::as_str)
            .map(|host| tenant::request(host, id, secret, audience))
            .collect(),
    })
}
