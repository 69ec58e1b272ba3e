//! A tenant beside one whose Actions all spin until their deadline.

use std::{thread, time::Duration};

use anyhow::{Result, anyhow};
use serde_json::json;

use crate::bench::{
    Bench,
    figures::Series,
    row::{Goal, Row, Unit},
    server::Server,
    tenant::Platform,
    wrk::{self, Answers, Load, Target},
};

/// How long the spinning tenant is asked before the neighbour is, and at least after it: by
/// then, all its places are taken.
const AHEAD: Duration = Duration::from_secs(2);

/// In turns, first one and then the other: the neighbour alone, and beside a tenant that is asked by 16 connections for
/// tokens whose Action never ends by itself.
pub(crate) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let data = bench.folder.join("neighbour");
    let server = Server::claimsmith(bench, &data)?;
    let platform = Platform::of(&server, &data)?;
    let neighbour = platform.tenant("neighbour", "ES256")?;
    neighbour.run_action(&bench.module("two-fields")?, None)?;
    neighbour.has_claim()?;
    let neighbour = neighbour.target();
    let spinning = platform.tenant("spinning", "ES256")?;
    spinning.run_action(
        &bench.module("scripted")?,
        Some(("SCRIPT", r#"[["loop"]]"#)),
    )?;
    let spinning = spinning.target();
    let load = Load::steady(bench.effort.turn);
    wrk::run(bench, &neighbour, load)?;
    let (mut quiet, mut beside) = (Series::default(), Series::default());
    let (mut quiet_rate, mut beside_rate) = (Series::default(), Series::default());
    let mut spun = Series::default();
    let mut quiet_turn = || -> Result<()> {
        let answers = wrk::run(bench, &neighbour, load)?;
        quiet.note(answers.p99_us / 1_000.0);
        quiet_rate.note(answers.per_second);
        Ok(())
    };
    let mut beside_turn = || -> Result<()> {
        let (answers, spinning) = while_spinning(bench, &neighbour, &spinning, load)?;
        beside.note(answers.p99_us / 1_000.0);
        beside_rate.note(answers.per_second);
        spun.note(spinning.per_second);
        Ok(())
    };
    let mut is_quiet_first = false;
    bench.each_round(|| {
        is_quiet_first = !is_quiet_first;
        if is_quiet_first {
            quiet_turn()?;
            beside_turn()
        } else {
            beside_turn()?;
            quiet_turn()
        }
    })?;
    Ok(vec![Row {
        measure: "a neighbour's token p99 while one tenant's Actions all spin to their deadline"
            .to_owned(),
        figure: beside.over(&quiet),
        unit: Unit::Ratio,
        goal: Some(Goal::AtMost(2.0)),
        beside: format!(
            "{beside} ms against {quiet} ms quiet; it gets {beside_rate}/s instead of \
             {quiet_rate}/s; {spun} executions/s reach their deadline"
        ),
        data: json!({
            "beside_p99_ms": beside.to_json(),
            "quiet_p99_ms": quiet.to_json(),
            "beside_per_second": beside_rate.to_json(),
            "quiet_per_second": quiet_rate.to_json(),
            "spinning_per_second": spun.to_json(),
        }),
    }])
}

/// The neighbour's answers and the spinning tenant's, asked at the same time.
fn while_spinning(
    bench: &Bench,
    neighbour: &Target,
    spinning: &Target,
    load: Load,
) -> Result<(Answers, Answers)> {
    let hostile = Load {
        duration: load.duration + 2 * AHEAD,
        rest_ms: 0,
        expects_errors: true,
    };
    thread::scope(|scope| {
        let spinning = scope.spawn(|| wrk::run(bench, spinning, hostile));
        thread::sleep(AHEAD);
        let answers = wrk::run(bench, neighbour, load);
        let spinning = spinning
            .join()
            .map_err(|_| anyhow!("the load of the spinning tenant panicked"))?;
        Ok((answers?, spinning?))
    })
}
