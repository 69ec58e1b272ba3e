//! One run of a custom database's script, in the same sandbox as an Action's.

use std::time::Instant;

use claimsmith_model::{Fault, FaultKind, Handler, Trigger, Usage};
use wasmtime::{
    Store,
    component::{ComponentExportIndex, ComponentNamedList, ComponentType, Instance, Lift, Lower},
};

use crate::{
    ActionEngine, CompiledAction, Invocation, Limits, Place, ScriptAnswer, ScriptCall,
    ScriptInvocation, ScriptOutcome,
    execute::bounded,
    fault::{MESSAGE_BYTES_MAX, classify, fault},
    host::depth::check_depth,
    long_lane::{Execution, HasYielded},
    sandbox::Sandbox,
};

/// The longest profile, in bytes of its JSON text: the two kinds of metadata and the
/// further attributes at their largest, 64 KiB each, and as much for the rest.
pub const PROFILE_BYTES_MAX: usize = 256 << 10;

/// `login-error` of the contract.
#[derive(Debug, ComponentType, Lift)]
#[component(variant)]
enum LoginError {
    #[component(name = "wrong-credentials")]
    WrongCredentials(String),
    #[component(name = "unknown-user")]
    UnknownUser(String),
    #[component(name = "failed")]
    Failed(String),
}

/// `create-error` of the contract.
#[derive(Debug, ComponentType, Lift)]
#[component(variant)]
enum CreateError {
    #[component(name = "user-exists")]
    UserExists(String),
    #[component(name = "rejected")]
    Rejected(String),
    #[component(name = "failed")]
    Failed(String),
}

/// What a script answered; an `Err` is its own word for that it failed.
type Answer = Result<ScriptAnswer, String>;

impl ActionEngine {
    /// Runs a script once, in a sandbox of its own. The place is the right to do so.
    ///
    /// Never fails: a failure of the script or of the host is the outcome's answer.
    /// Dropping the future ends the run as it ends an Action's.
    pub async fn execute_script(
        &self,
        place: &Place,
        module: &CompiledAction,
        invocation: ScriptInvocation,
    ) -> ScriptOutcome {
        let has_yielded = HasYielded::default();
        let run: Execution<ScriptOutcome> = {
            let (engine, module) = (self.clone(), module.clone());
            let has_yielded = has_yielded.clone();
            Box::pin(async move { engine.script_here(&module, invocation, has_yielded).await })
        };
        let lane = &self.0.long_lane;
        match lane.run(place.hold(), has_yielded, run).await {
            Ok(outcome) => outcome,
            Err(error) => ScriptOutcome {
                answer: Err(fault(FaultKind::Host, &error.to_string())),
                logs: Vec::new(),
                log_bytes_dropped: 0,
                refused_commands: Vec::new(),
                refusals_unlisted: 0,
                http_calls: Vec::new(),
                usage: Usage::default(),
            },
        }
    }

    async fn script_here(
        &self,
        module: &CompiledAction,
        invocation: ScriptInvocation,
        has_yielded: HasYielded,
    ) -> ScriptOutcome {
        let ScriptInvocation {
            call,
            secrets,
            allowed_hosts,
            started_at,
            seed,
            limits,
        } = invocation;
        let started = Instant::now();
        let sandboxed = Invocation {
            secrets,
            allowed_hosts,
            started_at,
            seed,
            // Which trigger this is makes no difference: a script can import nothing that
            // would tell.
            ..Invocation::blank(Trigger::PostLogin, limits)
        };
        let mut store = self.store(sandboxed, has_yielded);
        let result = bounded(&limits, self.call_script(&mut store, module, call)).await;

        let sandbox = store.into_data();
        let answer = match result {
            Ok(Ok(answer)) => admitted(answer, &limits),
            Ok(Err(message)) => Err(fault(FaultKind::GuestError, &message)),
            Err(error) => Err(classify(&error, sandbox.memory.refused())),
        };
        let usage = Usage {
            wall_time_us: u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
            memory_bytes_peak: sandbox.memory.peak() as u64,
        };
        let outcome = sandbox.into_outcome(usage);
        ScriptOutcome {
            answer,
            logs: outcome.logs,
            log_bytes_dropped: outcome.log_bytes_dropped,
            refused_commands: outcome.refused_commands,
            refusals_unlisted: outcome.refusals_unlisted,
            http_calls: outcome.http_calls,
            usage: outcome.usage,
        }
    }

