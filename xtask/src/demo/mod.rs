//! `cargo xtask demo`: Claimsmith at work, from an empty folder to claims in signed
//! tokens. Everything it says comes from what the server really answered.

pub(crate) mod api;
mod browser;
mod layout;
mod next_steps;
mod report;
pub(crate) mod server;
mod tenant;
pub(crate) mod verify;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use pico_args::Arguments;
use serde_json::Value;

use self::{
    api::{Answer, Api, Request},
    server::Server,
    tenant::{APP_AUDIENCE, EMAIL, JOB_AUDIENCE, PASSWORD, SCOPE, Tenant},
    verify::Verified,
};
use crate::{guests, no_more, terminal, workspace_root};

const HELP: &str = "\
Builds the server and the example Actions, starts the server on an empty folder, uploads
the Actions, gets tokens over HTTP, verifies them, and shows what the Actions put into
them, what was refused and why.

Usage: cargo xtask demo [--keep]

Options:
  --keep  Leaves the server running, and says what to try with it
";

/// `cargo xtask demo`.
pub(crate) fn command(mut arguments: Arguments) -> Result<()> {
    if arguments.contains(["-h", "--help"]) {
        print!("{HELP}");
        return Ok(());
    }
    let keep = arguments.contains("--keep");
    no_more(arguments, HELP)?;
    run(&workspace_root()?, keep)
}

fn run(root: &Path, keep: bool) -> Result<()> {
    let started = Instant::now();
    let program = timed("Building the server and the Actions", || {
        let program = Server::build(root, &[])?;
        guests::build_examples(root)?;
        Ok(program)
    })?;
    let server = timed("Starting the server on an empty folder", || {
        let server = Server::start(root, &program, "demo", keep)?;
        println!(
            "  process {}, files in {}",
            server.process_id(),
            server.folder().display()
        );
        Ok(server)
    })?;
    let bootstrap = server.bootstrap()?;
    let issuer = api::text(&bootstrap, "/issuer")?;
    let api = Api::new(issuer);
    println!("  tenant {} at {issuer}", api::text(&bootstrap, "/tenant")?);

    let (management, tenant) = timed("Setting up the tenant by its Management API", || {
        let management = management_api(&api, issuer, &bootstrap)?;
        let tenant = tenant::set_up(&management, root)?;
        Ok((management, tenant))
    })?;
    let (job, login) = timed("Getting tokens", || {
        let job = job_token(&api, &tenant)?;
        let login = login_tokens(&api, &tenant)?;
        Ok((job, login))
    })?;
    let portal = timed("Logging in at the login page, as a browser does", || {
        browser::log_in(&api, issuer, &tenant)
    })?;
    let answers = Answers {
        job: &job,
        login: &login,
        portal: &portal,
    };
    show(&api, &management, issuer, &tenant, &answers)?;

    let took = terminal::elapsed(started.elapsed());
    if keep {
        next_steps::write_and_print(root, &server, issuer, &management, &tenant, &job)?;
        println!("\nDone in {took}.");
    } else {
        let stopped = server.stop()?;
        terminal::heading("What to try next");
        println!(
            "  The server was asked to stop and did, in {}.",
            terminal::elapsed(stopped)
        );
        println!("  cargo xtask demo --keep   leaves it running and says what to ask it");
        println!("  example-actions/          has the sources of the Actions that ran");
        println!("\nDone in {took}.");
    }
    Ok(())
}

/// The Management API, called with a token for it.
fn management_api(api: &Api, issuer: &str, bootstrap: &Value) -> Result<Api> {
    let answer = token(
        api,
        vec![
            ("grant_type", "client_credentials"),
            ("client_id", api::text(bootstrap, "/management/client_id")?),
            (
                "client_secret",
                api::text(bootstrap, "/management/client_secret")?,
            ),
            ("audience", api::text(bootstrap, "/management/audience")?),
        ],
    )
    .with_context(|| format!("getting a Management API token from {issuer}"))?;
    println!("  a Management API token, got by client credentials");
    Ok(api.below("api/v2/", answer.text("/access_token")?))
}

