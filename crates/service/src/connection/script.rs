//! Asking a custom database's script, and the record of it.

use std::sync::Arc;

use claimsmith_model::{
    ClientId, Connection, CustomDatabase, ExecutionId, ExecutionOutcome, ExecutionRecord, Fault,
    FaultKind, GrantType, Handler, RequestOrigin, ScriptResult, ScriptRun, Usage, UserId,
};
use claimsmith_runtime::{
    CheckError, CompiledAction, ScriptAnswer, ScriptCall, ScriptInvocation, ScriptOutcome,
};

use crate::{ServiceError, Services, TenantContext, pipeline::load_module};

/// Whose request led to the run.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) client_id: Option<ClientId>,
    /// None when an admin's request did.
    pub(super) grant: Option<GrantType>,
    /// Who asked, as far as it is known.
    pub(super) origin: RequestOrigin,
}

/// A run that has no record yet.
#[must_use = "conclude it, or it has no record"]
pub(super) struct Run<'a> {
    services: &'a Services,
    context: &'a TenantContext,
    answer: Result<ScriptAnswer, Fault>,
    is_blocked: bool,
    record: ExecutionRecord,
    script: ScriptRun,
}

/// Asks the script that `call` is for.
///
/// # Errors
/// When too much runs already. A script that isn't there, or can't be loaded, is the
/// answer's fault.
pub(super) async fn run<'a>(
    services: &'a Services,
    context: &'a TenantContext,
    connection: &Connection,
    database: &CustomDatabase,
    call: ScriptCall,
    caller: Caller,
) -> Result<Run<'a>, ServiceError> {
    let environment = &services.environment;
    let started_at = environment.clock.now();
    let script = call.script();
    let seed = services.ids.seed();
    let stored = database.scripts.get(&script);
    let module = match stored {
        Some(stored) => load_script(context, services, &stored.module.sha256).await?,
        None => Err(fault(
            FaultKind::GuestError,
            format!(
                "the connection has no {} script; upload one with PUT \
                 /api/v2/connections/{}/scripts/{}/module",
                script.name(),
                connection.id,
                script.name(),
            ),
        )),
    };
    let outcome = match module {
        Ok(module) => {
            let place = environment.engine.enter(&context.share).await;
            let place = place.map_err(ServiceError::Busy)?;
            let invocation = ScriptInvocation {
                call,
                secrets: Arc::from(database.configuration.as_slice()),
                allowed_hosts: Arc::new(database.allowed_hosts.clone()),
                started_at,
                seed,
                limits: context.execution_limits(&database.limits, environment),
            };
            environment
                .engine
                .execute_script(&place, &module, invocation)
                .await
        }
        Err(fault) => not_run(fault),
    };
    let ScriptOutcome {
        answer,
        logs,
        log_bytes_dropped,
        refused_commands,
        refusals_unlisted,
        http_calls,
        usage,
    } = outcome;
    Ok(Run {
        services,
        context,
        answer,
        is_blocked: false,
        record: ExecutionRecord {
            id: services.ids.execution_id(started_at),
            trigger: Handler::Script(script),
            client_id: caller.client_id,
            user_id: None,
            grant_type: caller.grant.map(|grant| grant.as_str().to_owned()),
            origin: RequestOrigin {
                connection: Some(connection.name.clone()),
                ..caller.origin
            },
            outcome: ExecutionOutcome::Answered,
            runs: Vec::new(),
            script: None,
            login_execution_id: None,
            admitted: Vec::new(),
            refused: Vec::new(),
            warnings: Vec::new(),
            started_at,
            ended_at: started_at,
        },
        script: ScriptRun {
            connection_id: connection.id.clone(),
            connection: connection.name.clone(),
            module_sha256: stored.map(|stored| stored.module.sha256.clone()),
            result: ScriptResult::Failed,
            reason: None,
            seed,
            usage,
            logs,
            log_bytes_dropped,
            refused_commands,
            refusals_unlisted,
            http_calls,
            fault: None,
        },
    })
}

