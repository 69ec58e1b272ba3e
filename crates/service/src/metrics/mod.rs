//! What the server counts of itself, for Prometheus.
//!
//! Counting happens where something is decided and takes atomic additions only;
//! `exposition` writes the page when it is asked for, and reads what other parts count
//! themselves (storage, engine, password hashing) at that moment.
//!
//! Labels have values from lists that are in the code. No tenant, client or Action can
//! make a series more; the one exception is the tenants' own counters, for the first
//! thousand tenants, whom only the operator can create.

mod counters;
mod exposition;
mod http;
mod tenant;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use claimsmith_model::{
    Blame, DatabaseScript, ExecutionOutcome, ExecutionRecord, Fault, FaultKind, GrantType,
    Histogram, RefusedCommand, Trigger,
};
use claimsmith_oauth::ErrorCode;

pub use exposition::{CONTENT_TYPE, ProcessFigures, page};
pub use http::{HttpCounters, OpenConnection};
pub(crate) use tenant::TenantCounters;

use crate::TenantContext;
use counters::{Counters, OTHER};

/// Bounds in nanoseconds for what a caller waits for: from 100 µs, less than any token
/// takes, to ten seconds, longer than any takes.
const NANOS_FROM_100_US: &[u64] = &[
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    10_000_000_000,
];

/// Bounds in nanoseconds for executions: from 10 µs, which the smallest take, to the
/// deadlines.
const NANOS_FROM_10_US: &[u64] = &[
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    100_000_000,
    500_000_000,
    1_000_000_000,
    5_000_000_000,
];

/// The grants as labels. The reference product's realm grant has a URL for a name,
/// which is long for a label.
const GRANTS: &[&str] = &[
    "client_credentials",
    "password",
    "password_realm",
    "authorization_code",
    "refresh_token",
    "implicit",
    OTHER,
];

/// What the token endpoint can answer with (RFC 6749 section 5.2 and what
/// [`ErrorCode`] adds).
const ERRORS: &[&str] = &[
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
    "invalid_target",
    "access_denied",
    "server_error",
    "temporarily_unavailable",
    "too_many_requests",
    "too_many_attempts",
    OTHER,
];

/// The triggers, and the scripts of custom databases beside them.
const TRIGGERS: &[&str] = &[
    Trigger::PostLogin.as_str(),
    Trigger::CredentialsExchange.as_str(),
    DatabaseScript::Login.as_str(),
    DatabaseScript::GetUser.as_str(),
    DatabaseScript::Create.as_str(),
];

const RUN_OUTCOMES: &[&str] = &[
    "issued",
    "answered",
    "denied",
    "failed",
    "claim_refused",
    "grant_ended",
    "host_failed",
];

const EXECUTION_OUTCOMES: &[&str] = &[
    "ok",
    "denied",
    "trap",
    "guest_error",
    "deadline",
    "memory",
    "limit",
    "host",
    OTHER,
];

const BLAMES: &[&str] = &["action", "host"];

/// Every code with which a claim or another command is refused. They come from the
/// host, never from a guest; one that is missing here counts as `other`.
const REFUSALS: &[&str] = &[
    "reserved_name",
    "reserved_namespace",
    "not_namespaced",
    "malformed_namespace",
    "scope_required",
    "name_too_long",
    "invalid_name",
    "invalid_value",
    "value_too_deep",
    "token_too_large",
    "too_many_claims",
    "too_many_scopes",
    "invalid_scope",
    "scope_not_granted",
    "not_in_this_trigger",
    "no_such_key",
    "invalid_key",
    "metadata_too_large",
    OTHER,
];