fn job_token(api: &Api, tenant: &Tenant) -> Result<Answer> {
    let answer = token(
        api,
        vec![
            ("grant_type", "client_credentials"),
            ("client_id", &tenant.job.id),
            ("client_secret", &tenant.job.secret),
            ("audience", JOB_AUDIENCE),
        ],
    )?;
    println!(
        "  {}: an access token by client credentials",
        tenant.job.name
    );
    Ok(answer)
}

fn login_tokens(api: &Api, tenant: &Tenant) -> Result<Answer> {
    let scope = format!("openid profile email {SCOPE}");
    let answer = token(
        api,
        vec![
            ("grant_type", "password"),
            ("client_id", &tenant.app.id),
            ("client_secret", &tenant.app.secret),
            ("username", EMAIL),
            ("password", PASSWORD),
            ("audience", APP_AUDIENCE),
            ("organization", &tenant.organization_id),
            ("scope", &scope),
        ],
    )?;
    println!(
        "  {}: an access and an ID token by {EMAIL}'s password",
        tenant.app.name
    );
    Ok(answer)
}

fn token(api: &Api, fields: Vec<(&str, &str)>) -> Result<Answer> {
    api.expect(200, &Request::form("oauth/token", fields))
}

/// What the token endpoint answered.
struct Answers<'a> {
    /// To the job.
    job: &'a Answer,
    /// To the app, for a password.
    login: &'a Answer,
    /// To the portal, for a code.
    portal: &'a Answer,
}

/// Verifies the tokens against the published keys, and prints them with the reports
/// of the executions that made them.
fn show(
    api: &Api,
    management: &Api,
    issuer: &str,
    tenant: &Tenant,
    answers: &Answers<'_>,
) -> Result<()> {
    let Answers { job, login, portal } = answers;
    let keys = api
        .expect(200, &Request::get(".well-known/jwks.json"))?
        .body;
    let verified = |answer: &Answer, member: &str, audience: &str| -> Result<Verified> {
        verify::verify(answer.text(member)?, &keys, issuer, audience)
            .with_context(|| format!("verifying the token at {member} of the answer"))
    };
    let job_access = verified(job, "/access_token", JOB_AUDIENCE)?;
    let login_access = verified(login, "/access_token", APP_AUDIENCE)?;
    let login_id = verified(login, "/id_token", &tenant.app.id)?;
    let portal_access = verified(portal, "/access_token", APP_AUDIENCE)?;
    let portal_id = verified(portal, "/id_token", &tenant.portal.id)?;
    println!(
        "\n  Signatures, issuer, audience and times of all tokens were checked against the issuer's"
    );
    println!("  key set; copies with other claims were not accepted. + marks what Actions put in.");

    terminal::heading(&format!("{}: client credentials", tenant.job.name));
    let execution = execution(management, job)?;
    report::print(&execution, &[("access_token", &job_access)])?;

    for (client, how, answer, access, id) in [
        (&tenant.app, "by password", login, &login_access, &login_id),
        (
            &tenant.portal,
            "in a browser",
            portal,
            &portal_access,
            &portal_id,
        ),
    ] {
        terminal::heading(&format!("{}: {EMAIL} logs in {how}", client.name));
        let execution = self::execution(management, answer)?;
        report::print(&execution, &[("access_token", access), ("id_token", id)])?;
    }
    Ok(())
}

/// The record of the trigger that ran for a token answer.
fn execution(management: &Api, answer: &Answer) -> Result<Value> {
    let id = answer.execution_id.as_deref();
    let id = id.context("a token answer has no header Claimsmith-Execution-Id")?;
    let path = format!("actions/executions/{}", api::encoded(id));
    Ok(management.expect(200, &Request::get(path))?.body)
}

/// Does something under a heading, and says how long it took.
fn timed<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    terminal::heading(what);
    let started = Instant::now();
    let done = work()?;
    print_time(started.elapsed());
    Ok(done)
}

fn print_time(took: Duration) {
    println!("  {}", terminal::stdout().dim(terminal::elapsed(took)));
}
