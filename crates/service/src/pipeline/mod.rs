//! Running a trigger: its Actions one after another, and the record of it.

mod bindings;
mod record;

use std::sync::Arc;

use claimsmith_claims::Ledger;
use claimsmith_model::{
    ActionRun, Command, Denial, Event, ExecutionId, Fault, FaultKind, JsonObject, Limit, OnError,
    RefusedClaim, Timestamp, Trigger, Usage, Warning,
};
use claimsmith_runtime::{ActionCache, CacheLimits, Invocation, Limits, Place};

use bindings::BoundAction;
pub(crate) use bindings::{Bindings, load_module};
pub(crate) use record::{RecordFacts, Sealed, admitted, outcome, record};

use crate::{Environment, Ids, ServiceError, TenantContext};

/// What a trigger runs on.
#[derive(Debug)]
pub(crate) struct TriggerInput {
    pub(crate) trigger: Trigger,
    pub(crate) event: Event,
    pub(crate) access_token: Ledger,
    pub(crate) id_token: Ledger,
    pub(crate) grant_scopes: Arc<[String]>,
}

/// What came of running a trigger.
#[derive(Debug)]
pub(crate) struct TriggerResult {
    pub(crate) execution_id: ExecutionId,
    pub(crate) trigger: Trigger,
    pub(crate) verdict: Verdict,
    /// The event with all that the Actions changed.
    pub(crate) event: Arc<Event>,
    pub(crate) access_token: Ledger,
    pub(crate) id_token: Ledger,
    /// What is to be merged into the user's metadata, also on a denial.
    pub(crate) metadata: MetadataChanges,
    /// What Actions that succeeded asked for beyond token and event, in order.
    pub(crate) commands: Vec<Command>,
    pub(crate) runs: Vec<ActionRun>,
    pub(crate) refused: Vec<RefusedClaim>,
    /// Whether an Action that counts, one that didn't fail, had a claim refused.
    pub(crate) has_refusal: bool,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) started_at: Timestamp,
}

/// Whether a token may be issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It may.
    Proceed,
    /// An Action denied.
    Denied(Denial),
    /// An Action failed and its binding says `deny`.
    Failed,
    /// What the token was to be given for was over when the Actions had run.
    GrantEnded,
    /// The server failed, and the binding says `deny`.
    HostFailed,
}

/// Runs the trigger's Actions in the order of their bindings.
///
/// Never fails because of an Action: that is the result's verdict.
///
/// # Errors
/// When the bindings can't be read, or too much runs already.
pub(crate) async fn run(
    context: &TenantContext,
    environment: &Environment,
    ids: &Ids,
    input: TriggerInput,
) -> Result<TriggerResult, ServiceError> {
    let bindings = context.bindings(input.trigger, environment).await?;
    let cache = context.action_cache(input.trigger);
    run_bound(context, environment, ids, &bindings, cache, input).await
}