/// What the server counts of itself.
#[derive(Debug)]
pub struct Metrics {
    /// Requests and connections, which `claimsmith-http` counts.
    pub http: Arc<HttpCounters>,
    tokens_issued: Counters<1>,
    token_refusals: Counters<2>,
    token_request_ns: Vec<(&'static str, Histogram)>,
    trigger_runs: Counters<2>,
    executions: Counters<2>,
    execution_ns: Vec<(&'static str, Histogram)>,
    faults: Counters<1>,
    refusals: Counters<1>,
    refusals_unlisted: AtomicU64,
    log_bytes_dropped: AtomicU64,
}

impl Default for Metrics {
    fn default() -> Self {
        let histograms = |labels: &'static [&'static str], bounds| -> Vec<_> {
            let each = labels.iter().map(|label| (*label, Histogram::new(bounds)));
            each.collect()
        };
        Self {
            http: Arc::default(),
            tokens_issued: Counters::new([GRANTS]),
            token_refusals: Counters::new([GRANTS, ERRORS]),
            token_request_ns: histograms(GRANTS, NANOS_FROM_100_US),
            trigger_runs: Counters::new([TRIGGERS, RUN_OUTCOMES]),
            executions: Counters::new([TRIGGERS, EXECUTION_OUTCOMES]),
            execution_ns: histograms(TRIGGERS, NANOS_FROM_10_US),
            faults: Counters::new([BLAMES]),
            refusals: Counters::new([REFUSALS]),
            refusals_unlisted: AtomicU64::new(0),
            log_bytes_dropped: AtomicU64::new(0),
        }
    }
}

impl Metrics {
    /// Counts an answered token request: `refused` is the error it was answered with,
    /// `duration` what the server took, without reading the request.
    pub(crate) fn token_request(
        &self,
        context: &TenantContext,
        grant: Option<GrantType>,
        refused: Option<ErrorCode>,
        duration: Duration,
    ) {
        let grant = grant_label(grant);
        match refused {
            None => self.tokens_issued.add([grant], 1),
            Some(error) => self.token_refusals.add([grant, error.as_str()], 1),
        }
        note(&self.token_request_ns, grant, duration);
        context.counters().token_request(refused.is_some());
    }

    /// Counts a token request that was refused before it could be read as one.
    pub fn unreadable_token_request(&self, context: &TenantContext, error: ErrorCode) {
        self.token_refusals.add([OTHER, error.as_str()], 1);
        context.counters().token_request(true);
    }

    /// Counts all that a run of a trigger, or of a script, tells.
    pub(crate) fn trigger_run(&self, context: &TenantContext, record: &ExecutionRecord) {
        let trigger = record.trigger.as_str();
        let outcome = match record.outcome {
            ExecutionOutcome::Issued => "issued",
            ExecutionOutcome::Answered => "answered",
            ExecutionOutcome::Denied(_) => "denied",
            ExecutionOutcome::Failed => "failed",
            ExecutionOutcome::ClaimRefused => "claim_refused",
            ExecutionOutcome::GrantEnded => "grant_ended",
            ExecutionOutcome::HostFailed => "host_failed",
        };
        self.trigger_runs.add([trigger, outcome], 1);
        let is_denied = matches!(record.outcome, ExecutionOutcome::Denied(_));
        let mut spent_us = 0;
        for (position, run) in record.runs.iter().enumerate() {
            // The one that denies is the last to run.
            let denied = is_denied && position + 1 == record.runs.len();
            self.execution(Execution {
                trigger,
                denied,
                fault: run.fault.as_ref(),
                wall_time_us: run.usage.wall_time_us,
                refused_commands: &run.refused_commands,
                refusals_unlisted: run.refusals_unlisted,
                log_bytes_dropped: run.log_bytes_dropped,
            });
            spent_us += run.usage.wall_time_us;
        }
        if let Some(script) = &record.script {
            self.execution(Execution {
                trigger,
                denied: false,
                fault: script.fault.as_ref(),
                wall_time_us: script.usage.wall_time_us,
                refused_commands: &script.refused_commands,
                refusals_unlisted: script.refusals_unlisted,
                log_bytes_dropped: script.log_bytes_dropped,
            });
            spent_us += script.usage.wall_time_us;
        }
        for refused in &record.refused {
            self.refusals.add([&refused.refusal.code], 1);
        }
        context.counters().actions_ran(spent_us);
    }

