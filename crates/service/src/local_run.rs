//! Running one module without a server: what an author does before uploading it.
//!
//! The engine, the host functions and the claim policy are those of a server, so
//! what this shows is what a token would hold.

use std::sync::Arc;

use claimsmith_claims::{Policy, ReservedNamespaces, TokenContext};
use claimsmith_model::{
    ActionSecret, AllowedHosts, ClaimSettings, Denial, Event, Fault, HttpCall, JsonObject, LogLine,
    RefusedClaim, RefusedCommand, Timestamp, TokenKind, Trigger, Usage,
};
use claimsmith_runtime::{
    ActionCache, ActionEngine, CheckError, CompiledAction, Invocation, Share,
};

use crate::token::{ACCESS_TOKEN_CLAIMS, ID_TOKEN_CLAIMS};

/// What to run, and under which circumstances.
#[derive(Debug, Clone)]
pub struct LocalRun {
    /// The module's bytes.
    pub module: Vec<u8>,
    /// The Action's name, for the report.
    pub action: String,
    /// The trigger; the module's only one when absent.
    pub trigger: Option<Trigger>,
    /// The event.
    pub event: Event,
    /// The tenant's claim settings.
    pub claims: ClaimSettings,
    /// The tenant's hosts, which are reserved.
    pub issuer_hosts: Vec<String>,
    /// The Action's secrets.
    pub secrets: Vec<ActionSecret>,
    /// The hosts that the Action may call over HTTP.
    pub allowed_hosts: AllowedHosts,
    /// The time that the Action sees.
    pub started_at: Timestamp,
    /// What its random numbers are derived from.
    pub seed: u64,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct LocalReport {
    /// The trigger that ran.
    pub trigger: Trigger,
    /// The custom claims that the access token would hold.
    pub access_token: JsonObject,
    /// The custom claims that the ID token would hold.
    pub id_token: JsonObject,
    /// The claims that neither would hold, with reason and remedy.
    pub refused_claims: Vec<RefusedClaim>,
    /// Other commands that were refused.
    pub refused_commands: Vec<RefusedCommand>,
    /// The scopes that the access token would have.
    pub scopes: Vec<String>,
    /// The Action's denial.
    pub denial: Option<Denial>,
    /// What would be merged into the user's `app_metadata`.
    pub app_metadata: JsonObject,
    /// What would be merged into the user's `user_metadata`.
    pub user_metadata: JsonObject,
    /// What the Action logged.
    pub logs: Vec<LogLine>,
    /// Bytes of log text beyond the limit.
    pub log_bytes_dropped: u64,
    /// The HTTP calls that the Action made.
    pub http_calls: Vec<HttpCall>,
    /// What it used.
    pub usage: Usage,
    /// Why it failed, if it did.
    pub fault: Option<Fault>,
}

/// Why a module could not be run at all.
#[derive(Debug, thiserror::Error)]
pub enum LocalRunError {
    /// The module would be refused as an upload.
    #[error("the module would be refused")]
    Module(#[from] CheckError),
    /// The module doesn't serve the trigger.
    #[error("the module has no handler for {0}")]
    NoHandler(Trigger),
    /// The module serves several triggers.
    #[error("the module serves post-login and credentials-exchange; choose one with --trigger")]
    WhichTrigger,
}

/// Checks a module as an upload is checked, and runs it once.
///
/// # Errors
/// When the module would be refused, or doesn't serve the trigger. A module that
/// runs and fails is a report with a fault.
pub async fn run_locally(
    engine: &ActionEngine,
    run: LocalRun,
) -> Result<LocalReport, LocalRunError> {
    let share = Share {
        name: Arc::from("local"),
        places_max: 1,
    };
    let action = engine.check(&share, Arc::from(run.module)).await?;
    let trigger = trigger(&action, run.trigger)?;
    let policy = Policy::new(
        run.claims,
        &run.issuer_hosts,
        &ReservedNamespaces::default(),
    );
    let policy = Arc::new(policy);
    let scopes: Arc<[String]> = Arc::from(run.event.transaction.requested_scopes.as_slice());
    let ledger = |kind, server_claims| {
        let scopes = Arc::clone(&scopes);
        policy.ledger(TokenContext {
            kind,
            server_claims,
            own_api: false,
            scopes,
        })
    };
    let place = engine.enter(&share).await.map_err(CheckError::from)?;
    let outcome = engine
        .execute(
            &place,
            &action,
            Invocation {
                trigger,
                action: Arc::from(run.action),
                access_token: ledger(TokenKind::AccessToken, Arc::new(ACCESS_TOKEN_CLAIMS)),
                id_token: ledger(TokenKind::IdToken, Arc::new(ID_TOKEN_CLAIMS)),
                grant_scopes: Arc::from(run.event.transaction.target_scopes.as_slice()),
                event: Arc::new(run.event),
                secrets: Arc::from(run.secrets),
                allowed_hosts: Arc::new(run.allowed_hosts),
                cache: Arc::new(ActionCache::default()),
                started_at: run.started_at,
                seed: run.seed,
                limits: engine.config().limits,
            },
        )
        .await;

    let (access_token, late) = outcome.access_token.seal(JsonObject::new());
    let mut refused_claims = outcome.refused_claims;
    refused_claims.extend(late);
    let (id_token, late) = outcome.id_token.seal(JsonObject::new());
    refused_claims.extend(late);
    let metadata = crate::pipeline::MetadataChanges::of(&outcome.commands);
    Ok(LocalReport {
        trigger,
        access_token: access_token.custom().clone(),
        id_token: id_token.custom().clone(),
        refused_claims,
        refused_commands: outcome.refused_commands,
        scopes: outcome.event.transaction.target_scopes.clone(),
        denial: outcome.denial,
        app_metadata: metadata.app_metadata,
        user_metadata: metadata.user_metadata,
        logs: outcome.logs,
        log_bytes_dropped: outcome.log_bytes_dropped,
        http_calls: outcome.http_calls,
        usage: outcome.usage,
        fault: outcome.fault,
    })
}

fn trigger(action: &CompiledAction, asked: Option<Trigger>) -> Result<Trigger, LocalRunError> {
    match (asked, action.info().triggers.as_slice()) {
        (Some(trigger), _) if action.serves(trigger) => Ok(trigger),
        (Some(trigger), _) => Err(LocalRunError::NoHandler(trigger)),
        (None, [only]) => Ok(*only),
        (None, _) => Err(LocalRunError::WhichTrigger),
    }
}
