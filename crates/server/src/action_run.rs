//! `claimsmith action run`: an Action on the author's own machine.

use std::{fs, io::Write as _, path::Path, process::ExitCode};

use anyhow::{Context as _, bail};
use claimsmith_model::{
    ActionSecret, AllowedHosts, ClaimSettings, Clock as _, Event, JsonObject, OnRefusal, Timestamp,
};
use claimsmith_runtime::{ActionEngine, CodeSetup, EngineConfig};
use claimsmith_service::{LocalReport, LocalRun, run_locally};
use serde_json::json;

use crate::{SystemClock, cli, compiler, limit_options};

/// The largest event file, in bytes; a user's profile is at most 1 MB.
const EVENT_BYTES_MAX: u64 = 4 << 20;

/// Runs the module and prints the report.
///
/// # Errors
/// When a file can't be read, or the module would be refused as an upload.
pub(crate) async fn run(run: cli::Run) -> anyhow::Result<ExitCode> {
    let event = read_event(&run.event)?;
    let module = fs::read(&run.module)
        .with_context(|| format!("the module {} can't be read", run.module.display()))?;
    let now = SystemClock.now();
    let config = EngineConfig {
        executions_max: 1,
        ..EngineConfig::of(&limit_options::of_a_run(&run.limits)?)
    };
    // In a process of its own as on a server: what a module does to its compiler is then
    // told in the same words.
    let code = CodeSetup {
        worker: Some(compiler(cli::THIS_PROGRAM.into())),
        folder: None,
    };
    let engine = ActionEngine::set_up(config, code, run.outgoing.network()?)?;
    let _ticker = engine
        .start_ticker()
        .context("the engine's ticker can't be started")?;
    let action = run
        .module
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let secrets = run.secrets.into_iter();
    let report = run_locally(
        &engine,
        LocalRun {
            module,
            action,
            trigger: run.trigger,
            event,
            claims: ClaimSettings {
                private_names: run.private_names.into(),
                on_refusal: OnRefusal::Drop,
            },
            issuer_hosts: run.issuer_hosts,
            secrets: secrets
                .map(|(name, value)| ActionSecret {
                    name,
                    value,
                    updated_at: now,
                })
                .collect(),
            allowed_hosts: AllowedHosts::parse(&run.allow_hosts)?,
            started_at: run.at_ms.map_or(now, Timestamp::from_millis),
            seed: run.seed,
        },
    )
    .await
    .with_context(|| run.module.display().to_string())?;

    let text = if run.json {
        as_json(&report)?
    } else {
        as_text(&report)?
    };
    std::io::stdout()
        .write_all(text.as_bytes())
        .context("can't print the report")?;
    let succeeded = report.fault.is_none() && report.denial.is_none();
    Ok(if succeeded {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}

fn read_event(file: &Path) -> anyhow::Result<Event> {
    let shown = file.display();
    let bytes = fs::metadata(file)
        .with_context(|| format!("the event {shown} can't be read"))?
        .len();
    if bytes > EVENT_BYTES_MAX {
        bail!("the event {shown} has {bytes} bytes; at most {EVENT_BYTES_MAX} are read");
    }
    let text =
        fs::read_to_string(file).with_context(|| format!("the event {shown} can't be read"))?;
    serde_json::from_str(&text).with_context(|| format!("the event {shown} is not an event"))
}

fn as_json(report: &LocalReport) -> anyhow::Result<String> {
    let report = json!({
        "trigger_id": report.trigger,
        "claims": { "access_token": report.access_token, "id_token": report.id_token },
        "refused": report.refused_claims,
        "refused_commands": report.refused_commands,
        "scopes": report.scopes,
        "denial": report.denial,
        "app_metadata": report.app_metadata,
        "user_metadata": report.user_metadata,
        "logs": report.logs,
        "log_bytes_dropped": report.log_bytes_dropped,
        "http_calls": report.http_calls,
        "usage": report.usage,
        "fault": report.fault,
    });
    Ok(format!("{}\n", serde_json::to_string_pretty(&report)?))
}

fn as_text(report: &LocalReport) -> anyhow::Result<String> {
    use std::fmt::Write as _;
    let mut text = String::new();
    let usage = &report.usage;
    writeln!(
        text,
        "{} ran in {} µs with {} KiB of memory",
        report.trigger,
        usage.wall_time_us,
        usage.memory_bytes_peak / 1024
    )?;
    if let Some(fault) = &report.fault {
        writeln!(
            text,
            "\nThe Action failed ({:?}): {}",
            fault.kind, fault.message
        )?;
    }
    if let Some(denial) = &report.denial {
        writeln!(text, "\nThe Action denied: {}", denial.reason)?;
    }
    section(
        &mut text,
        "Claims of the access token",
        &report.access_token,
    )?;
    section(&mut text, "Claims of the ID token", &report.id_token)?;
    section(&mut text, "Changes of app_metadata", &report.app_metadata)?;
    section(&mut text, "Changes of user_metadata", &report.user_metadata)?;
    if !report.refused_claims.is_empty() {
        writeln!(text, "\nRefused claims")?;
        for refused in &report.refused_claims {
            writeln!(text, "  {} ({})", refused.claim, refused.token)?;
            writeln!(
                text,
                "    {}: {}",
                refused.refusal.code, refused.refusal.message
            )?;
            writeln!(text, "    {}", refused.refusal.remedy)?;
        }
    }
    if !report.refused_commands.is_empty() {
        writeln!(text, "\nRefused commands")?;
        for refused in &report.refused_commands {
            writeln!(text, "  {}: {}", refused.command, refused.refusal.message)?;
            writeln!(text, "    {}", refused.refusal.remedy)?;
        }
    }
    if !report.http_calls.is_empty() {
        writeln!(text, "\nHTTP calls")?;
        for call in &report.http_calls {
            write!(text, "  {} {}:", call.method, call.origin)?;
            if let Some(status) = call.status {
                write!(text, " {status}")?;
            }
            if let Some(error) = &call.error {
                write!(text, " {error}")?;
            }
            writeln!(text, " after {} ms", call.duration_us / 1000)?;
        }
    }
    if !report.logs.is_empty() {
        writeln!(text, "\nLog")?;
        for line in &report.logs {
            writeln!(
                text,
                "  {:<5} {}",
                format!("{:?}", line.level).to_lowercase(),
                line.message
            )?;
        }
    }
    if report.log_bytes_dropped > 0 {
        writeln!(
            text,
            "  ({} bytes beyond the limit were dropped)",
            report.log_bytes_dropped
        )?;
    }
    Ok(text)
}

fn section(text: &mut String, title: &str, entries: &JsonObject) -> std::fmt::Result {
    use std::fmt::Write as _;
    if entries.is_empty() {
        return Ok(());
    }
    writeln!(text, "\n{title}")?;
    entries
        .iter()
        .try_for_each(|(name, value)| writeln!(text, "  {name}: {value}"))
}