    fn execution(&self, execution: Execution<'_>) {
        let Execution {
            trigger,
            denied,
            fault,
            wall_time_us,
            refused_commands,
            refusals_unlisted,
            log_bytes_dropped,
        } = execution;
        let label = execution_label(fault.map(|fault| fault.kind), denied);
        self.executions.add([trigger, label], 1);
        if let Some(fault) = fault {
            let blame = match fault.blame {
                Blame::Action => "action",
                Blame::Host => "host",
            };
            self.faults.add([blame], 1);
        }
        // Without any time it never ran: no module, or no time left.
        if wall_time_us > 0 {
            note(
                &self.execution_ns,
                trigger,
                Duration::from_micros(wall_time_us),
            );
        }
        for refused in refused_commands {
            self.refusals.add([&refused.refusal.code], 1);
        }
        add(&self.refusals_unlisted, refusals_unlisted);
        add(&self.log_bytes_dropped, log_bytes_dropped);
    }
}

/// What is counted of one execution, an Action's or a script's.
#[derive(Clone, Copy)]
struct Execution<'a> {
    trigger: &'static str,
    denied: bool,
    fault: Option<&'a Fault>,
    wall_time_us: u64,
    refused_commands: &'a [RefusedCommand],
    refusals_unlisted: u64,
    log_bytes_dropped: u64,
}

const fn grant_label(grant: Option<GrantType>) -> &'static str {
    match grant {
        Some(GrantType::ClientCredentials) => "client_credentials",
        Some(GrantType::Password) => "password",
        Some(GrantType::PasswordRealm) => "password_realm",
        Some(GrantType::AuthorizationCode) => "authorization_code",
        Some(GrantType::RefreshToken) => "refresh_token",
        Some(GrantType::Implicit) => "implicit",
        None => OTHER,
    }
}

const fn execution_label(fault: Option<FaultKind>, denied: bool) -> &'static str {
    match fault {
        None if denied => "denied",
        None => "ok",
        Some(FaultKind::Trap) => "trap",
        Some(FaultKind::GuestError) => "guest_error",
        Some(FaultKind::Deadline) => "deadline",
        Some(FaultKind::Memory) => "memory",
        Some(FaultKind::Limit) => "limit",
        Some(FaultKind::Host) => "host",
    }
}

fn note(histograms: &[(&'static str, Histogram)], label: &str, duration: Duration) {
    if let Some((_, histogram)) = histograms.iter().find(|(of, _)| *of == label) {
        histogram.note_duration(duration);
    }
}

/// Most have nothing to add, and reading a zero is cheaper than writing it.
fn add(counter: &AtomicU64, count: u64) {
    if count > 0 {
        counter.fetch_add(count, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use claimsmith_claims::RefusalCode;
    use claimsmith_model::Handler;

    use super::*;

    #[test]
    fn every_label_that_is_counted_is_in_its_list() {
        for (grant, _) in GrantType::ALL {
            assert!(GRANTS.contains(&grant_label(Some(grant))), "{grant:?}");
        }
        for code in RefusalCode::ALL {
            assert!(REFUSALS.contains(&code.as_str()), "{code:?}");
        }
        for handler in Handler::ALL {
            assert!(TRIGGERS.contains(&handler.as_str()), "{handler}");
        }
        for kind in [
            FaultKind::Trap,
            FaultKind::GuestError,
            FaultKind::Deadline,
            FaultKind::Memory,
            FaultKind::Limit,
            FaultKind::Host,
        ] {
            let label = execution_label(Some(kind), false);
            assert!(EXECUTION_OUTCOMES.contains(&label), "{label}");
        }
    }
}
