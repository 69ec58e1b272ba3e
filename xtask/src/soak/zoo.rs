//! The guests of `tests/guests/zoo` that can be uploaded, as `zoo.json` lists them.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use serde_json::Value;

use super::tenant::{Action, Job, Platform, Tenant};
use crate::demo::api::text;

/// A hostile guest with a tenant in which it is bound alone.
pub(crate) struct Beast {
    /// Its name in `zoo.json`.
    pub(crate) name: String,
    /// How it should end: `issued`, or the record's word for its fault.
    pub(crate) expected: String,
    tenant: Tenant,
    job: Job,
}

/// How an execution ended.
pub(crate) enum Ending {
    /// As the record says; the fault, if any, was the Action's own.
    Outcome(String),
    /// There was no place for it.
    Busy,
    /// It should never end so.
    Wrong(String),
}

/// Gives each guest of the zoo a tenant.
pub(crate) fn cage_all(root: &Path, platform: &Platform) -> Result<Vec<Beast>> {
    let folder = root.join("tests/guests/zoo");
    let list = folder.join("zoo.json");
    let list_text =
        fs::read_to_string(&list).with_context(|| format!("reading {}", list.display()))?;
    let entries: Vec<Value> = serde_json::from_str(&list_text)
        .with_context(|| format!("{} is no list in JSON", list.display()))?;
    entries
        .iter()
        .map(|entry| cage(root, &folder, platform, entry))
        .collect()
}

fn cage(root: &Path, folder: &Path, platform: &Platform, entry: &Value) -> Result<Beast> {
    let name = text(entry, "/beast")?;
    let module = text(entry, "/module")?;
    let script = text(entry, "/script")?;
    let module = if module.ends_with(".wat") {
        wat::parse_file(folder.join("wat").join(module))?
    } else {
        read_guest(root, module)?
    };
    let tenant = platform.create_tenant(name)?;
    let job = tenant.job("hostile")?;
    tenant.bind(&Action {
        name,
        module: &module,
        secret: (!script.is_empty()).then_some(("BEAST", script)),
    })?;
    Ok(Beast {
        name: name.to_owned(),
        expected: text(entry, "/outcome")?.to_owned(),
        tenant,
        job,
    })
}

/// A guest's module, as `cargo xtask guests` built it.
pub(crate) fn read_guest(root: &Path, name: &str) -> Result<Vec<u8>> {
    let file = root.join("target/guests").join(name).with_extension("wasm");
    fs::read(&file).with_context(|| format!("reading {}", file.display()))
}

impl Beast {
    /// Runs it once.
    pub(crate) fn run(&self) -> Ending {
        self.try_run()
            .unwrap_or_else(|error| Ending::Wrong(format!("{error:#}")))
    }

    fn try_run(&self) -> Result<Ending> {
        let answer = self.tenant.token(&self.job)?;
        if [429, 503].contains(&answer.status) {
            return Ok(Ending::Busy);
        }
        let Some(id) = &answer.execution_id else {
            let (status, body) = (answer.status, answer.body);
            return Ok(Ending::Wrong(format!("no execution: {status} {body}")));
        };
        let record = self.tenant.execution(id)?;
        let outcome = text(&record, "/outcome")?;
        if outcome != "failed" {
            return Ok(Ending::Outcome(outcome.to_owned()));
        }
        if answer.status != 400 || text(&record, "/results/0/error/blame")? != "action" {
            return Ok(Ending::Wrong(format!("{}: {record}", answer.status)));
        }
        let fault = text(&record, "/results/0/error/id")?;
        Ok(Ending::Outcome(fault.to_owned()))
    }
}