    async fn call_script(
        &self,
        store: &mut Store<Sandbox>,
        module: &CompiledAction,
        call: ScriptCall,
    ) -> wasmtime::Result<Answer> {
        let script = call.script();
        let Some(export) = module.handler(Handler::Script(script)) else {
            return Ok(Err(format!("the module has no handler for {script}")));
        };
        let instance = module.0.instance_pre.instantiate_async(&mut *store).await?;
        match call {
            ScriptCall::Login {
                identifier,
                password,
            } => {
                let arguments = (identifier.as_str(), password.expose());
                let answer: Result<String, LoginError> =
                    call_export(store, &instance, export, arguments).await?;
                Ok(match answer {
                    Ok(profile) => Ok(ScriptAnswer::Profile(profile)),
                    Err(LoginError::WrongCredentials(why)) => {
                        Ok(ScriptAnswer::WrongCredentials(why))
                    }
                    Err(LoginError::UnknownUser(why)) => Ok(ScriptAnswer::UnknownUser(why)),
                    Err(LoginError::Failed(why)) => Err(why),
                })
            }
            ScriptCall::GetUser { identifier } => {
                let arguments = (identifier.as_str(),);
                let answer: Result<Option<String>, String> =
                    call_export(store, &instance, export, arguments).await?;
                Ok(answer.map(|profile| match profile {
                    Some(profile) => ScriptAnswer::Profile(profile),
                    None => ScriptAnswer::UnknownUser(String::new()),
                }))
            }
            ScriptCall::Create {
                user_json,
                password,
            } => {
                let arguments = (user_json.as_str(), password.expose());
                let answer: Result<Option<String>, CreateError> =
                    call_export(store, &instance, export, arguments).await?;
                Ok(match answer {
                    Ok(Some(profile)) => Ok(ScriptAnswer::Profile(profile)),
                    Ok(None) => Ok(ScriptAnswer::Created),
                    Err(CreateError::UserExists(why)) => Ok(ScriptAnswer::UserExists(why)),
                    Err(CreateError::Rejected(why)) => Ok(ScriptAnswer::Rejected(why)),
                    Err(CreateError::Failed(why)) => Err(why),
                })
            }
        }
    }
}

async fn call_export<P, R>(
    store: &mut Store<Sandbox>,
    instance: &Instance,
    export: &ComponentExportIndex,
    arguments: P,
) -> wasmtime::Result<R>
where
    P: ComponentNamedList + Lower + Send + Sync,
    R: ComponentType + Lift + Send + Sync + 'static,
{
    let function = instance.get_typed_func::<P, (R,)>(&mut *store, export)?;
    let (answer,) = function.call_async(&mut *store, arguments).await?;
    Ok(answer)
}

/// Bounds what a script answered: everything of it goes on from here.
fn admitted(answer: ScriptAnswer, limits: &Limits) -> Result<ScriptAnswer, Fault> {
    let cut = |mut text: String| {
        text.truncate(text.floor_char_boundary(MESSAGE_BYTES_MAX));
        text
    };
    Ok(match answer {
        ScriptAnswer::Profile(profile) => {
            let bytes = profile.len();
            if bytes > PROFILE_BYTES_MAX {
                let message =
                    format!("the profile has {bytes} bytes; at most {PROFILE_BYTES_MAX} are taken");
                return Err(fault(FaultKind::Limit, &message));
            }
            check_depth(&profile, limits.json_depth_max).map_err(|refusal| {
                fault(
                    FaultKind::Limit,
                    &format!("the profile: {}", refusal.message),
                )
            })?;
            ScriptAnswer::Profile(profile)
        }
        ScriptAnswer::Created => ScriptAnswer::Created,
        ScriptAnswer::WrongCredentials(why) => ScriptAnswer::WrongCredentials(cut(why)),
        ScriptAnswer::UnknownUser(why) => ScriptAnswer::UnknownUser(cut(why)),
        ScriptAnswer::UserExists(why) => ScriptAnswer::UserExists(cut(why)),
        ScriptAnswer::Rejected(why) => ScriptAnswer::Rejected(cut(why)),
    })
}