impl Run<'_> {
    pub(super) fn execution_id(&self) -> &ExecutionId {
        &self.record.id
    }

    /// What the script answered, or why it failed.
    pub(super) fn answer(&self) -> Result<&ScriptAnswer, &Fault> {
        self.answer.as_ref()
    }

    /// Writes the record of a run that told of a user whom an admin has blocked.
    pub(super) fn conclude_blocked(mut self, user_id: UserId) {
        self.is_blocked = true;
        self.conclude(Some(user_id), None);
    }

    /// Writes the record: whom the run was about, as far as that is known, and what is
    /// wrong with an answer that looked right to the engine.
    pub(super) fn conclude(self, user_id: Option<UserId>, fault: Option<Fault>) {
        let Self {
            services,
            context,
            answer,
            is_blocked,
            mut record,
            mut script,
        } = self;
        let answer = match fault {
            Some(fault) => Err(fault),
            None => answer,
        };
        let (id, connection, asked) = (&record.id, &script.connection, record.trigger);
        let tenant = &context.tenant.id;
        match answer {
            Ok(answer) => {
                (script.result, script.reason) = result(answer);
                if is_blocked {
                    script.result = ScriptResult::Blocked;
                }
                tracing::info!(
                    execution_id = %id, %tenant, connection, script = %asked,
                    answer = script.result.as_str(), "a custom database's script answered"
                );
            }
            Err(fault) => {
                record.outcome = match fault.kind {
                    FaultKind::Host => ExecutionOutcome::HostFailed,
                    _ => ExecutionOutcome::Failed,
                };
                tracing::warn!(
                    execution_id = %id, %tenant, connection, script = %asked,
                    kind = ?fault.kind, blame = ?fault.blame,
                    "a custom database's script failed; its record says how"
                );
                script.fault = Some(fault);
            }
        }
        record.user_id = user_id;
        record.script = Some(script);
        record.ended_at = services.environment.clock.now();
        services.metrics.trigger_run(context, &record);
        let executions = &services.environment.executions;
        executions.record(tenant, Arc::new(record));
    }
}

fn result(answer: ScriptAnswer) -> (ScriptResult, Option<String>) {
    let (result, reason) = match answer {
        ScriptAnswer::Profile(_) => (ScriptResult::Profile, String::new()),
        ScriptAnswer::Created => (ScriptResult::Created, String::new()),
        ScriptAnswer::WrongCredentials(why) => (ScriptResult::WrongCredentials, why),
        ScriptAnswer::UnknownUser(why) => (ScriptResult::UnknownUser, why),
        ScriptAnswer::UserExists(why) => (ScriptResult::UserExists, why),
        ScriptAnswer::Rejected(why) => (ScriptResult::Rejected, why),
    };
    (result, Some(reason).filter(|reason| !reason.is_empty()))
}

/// The code of a script's module; a module that can't be loaded is the server's fault.
///
/// # Errors
/// When too much is compiled already.
async fn load_script(
    context: &TenantContext,
    services: &Services,
    sha256: &str,
) -> Result<Result<CompiledAction, Fault>, ServiceError> {
    let engine = &services.environment.engine;
    match load_module(&context.share, context.store.as_ref(), engine, sha256).await {
        Ok(module) => Ok(Ok(module)),
        Err(CheckError::Busy(busy)) => Err(ServiceError::Busy(busy)),
        Err(error) => {
            tracing::error!(tenant = %context.tenant.id, %error, "a script can't be loaded");
            Ok(Err(fault(FaultKind::Host, error.to_string())))
        }
    }
}

pub(super) fn fault(kind: FaultKind, message: String) -> Fault {
    Fault {
        kind,
        blame: kind.blame(),
        message,
    }
}

fn not_run(fault: Fault) -> ScriptOutcome {
    ScriptOutcome {
        answer: Err(fault),
        logs: Vec::new(),
        log_bytes_dropped: 0,
        refused_commands: Vec::new(),
        refusals_unlisted: 0,
        http_calls: Vec::new(),
        usage: Usage::default(),
    }
}