/// Runs Actions as if these were bound to the trigger, with this cache.
///
/// # Errors
/// When too much runs already.
pub(crate) async fn run_bound(
    context: &TenantContext,
    environment: &Environment,
    ids: &Ids,
    bindings: &Bindings,
    cache: &Arc<ActionCache>,
    input: TriggerInput,
) -> Result<TriggerResult, ServiceError> {
    let started_at = environment.clock.now();
    let mut result = TriggerResult {
        execution_id: ids.execution_id(started_at),
        trigger: input.trigger,
        verdict: Verdict::Proceed,
        event: Arc::new(input.event),
        access_token: input.access_token,
        id_token: input.id_token,
        metadata: MetadataChanges::default(),
        commands: Vec::new(),
        runs: Vec::with_capacity(bindings.actions.len()),
        refused: Vec::new(),
        has_refusal: false,
        warnings: Vec::new(),
        started_at,
    };
    // From here on each line that is logged for the request names it.
    tracing::Span::current().record(
        "execution_id",
        tracing::field::display(&result.execution_id),
    );
    let place = if bindings.actions.is_empty() {
        warn_of_other_trigger(context, environment, &mut result).await;
        return Ok(result);
    } else {
        let place = environment.engine.enter(&context.share).await;
        place.map_err(ServiceError::Busy)?
    };
    let deadline_ms = context.limit(Limit::TriggerDeadlineMs, environment);
    let mut left_us = deadline_ms.saturating_mul(1_000);
    for bound in &bindings.actions {
        let limits = context.execution_limits(&bound.limits, environment);
        let left_ms = left_us / 1_000;
        let limits = Limits {
            deadline_ms: limits.deadline_ms.min(left_ms),
            ..limits
        };
        let invocation = Invocation {
            trigger: result.trigger,
            action: Arc::clone(&bound.name),
            event: Arc::clone(&result.event),
            access_token: result.access_token.clone(),
            id_token: result.id_token.clone(),
            grant_scopes: Arc::clone(&input.grant_scopes),
            secrets: Arc::clone(&bound.secrets),
            allowed_hosts: Arc::clone(&bound.allowed_hosts),
            cache: Arc::clone(cache),
            started_at: environment.clock.now(),
            seed: ids.seed(),
            limits,
        };
        let verdict = run_one(
            context,
            environment,
            &place,
            bound,
            invocation,
            left_ms,
            &mut result,
        )
        .await;
        // Waiting for a place is not the Actions' time, so it isn't counted.
        let last = result.runs.last();
        let spent_us = last.map_or(0, |run| run.usage.wall_time_us);
        left_us = left_us.saturating_sub(spent_us);
        if has_used_up(last, limits.deadline_ms, left_ms) {
            left_us = 0;
        }
        if let Some(verdict) = verdict {
            result.verdict = verdict;
            break;
        }
    }
    Ok(result)
}

/// Whether a run ended at the trigger's own end. A deadline is met to the tick, so by the
/// clock a millisecond may be left.
fn has_used_up(run: Option<&ActionRun>, deadline_ms: u64, left_ms: u64) -> bool {
    let fault = run.and_then(|run| run.fault.as_ref());
    deadline_ms == left_ms && fault.is_some_and(|fault| fault.kind == FaultKind::Deadline)
}

/// Runs one Action and takes over what it asked for. Answers the verdict that ends
/// the trigger, if it does.
async fn run_one(
    context: &TenantContext,
    environment: &Environment,
    place: &Place,
    bound: &BoundAction,
    invocation: Invocation,
    left_ms: u64,
    result: &mut TriggerResult,
) -> Option<Verdict> {
    let (started_at, seed) = (invocation.started_at, invocation.seed);
    let cache = Arc::clone(&invocation.cache);
    let mut run = ActionRun {
        action_id: bound.action_id.clone(),
        action_name: bound.name.as_ref().to_owned(),
        version_id: bound.version_id.clone(),
        binding_id: bound.binding_id.clone(),
        started_at,
        seed,
        usage: Usage::default(),
        logs: Vec::new(),
        log_bytes_dropped: 0,
        refused_commands: Vec::new(),
        refusals_unlisted: 0,
        http_calls: Vec::new(),
        fault: None,
    };
    let fault = match &bound.module {
        Err(message) => Some(fault(FaultKind::Host, message.clone())),
        Ok(_) if left_ms == 0 => {
            let deadline_ms = context.limit(Limit::TriggerDeadlineMs, environment);
            let message =
                format!("the Actions of this trigger together took longer than {deadline_ms} ms");
            Some(fault(FaultKind::Deadline, message))
        }
        Ok(module) => {
            let mut outcome = environment.engine.execute(place, module, invocation).await;
            run.usage = outcome.usage;
            run.logs = std::mem::take(&mut outcome.logs);
            run.log_bytes_dropped = outcome.log_bytes_dropped;
            run.refused_commands = std::mem::take(&mut outcome.refused_commands);
            run.refusals_unlisted = outcome.refusals_unlisted;
            run.http_calls = std::mem::take(&mut outcome.http_calls);
            let has_refusal = !outcome.refused_claims.is_empty();
            result.refused.append(&mut outcome.refused_claims);
            match outcome.fault.take() {
                Some(fault) => Some(fault),
                None => {
                    result.has_refusal |= has_refusal;
                    result.runs.push(run);
                    return take_over(context, environment, &cache, result, outcome);
                }
            }
        }
    };
    let kind = fault.as_ref().map(|fault| fault.kind);
    if let Some(fault) = &fault {
        tracing::warn!(
            execution_id = %result.execution_id, tenant = %context.tenant.id, action = %bound.name,
            kind = ?fault.kind, blame = ?fault.blame, "an Action failed; its record says how"
        );
    }
    run.fault = fault;
    result.runs.push(run);
    match (bound.on_error, kind) {
        (OnError::Continue, _) => None,
        (OnError::Deny, Some(FaultKind::Host)) => Some(Verdict::HostFailed),
        (OnError::Deny, _) => Some(Verdict::Failed),
    }
}

