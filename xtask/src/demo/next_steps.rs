//! What to try with the server that `--keep` leaves running.

use std::io::Write as _;
use std::{fs, os::unix::fs::OpenOptionsExt as _, path::Path};

use anyhow::{Context, Result};

use super::{
    api::{Answer, Api},
    server::Server,
    tenant::{APP_AUDIENCE, EMAIL, JOB_AUDIENCE, PASSWORD, Tenant},
};
use crate::terminal;

/// Writes the variables that the commands use to a file, and prints the commands. The
/// secrets stand in the file alone, which only its owner can read.
pub(crate) fn write_and_print(
    root: &Path,
    server: &Server,
    issuer: &str,
    management: &Api,
    tenant: &Tenant,
    job: &Answer,
) -> Result<()> {
    let file = server.folder().join("variables.sh");
    write_private(&file, &variables(issuer, management, tenant, job)?)?;
    let shown = file.strip_prefix(root).unwrap_or(&file).display();
    let paint = terminal::stdout();
    terminal::heading("What to try next");
    println!(
        "  The server runs on. {}",
        paint.dim("In the project's folder:")
    );
    println!("\n  . {shown}");
    for (what, command) in commands() {
        println!(
            "\n  {}\n  {}",
            paint.dim(format!("# {what}")),
            command.replace('\n', "\n  ")
        );
    }
    println!("\n  {}", paint.dim("# Stop the server."));
    println!("  kill {}", server.process_id());
    Ok(())
}

fn variables(issuer: &str, management: &Api, tenant: &Tenant, job: &Answer) -> Result<String> {
    let execution = job.execution_id.as_deref().unwrap_or_default();
    let bearer = management
        .bearer()
        .context("the Management API is called without a token")?;
    let lines = [
        ("ISSUER", issuer),
        ("API", &format!("{issuer}api/v2")),
        ("MANAGE", &format!("Authorization: Bearer {bearer}")),
        ("JOB_ID", &tenant.job.id),
        ("JOB_SECRET", &tenant.job.secret),
        ("JOB_EXECUTION", execution),
        ("APP_ID", &tenant.app.id),
        ("APP_SECRET", &tenant.app.secret),
        ("LOGIN_EMAIL", EMAIL),
        ("LOGIN_PASSWORD", PASSWORD),
        ("ORGANIZATION", &tenant.organization_id),
        ("DEPARTMENT", &tenant.department_id),
    ];
    Ok(lines
        .iter()
        .map(|(name, value)| format!("{name}='{value}'\n"))
        .collect())
}

/// Commands for a shell that has read the variables, each with what it does.
fn commands() -> [(&'static str, String); 5] {
    [
        (
            "A token for the job; its payload has the department.",
            format!(
                "curl -si ${{ISSUER}}oauth/token -d grant_type=client_credentials \\\n  \
                 -d client_id=$JOB_ID -d client_secret=$JOB_SECRET -d audience={JOB_AUDIENCE}"
            ),
        ),
        (
            "Move the job to another department, then get its token again.",
            "curl -s -X PATCH $API/clients/$JOB_ID -H \"$MANAGE\" \\\n  \
             -H 'Content-Type: application/json' \\\n  \
             -d '{\"client_metadata\":{\"department\":\"research\"}}'"
                .to_owned(),
        ),
        (
            "A login. With claims.on_refusal set to fail, it would end with an error.",
            format!(
                "curl -si ${{ISSUER}}oauth/token -d grant_type=password -d client_id=$APP_ID \\\n  \
                 -d client_secret=$APP_SECRET -d username=$LOGIN_EMAIL -d password=$LOGIN_PASSWORD \\\n  \
                 -d organization=$ORGANIZATION -d audience={APP_AUDIENCE} -d scope=openid"
            ),
        ),
        (
            "What the job's Actions did: claims, refusals, logs, times.",
            "curl -s $API/actions/executions/$JOB_EXECUTION -H \"$MANAGE\"".to_owned(),
        ),
        (
            "Change example-actions/department/src/lib.rs, and put the new version to work.",
            "cargo xtask guests\n\
             curl -s -X PUT $API/actions/actions/$DEPARTMENT/module -H \"$MANAGE\" \\\n  \
             -H 'Content-Type: application/wasm' \\\n  \
             --data-binary @target/guests/department.wasm\n\
             curl -s -X POST $API/actions/actions/$DEPARTMENT/deploy -H \"$MANAGE\""
                .to_owned(),
        ),
    ]
}

/// Writes a file that only its owner can read, from its first byte on.
fn write_private(file: &Path, text: &str) -> Result<()> {
    let opened = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file);
    let mut opened = opened.with_context(|| format!("creating {}", file.display()))?;
    opened
        .write_all(text.as_bytes())
        .with_context(|| format!("writing {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_a_command_fits_the_terminal() {
        for (what, command) in commands() {
            for line in command.lines() {
                assert!(
                    line.len() + 2 <= super::super::layout::WIDTH,
                    "{what}: {line}"
                );
            }
        }
    }
}
