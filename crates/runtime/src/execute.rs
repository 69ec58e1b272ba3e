//! One execution: a fresh store, the handler's call, the outcome.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use claimsmith_claims::{Policy, ReservedNamespaces, TokenContext};
use claimsmith_model::{
    ClaimSettings, Event, Fault, FaultKind, Timestamp, TokenKind, Trigger, Usage,
};
use wasmtime::{Store, UpdateDeadline, component::TypedFunc};

use crate::{
    ActionCache, ActionEngine, CheckError, CompiledAction, Invocation, Limits, ModuleProblem,
    Outcome,
    engine::Inner,
    fault::{Stop, classify, fault},
    sandbox::Sandbox,
};

/// A trigger's handler: no arguments, `result<_, string>`.
type Handler = TypedFunc<(), (Result<(), String>,)>;

impl ActionEngine {
    /// Runs an Action once, in a sandbox of its own.
    ///
    /// Never fails: a failure of the Action or of the host is the outcome's `fault`.
    /// Dropping the future ends the execution at once.
    pub async fn execute(&self, action: &CompiledAction, invocation: Invocation) -> Outcome {
        let (access_token, id_token) =
            (invocation.access_token.clone(), invocation.id_token.clone());
        let event = Arc::clone(&invocation.event);
        let trigger = invocation.trigger;
        let limits = invocation.limits;

        // Waiting for a place is not the Action's time. The semaphore is fair and
        // never closed.
        let _place = self.0.places.acquire().await;
        let started = Instant::now();
        let mut store = self.store(Sandbox::new(invocation));
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
        let mut outcome = sandbox.into_outcome(usage);
        if let Some(fault) = fault {
            outcome.commands.clear();
            outcome.denial = None;
            outcome.access_token = access_token;
            outcome.id_token = id_token;
            outcome.event = event;
            outcome.fault = Some(fault);
        }
        outcome
    }

    /// Instantiates a module under the default limits, so that one that can't even
    /// start is refused when it is uploaded.
    pub(crate) async fn instantiate_once(&self, action: &CompiledAction) -> Result<(), CheckError> {
        let limits = self.0.config.limits;
        let _place = self.0.places.acquire().await;
        let mut store = self.store(Sandbox::new(self.trial_invocation()));
        let instantiated = bounded(&limits, async {
            action
                .0
                .instance_pre
                .instantiate_async(&mut store)
                .await
                .map(|_| ())
        });
        let Err(error) = instantiated.await else {
            return Ok(());
        };
        let Fault { kind, message, .. } = classify(&error, store.data().memory.refused());
        match kind {
            FaultKind::Host => Err(CheckError::Host(message)),
            _ => Err(CheckError::Problems(vec![ModuleProblem::does_not_start(
                &message,
            )])),
        }
    }

    fn trial_invocation(&self) -> Invocation {
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
        Invocation {
            trigger: Trigger::PostLogin,
            action: Arc::from("upload"),
            event: Arc::new(Event::default()),
            access_token: ledger(TokenKind::AccessToken),
            id_token: ledger(TokenKind::IdToken),
            grant_scopes: Arc::new([]),
            secrets: Arc::new([]),
            cache: Arc::new(ActionCache::default()),
            started_at: Timestamp::default(),
            seed: 0,
            limits: self.0.config.limits,
        }
    }

    fn store(&self, sandbox: Sandbox) -> Store<Sandbox> {
        let inner: &Arc<Inner> = &self.0;
        let deadline_ms = sandbox.limits().deadline_ms;
        let tick_ms = inner.config.tick_ms.max(1);
        // One tick more: the first one may come right after the start.
        let deadline_ticks = deadline_ms.div_ceil(tick_ms) + 1;
        let mut store = Store::new(&inner.engine, sandbox);
        store.set_hostcall_fuel(store.data().limits().call_bytes_max);
        store.limiter(|sandbox| &mut sandbox.memory);
        store.set_epoch_deadline(1);
        let clock = Arc::clone(inner);
        let start = clock.ticks.load(std::sync::atomic::Ordering::Relaxed);
        store.epoch_deadline_callback(move |_| {
            let now = clock.ticks.load(std::sync::atomic::Ordering::Relaxed);
            if now.saturating_sub(start) >= deadline_ticks {
                return Err(Stop::Deadline { deadline_ms }.into());
            }
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
        let handler = action
            .0
            .handlers
            .iter()
            .find(|(served, _)| *served == trigger);
        let Some((_, export)) = handler else {
            return Ok(Err(format!("the module has no handler for {trigger}")));
        };
        let instance = action.0.instance_pre.instantiate_async(&mut *store).await?;
        let handler: Handler = instance.get_typed_func(&mut *store, export)?;
        let (result,) = handler.call_async(&mut *store, ()).await?;
        Ok(result)
    }
}

/// How much later than its deadline an execution that waits in a host call ends, in
/// milliseconds: epochs tell a computing guest first, with the same fault.
const GRACE_MS: u64 = 50;

/// Ends an execution that waits in a host call beyond its deadline: epochs only
/// reach guests that compute.
async fn bounded<T>(
    limits: &Limits,
    execution: impl Future<Output = wasmtime::Result<T>>,
) -> wasmtime::Result<T> {
    let patience = Duration::from_millis(limits.deadline_ms + GRACE_MS);
    match tokio::time::timeout(patience, execution).await {
        Ok(result) => result,
        Err(_) => Err(Stop::Deadline {
            deadline_ms: limits.deadline_ms,
        }
        .into()),
    }
}
