//! What goes into an execution and what comes out.

use std::sync::Arc;

use claimsmith_claims::{Ledger, Policy, ReservedNamespaces, TokenContext};
use claimsmith_model::{
    ActionSecret, AllowedHosts, ClaimSettings, Command, Denial, Event, Fault, HttpCall, LogLine,
    RefusedClaim, RefusedCommand, Timestamp, TokenKind, Trigger, Usage,
};

use crate::{ActionCache, Limits};

/// One execution to be made.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// The trigger that runs.
    pub trigger: Trigger,
    /// The Action's name, for reports.
    pub action: Arc<str>,
    /// What the Action reads, with what earlier Actions changed.
    pub event: Arc<Event>,
    /// The access token's claims so far.
    pub access_token: Ledger,
    /// The ID token's claims so far.
    pub id_token: Ledger,
    /// At `credentials-exchange`, the scopes that the client's grant holds: target
    /// scopes must be among them.
    pub grant_scopes: Arc<[String]>,
    /// The Action's secrets.
    pub secrets: Arc<[ActionSecret]>,
    /// The hosts that the Action may call over HTTP.
    pub allowed_hosts: Arc<AllowedHosts>,
    /// The trigger's shared cache.
    pub cache: Arc<ActionCache>,
    /// The time that the guest's clocks start at.
    pub started_at: Timestamp,
    /// What the guest's random numbers are derived from.
    pub seed: u64,
    /// What the execution may use.
    pub limits: Limits,
}

impl Invocation {
    /// An invocation that tells the Action nothing and offers it nothing: no event, no
    /// secrets, no hosts, a time and chance that are always the same, and a policy with no
    /// exceptions. For trying a module, and to begin others with.
    #[must_use]
    pub fn blank(trigger: Trigger, limits: Limits) -> Self {
        let policy = Arc::new(Policy::new(
            ClaimSettings::default(),
            &[],
            &ReservedNamespaces::default(),
        ));
        let ledger = |kind| {
            policy.ledger(TokenContext {
                kind,
                server_claims: Arc::new([]),
                own_api: false,
                scopes: Arc::new([]),
            })
        };
        Self {
            trigger,
            action: Arc::from(""),
            event: Arc::new(Event::default()),
            access_token: ledger(TokenKind::AccessToken),
            id_token: ledger(TokenKind::IdToken),
            grant_scopes: Arc::new([]),
            secrets: Arc::new([]),
            allowed_hosts: Arc::default(),
            cache: Arc::new(ActionCache::default()),
            started_at: Timestamp::default(),
            seed: 0,
            limits,
        }
    }
}

/// What came of an execution.
///
/// When `fault` is there, everything that the Action asked for is to be
/// discarded: `commands`, `denial`, the ledgers and the event are then those that
/// went in, or empty.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What the Action asked to have done, in order, as far as the host took it.
    pub commands: Vec<Command>,
    /// The Action's first denial.
    pub denial: Option<Denial>,
    /// The access token's claims with the Action's.
    pub access_token: Ledger,
    /// The ID token's claims with the Action's.
    pub id_token: Ledger,
    /// The event with the Action's changes to the transaction.
    pub event: Arc<Event>,
    /// The claims that the policy refused.
    pub refused_claims: Vec<RefusedClaim>,
    /// Other commands that were refused.
    pub refused_commands: Vec<RefusedCommand>,
    /// What the Action logged.
    pub logs: Vec<LogLine>,
    /// Bytes of log text beyond the limit.
    pub log_bytes_dropped: u64,
    /// Refusals beyond the number that is listed.
    pub refusals_unlisted: u64,
    /// The HTTP calls that the Action made.
    pub http_calls: Vec<HttpCall>,
    /// What it used.
    pub usage: Usage,
    /// Why it failed, if it did.
    pub fault: Option<Fault>,
}

impl Outcome {
    /// The outcome of an execution of which nothing is known but that it failed.
    pub(crate) fn failed(
        fault: Fault,
        access_token: Ledger,
        id_token: Ledger,
        event: Arc<Event>,
    ) -> Self {
        Self {
            commands: Vec::new(),
            denial: None,
            access_token,
            id_token,
            event,
            refused_claims: Vec::new(),
            refused_commands: Vec::new(),
            logs: Vec::new(),
            log_bytes_dropped: 0,
            refusals_unlisted: 0,
            http_calls: Vec::new(),
            usage: Usage::default(),
            fault: Some(fault),
        }
    }
}