/// Takes over what an Action that succeeded asked for.
fn take_over(
    context: &TenantContext,
    environment: &Environment,
    cache: &ActionCache,
    result: &mut TriggerResult,
    mut outcome: claimsmith_runtime::Outcome,
) -> Option<Verdict> {
    let now_ms = u64::try_from(result.started_at.as_millis()).unwrap_or(0);
    if outcome.commands.iter().any(is_cache_command) {
        let limits = CacheLimits::of(|limit| context.limit(limit, environment));
        cache.apply(&outcome.commands, limits, now_ms);
    }
    result.access_token = outcome.access_token;
    result.id_token = outcome.id_token;
    result.event = outcome.event;
    let changes = MetadataChanges::of(&outcome.commands);
    if !changes.is_empty() {
        // Later Actions see it; the store gets it once, at the end.
        if let Some(user) = &mut Arc::make_mut(&mut result.event).user {
            merge(&mut user.app_metadata, &changes.app_metadata);
            merge(&mut user.user_metadata, &changes.user_metadata);
        }
        result.metadata.app_metadata.extend(changes.app_metadata);
        result.metadata.user_metadata.extend(changes.user_metadata);
    }
    result.commands.append(&mut outcome.commands);
    outcome.denial.map(Verdict::Denied)
}

/// Changes of the user's metadata: root-level keys, `null` removing one.
#[derive(Debug, Clone, Default)]
pub(crate) struct MetadataChanges {
    pub(crate) app_metadata: JsonObject,
    pub(crate) user_metadata: JsonObject,
}

impl MetadataChanges {
    /// What commands ask for; the last one of a key stands.
    pub(crate) fn of(commands: &[Command]) -> Self {
        let mut changes = Self::default();
        for command in commands {
            let (into, key, value) = match command {
                Command::SetAppMetadata { key, value } => (&mut changes.app_metadata, key, value),
                Command::SetUserMetadata { key, value } => (&mut changes.user_metadata, key, value),
                _ => continue,
            };
            into.insert(key.clone(), value.clone());
        }
        changes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.app_metadata.is_empty() && self.user_metadata.is_empty()
    }
}

fn merge(metadata: &mut JsonObject, changes: &JsonObject) {
    for (key, value) in changes {
        if value.is_null() {
            metadata.shift_remove(key);
        } else {
            metadata.insert(key.clone(), value.clone());
        }
    }
}

const fn is_cache_command(command: &Command) -> bool {
    matches!(
        command,
        Command::CacheSet { .. } | Command::CacheDelete { .. }
    )
}

fn fault(kind: FaultKind, message: String) -> Fault {
    Fault {
        kind,
        blame: kind.blame(),
        message,
    }
}

/// Tells an author whose Actions are all bound to the trigger that this grant does
/// not run. No more than a hint: when the other trigger can't be read, there is none.
async fn warn_of_other_trigger(
    context: &TenantContext,
    environment: &Environment,
    result: &mut TriggerResult,
) {
    let (other, grants) = match result.trigger {
        Trigger::PostLogin => (Trigger::CredentialsExchange, "A login"),
        Trigger::CredentialsExchange => (Trigger::PostLogin, "The client credentials grant"),
    };
    match context.bindings(other, environment).await {
        Ok(bindings) if bindings.actions.is_empty() => {}
        Err(error) => tracing::warn!(tenant = %context.tenant.id, ?error, "bindings can't be read"),
        Ok(_) => {
            let trigger = result.trigger;
            result.warnings.push(Warning {
                code: "other_trigger_bound".to_owned(),
                message: format!(
                    "{grants} runs the trigger {trigger}, which has no Actions bound; the \
                     tenant's Actions are bound to {other}."
                ),
                remedy: format!("Bind an Action that has a {trigger} handler to {trigger}."),
            });
        }
    }
}
