//! From the upload of a module to the first token that carries its claim.

use std::time::Instant;

use anyhow::{Result, bail};
use serde_json::json;

use crate::bench::{
    Bench,
    figures::Series,
    row::{Goal, Row, Unit},
    server::Server,
    tenant::{CLAIM, Platform, VALUE},
    variant,
};

/// A Rust Action of more than the 50 KB that the goal is for.
const GUEST: &str = "scripted";

/// Each round has an Action and a module that the server has never seen.
pub(crate) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let data = bench.folder.join("deploy");
    let server = Server::claimsmith(bench, &data)?;
    let tenant = Platform::of(&server, &data)?.tenant("a", "ES256")?;
    let module = bench.module(GUEST)?;
    let script = json!([["access_token", CLAIM, VALUE]]).to_string();
    let mut took = Series::default();
    let mut number = 0;
    bench.each_round(|| {
        number += 1;
        let module = variant(&module, number);
        let action =
            tenant.create_action(&format!("action-{number}"), Some(("SCRIPT", &script)))?;
        tenant.bind(&[])?;
        if tenant.claim()?.is_some() {
            bail!("a token has an Action's claim, and no Action is bound");
        }
        let started = Instant::now();
        tenant.deploy(&action, &module)?;
        tenant.bind(&[&action])?;
        tenant.has_claim()?;
        took.note(started.elapsed().as_secs_f64());
        Ok(())
    })?;
    Ok(vec![Row {
        measure: "deploy of a module of 50 KB or more, from upload to the first token with its \
                  claim"
            .to_owned(),
        figure: took,
        unit: Unit::Seconds,
        goal: Some(Goal::AtMost(0.5)),
        beside: format!(
            "a Rust Action of {} KB: upload, deploy, bind, token, each a request",
            module.len() / 1_000
        ),
        data: json!({"module_bytes": module.len()}),
    }])
}
