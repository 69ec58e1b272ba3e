//! One execution in a fresh sandbox, beside wasmtime's own floor and Extism's warm call.

use anyhow::Result;
use serde_json::json;

use crate::bench::{
    Bench,
    figures::{Series, number},
    peers::Extism,
    row::{Goal, Row, Unit},
};

/// Thousands of executions in one turn.
const THOUSANDS: &str = "20";

/// Turns of `claimsmith-bench execution`, which itself goes round between the execution and
/// the floors, and of the peer.
pub(crate) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let extism = Extism::build(&bench.root)?;
    let guest = bench.guest("two-fields");
    let names = [
        "/execution/p50_ns",
        "/execution/p99_ns",
        "/floor/two_stores/p50_ns",
        "/floor/two_stores_on_fibre/p50_ns",
        "/floor/linked_on_fibre/p50_ns",
        "/floor/empty/p50_ns",
    ];
    let mut ours = names.map(|_| Series::default());
    let (mut warm, mut fresh) = (Series::default(), Series::default());
    let mut pages = 0.0;
    bench.each_round(|| {
        let arguments = ["execution".as_ref(), guest.as_os_str(), THOUSANDS.as_ref()];
        let figures = bench.within_process(&arguments)?;
        for (name, series) in names.iter().zip(&mut ours) {
            series.note(number(&figures, name)? / 1_000.0);
        }
        pages = number(&figures, "/memory_pages")?;
        let arguments = [extism.plugin.as_os_str(), THOUSANDS.as_ref()];
        let figures = bench.figures(&extism.program, &arguments)?;
        warm.note(number(&figures, "/warm/p50_ns")? / 1_000.0);
        fresh.note(number(&figures, "/fresh/p50_ns")? / 1_000.0);
        Ok(())
    })?;
    let [p50, p99, floor, floor_on_fibre, floor_linked, floor_empty] = ours;
    Ok(vec![
        Row {
            measure: "one execution of a Rust Action, fresh instance, two fields read, one claim \
                      set, p50"
                .to_owned(),
            unit: Unit::Microseconds,
            goal: Some(Goal::AtMost(10.0)),
            beside: format!("p99 {p99} µs"),
            data: json!({"p99_us": p99.to_json()}),
            figure: p50.clone(),
        },
        Row {
            measure: "the same against wasmtime's own floor for a guest with the same memory"
                .to_owned(),
            figure: p50.over(&floor),
            unit: Unit::Ratio,
            goal: Some(Goal::AtMost(2.0)),
            beside: format!(
                "floor {floor} µs: {pages} pages of memory, two stores far apart; on a fibre \
                 {floor_on_fibre} µs; with no store {floor_empty} µs; on a fibre and linked as a \
                 component with imports is, {floor_linked} µs, of which an execution takes {} ×",
                p50.over(&floor_linked)
            ),
            data: json!({
                "floor_us": floor.to_json(),
                "floor_on_fibre_us": floor_on_fibre.to_json(),
                "floor_linked_on_fibre_us": floor_linked.to_json(),
                "floor_empty_us": floor_empty.to_json(),
                "memory_pages": pages,
            }),
        },
        Row {
            measure: "the same against a warm call of Extism 1.30 with equal work".to_owned(),
            figure: p50.over(&warm),
            unit: Unit::Ratio,
            goal: Some(Goal::Below(1.0)),
            beside: format!("Extism: {warm} µs warm, {fresh} µs with a fresh instance"),
            data: json!({"extism_warm_us": warm.to_json(), "extism_fresh_us": fresh.to_json()}),
        },
    ])
}
