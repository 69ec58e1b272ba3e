//! One execution: a fresh store, the handler's call, the outcome.

use std::{
    future::poll_fn,
    pin::pin,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use claimsmith_model::{Fault, FaultKind, Handler, Trigger, Usage};
use wasmtime::{Store, UpdateDeadline, component::TypedFunc};

use crate::{
    ActionEngine, CheckError, CompiledAction, Invocation, Limits, ModuleProblem, Outcome, Place,
    Share,
    engine::Inner,
    fault::{Stop, classify, fault},
    long_lane::{Execution, HasYielded},
    sandbox::Sandbox,
};

/// A trigger's handler: no arguments, `result<_, string>`.
type TriggerHandler = TypedFunc<(), (Result<(), String>,)>;

impl ActionEngine {
    /// Runs an Action once, in a sandbox of its own. The place is the right to do so.
    ///
    /// Never fails: a failure of the Action or of the host is the outcome's `fault`.
    /// Dropping the future ends the execution: at once when it waits for the host, or
    /// else within two ticks.
    pub async fn execute(
        &self,
        place: &Place,
        action: &CompiledAction,
        invocation: Invocation,
    ) -> Outcome {
        let (access_token, id_token) =
            (invocation.access_token.clone(), invocation.id_token.clone());
        let event = Arc::clone(&invocation.event);
        let has_yielded = HasYielded::default();
        let execution: Execution<Outcome> = {
            let (engine, action) = (self.clone(), action.clone());
            let has_yielded = has_yielded.clone();
            Box::pin(async move { engine.execute_here(&action, invocation, has_yielded).await })
        };
        let lane = &self.0.long_lane;
        let mut outcome = match lane.run(place.hold(), has_yielded, execution).await {
            Ok(outcome) => outcome,
            Err(error) => Outcome::failed(
                fault(FaultKind::Host, &error.to_string()),
                access_token.clone(),
                id_token.clone(),
                Arc::clone(&event),
            ),
        };
        if outcome.fault.is_some() {
            outcome.commands.clear();
            outcome.denial = None;
            outcome.access_token = access_token;
            outcome.id_token = id_token;
            outcome.event = event;
        }
        outcome
    }

    async fn execute_here(
        &self,
        action: &CompiledAction,
        invocation: Invocation,
        has_yielded: HasYielded,
    ) -> Outcome {
        let trigger = invocation.trigger;
        let limits = invocation.limits;
        let started = Instant::now();
        let mut store = self.store(invocation, has_yielded);
        let result = bounded(&limits, self.run(&mut store, action, trigger)).await;

        let sandbox = store.into_data();
        let fault = match result {
            Ok(Ok(())) => None,
            Ok(Err(message)) => Some(fault(FaultKind::GuestError, &message)),
            Err(error) => Some(classify(&error, sandbox.memory.refused())),
        };
        let usage = Usage {
            wall_time_us: u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
            memory_bytes_peak: sandbox.memory.peak() as u64,
        };
        Outcome {
            fault,
            ..sandbox.into_outcome(usage)
        }
    }

    /// Instantiates a module under the given limits, so that one that can't even start
    /// is refused when it is uploaded.
    pub(crate) async fn instantiate_once(
        &self,
        share: &Share,
        action: &CompiledAction,
        limits: Limits,
    ) -> Result<(), CheckError> {
        let place = self.enter(share).await?;
        let has_yielded = HasYielded::default();
        let instantiation: Execution<Option<Fault>> = {
            let (engine, action) = (self.clone(), action.clone());
            let has_yielded = has_yielded.clone();
            Box::pin(async move { engine.instantiate_here(&action, limits, has_yielded).await })
        };
        let lane = &self.0.long_lane;
        let fault = match lane.run(place.hold(), has_yielded, instantiation).await {
            Ok(fault) => fault,
            Err(error) => Some(fault(FaultKind::Host, &error.to_string())),
        };
        match fault {
            None => Ok(()),
            Some(Fault {
                kind: FaultKind::Host,
                message,
                ..
            }) => Err(CheckError::Host(message)),
            Some(fault) => Err(CheckError::Problems(vec![ModuleProblem::does_not_start(
                &fault.message,
            )])),
        }
    }

    async fn instantiate_here(
        &self,
        action: &CompiledAction,
        limits: Limits,
        has_yielded: HasYielded,
    ) -> Option<Fault> {
        let mut store = self.store(Invocation::blank(Trigger::PostLogin, limits), has_yielded);
        let instantiated = bounded(&limits, async {
            action
                .0
                .instance_pre
                .instantiate_async(&mut store)
                .await
                .map(|_| ())
        });
        let error = instantiated.await.err()?;
        Some(classify(&error, store.data().memory.refused()))
    }

    pub(crate) fn store(&self, invocation: Invocation, has_yielded: HasYielded) -> Store<Sandbox> {
        let inner: &Arc<Inner> = &self.0;
        let deadline_ms = invocation.limits.deadline_ms;
        let tick_ms = inner.config.tick_ms.max(1);
        // One tick more: the first one may come right after the start.
        let deadline_ticks = deadline_ms.div_ceil(tick_ms) + 1;
        let mut store = Store::new(
            &inner.engine,
            Sandbox::new(invocation, inner.network.clone()),
        );
        store.set_hostcall_fuel(store.data().limits().call_bytes_max);
        store.limiter(|sandbox| &mut sandbox.memory);
        store.set_epoch_deadline(1);
        let clock = Arc::clone(inner);
        let start = clock.ticks.load(std::sync::atomic::Ordering::Relaxed);
        let mut has_met_a_tick = false;
        store.epoch_deadline_callback(move |_| {
            let now = clock.ticks.load(std::sync::atomic::Ordering::Relaxed);
            if now.saturating_sub(start) >= deadline_ticks {
                return Err(Stop::Deadline { deadline_ms }.into());
            }
            if !std::mem::replace(&mut has_met_a_tick, true) {
                // The first tick may come right after the start. It meets one in a hundred
                // of the shortest executions, which have nothing to give way for.
                return Ok(UpdateDeadline::Continue(1));
            }
            has_yielded.set();
            Ok(UpdateDeadline::Yield(1))
        });
        store
    }

    async fn run(
        &self,
        store: &mut Store<Sandbox>,
        action: &CompiledAction,
        trigger: Trigger,
    ) -> wasmtime::Result<Result<(), String>> {
        let Some(export) = action.handler(Handler::Trigger(trigger)) else {
            return Ok(Err(format!("the module has no handler for {trigger}")));
        };
        let instance = action.0.instance_pre.instantiate_async(&mut *store).await?;
        let handler: TriggerHandler = instance.get_typed_func(&mut *store, export)?;
        let (result,) = handler.call_async(&mut *store, ()).await?;
        Ok(result)
    }
}

/// How much later than its deadline an execution that waits in a host call ends, in
/// milliseconds: epochs tell a computing guest first, with the same fault.
const GRACE_MS: u64 = 50;

/// Ends an execution that waits in a host call beyond its deadline: epochs only
/// reach guests that compute.
pub(crate) async fn bounded<T>(
    limits: &Limits,
    execution: impl Future<Output = wasmtime::Result<T>>,
) -> wasmtime::Result<T> {
    let mut execution = pin!(execution);
    // Most never wait, and those need no timer.
    let at_once = poll_fn(|context| Poll::Ready(execution.as_mut().poll(context))).await;
    if let Poll::Ready(result) = at_once {
        return result;
    }
    let patience = Duration::from_millis(limits.deadline_ms + GRACE_MS);
    match tokio::time::timeout(patience, execution).await {
        Ok(result) => result,
        Err(_) => Err(Stop::Deadline {
            deadline_ms: limits.deadline_ms,
        }
        .into()),
    }
}
