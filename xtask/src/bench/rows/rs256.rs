//! With RS256, a token should take what its signature takes.

use std::ffi::OsStr;

use anyhow::Result;
use serde_json::json;

use crate::bench::{
    Bench,
    figures::{Series, number},
    machine::PROCESSORS,
    row::{Goal, Row, Unit},
    server::Server,
    tenant::Platform,
    wrk::{self, Load},
};

/// In turns: the server under load, and the raw signature on as many threads.
pub(crate) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let data = bench.folder.join("rs256");
    let server = Server::claimsmith(bench, &data)?;
    let tenant = Platform::of(&server, &data)?.tenant("a", "RS256")?;
    tenant.run_action(&bench.module("two-fields")?, None)?;
    tenant.has_claim()?;
    let target = tenant.target();
    let load = Load::full(bench.effort.turn);
    wrk::run(bench, &target, load)?;
    let (mut token_us, mut raw_us, mut encoded_us) =
        (Series::default(), Series::default(), Series::default());
    let mut per_second = Series::default();
    bench.each_round(|| {
        let before = server.cpu_us()?;
        let answers = wrk::run(bench, &target, load)?;
        token_us.note((server.cpu_us()? - before) / answers.requests as f64);
        per_second.note(answers.per_second);
        let threads = PROCESSORS.to_string();
        let milliseconds = bench.effort.turn.as_millis().min(2_000).to_string();
        let arguments = ["signing", &threads, &milliseconds].map(OsStr::new);
        let figures = bench.within_process(&arguments)?;
        raw_us.note(number(&figures, "/raw_rs256_cpu_ns")? / 1_000.0);
        encoded_us.note(number(&figures, "/token_rs256_cpu_ns")? / 1_000.0);
        Ok(())
    })?;
    Ok(vec![Row {
        measure: "RS256-2048, one bound Action: raw signing's share of the server's processor \
                  time for a token"
            .to_owned(),
        figure: raw_us.over(&token_us),
        unit: Unit::Ratio,
        goal: Some(Goal::AtLeast(0.85)),
        beside: format!(
            "{raw_us} µs of {token_us} µs; {per_second} tokens/s; signing with the token's text \
             made {encoded_us} µs"
        ),
        data: json!({
            "raw_us": raw_us.to_json(),
            "token_us": token_us.to_json(),
            "signing_us": encoded_us.to_json(),
            "per_second": per_second.to_json(),
        }),
    }])
}
