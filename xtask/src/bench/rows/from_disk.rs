//! The first execution of a version whose code is on disk but not in memory.

use anyhow::Result;
use serde_json::json;

use crate::bench::{
    Bench,
    figures::{Series, number},
    row::{Goal, Row, Unit},
};

/// Versions of each round, each executed once.
const VERSIONS: &str = "20";

pub(crate) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let guest = bench.guest("two-fields");
    let (mut first, mut worst, mut loading) =
        (Series::default(), Series::default(), Series::default());
    bench.each_round(|| {
        let arguments = ["from-disk".as_ref(), guest.as_os_str(), VERSIONS.as_ref()];
        let figures = bench.within_process(&arguments)?;
        first.note(number(&figures, "/first_execution/p50_ns")? / 1e6);
        worst.note(number(&figures, "/first_execution/max_ns")? / 1e6);
        loading.note(number(&figures, "/loading/p50_ns")? / 1e6);
        Ok(())
    })?;
    Ok(vec![Row {
        measure: "first execution of a version whose code is on disk but not in memory, p50"
            .to_owned(),
        figure: first,
        unit: Unit::Milliseconds,
        goal: Some(Goal::AtMost(2.0)),
        beside: format!("of it loading {loading} ms; the worst of {VERSIONS} {worst} ms"),
        data: json!({"worst_ms": worst.to_json(), "loading_ms": loading.to_json()}),
    }])
}
