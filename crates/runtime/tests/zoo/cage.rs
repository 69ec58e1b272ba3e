//! An engine with hostile guests in it.

use std::{fs, path::PathBuf, sync::Arc};

use claimsmith_claims::Ledger;
use claimsmith_model::{ActionSecret, Blame, Fault, FaultKind, Secret, Timestamp, Trigger};
use claimsmith_runtime::{
    ActionEngine, CheckError, CompiledAction, EngineConfig, Invocation, Limits, ModuleProblem,
    Outcome, Share, Ticker,
};

/// An engine whose ticks come by the clock.
pub(crate) struct Cage {
    pub(crate) engine: ActionEngine,
    pub(crate) limits: Limits,
    _ticker: Ticker,
}

impl Cage {
    /// A cage of the default limits.
    pub(crate) fn new() -> Self {
        Self::with(Limits::default())
    }

    /// A cage in which these limits hold for every execution, and for uploads.
    pub(crate) fn with(limits: Limits) -> Self {
        Self::of(EngineConfig {
            executions_max: 4,
            limits,
            ..EngineConfig::default()
        })
    }

    pub(crate) fn of(config: EngineConfig) -> Self {
        let engine = ActionEngine::new(config).unwrap();
        let ticker = engine.start_ticker().unwrap();
        Self {
            engine,
            limits: config.limits,
            _ticker: ticker,
        }
    }

    /// Uploads a module that must be accepted.
    pub(crate) async fn admit(&self, module: &Arc<[u8]>) -> CompiledAction {
        self.engine
            .check(&share(), Arc::clone(module))
            .await
            .unwrap()
    }

    /// Uploads a module that must be refused, for one reason. Afterwards the engine still
    /// runs good guests.
    pub(crate) async fn refusal(&self, module: &Arc<[u8]>) -> ModuleProblem {
        let problem = match self.engine.check(&share(), Arc::clone(module)).await {
            Err(CheckError::Problems(mut problems)) if problems.len() == 1 => problems.remove(0),
            other => panic!("one problem was expected: {other:?}"),
        };
        self.run_a_good_guest().await;
        problem
    }

    /// Runs a module, with a script as its secret `BEAST` unless that is empty. Nothing of
    /// a failed run may remain, and the engine must still run good guests.
    pub(crate) async fn run(&self, module: &Arc<[u8]>, script: &str) -> Outcome {
        let action = self.admit(module).await;
        let invocation = invocation(self.limits, script);
        let event = Arc::clone(&invocation.event);

        let outcome = execute(&self.engine, &action, invocation).await;

        if outcome.fault.is_some() {
            assert_eq!(outcome.commands, []);
            assert_eq!(outcome.denial, None);
            assert_eq!(claims(&outcome.access_token), [""; 0]);
            assert_eq!(claims(&outcome.id_token), [""; 0]);
            assert!(Arc::ptr_eq(&outcome.event, &event));
        }
        self.run_a_good_guest().await;
        outcome
    }

    /// Runs a module that must succeed.
    pub(crate) async fn succeed(&self, module: &Arc<[u8]>, script: &str) -> Outcome {
        let outcome = self.run(module, script).await;
        assert_eq!(outcome.fault, None, "{script}");
        outcome
    }

    /// Runs a module that must fail so, by its own fault.
    pub(crate) async fn fail(&self, module: &Arc<[u8]>, script: &str, kind: FaultKind) -> Fault {
        let fault = self.run(module, script).await.fault.unwrap();
        assert_eq!(
            (fault.kind, fault.blame),
            (kind, Blame::Action),
            "{fault:?}"
        );
        fault
    }

    async fn run_a_good_guest(&self) {
        let action = self.admit(&zoo()).await;
        let invocation = invocation(Limits::default(), "claims 1");
        let good = execute(&self.engine, &action, invocation).await;
        assert_eq!(good.fault, None);
        assert_eq!(claims(&good.access_token), ["https://zoo.example.com/c0"]);
    }
}

/// Runs a module once, when there is a place for it.
pub(crate) async fn execute(
    engine: &ActionEngine,
    action: &CompiledAction,
    invocation: Invocation,
) -> Outcome {
    let place = engine.enter(&share()).await.unwrap();
    engine.execute(&place, action, invocation).await
}

/// The tenant that all guests belong to.
pub(crate) fn share() -> Share {
    Share {
        name: Arc::from("tenant"),
        places_max: 4,
    }
}

/// One login, with a script for the zoo.
pub(crate) fn invocation(limits: Limits, script: &str) -> Invocation {
    let secret = (!script.is_empty()).then(|| ActionSecret {
        name: "BEAST".to_owned(),
        value: Secret::new(script),
        updated_at: Timestamp::default(),
    });
    Invocation {
        secrets: secret.into_iter().collect(),
        ..Invocation::blank(Trigger::PostLogin, limits)
    }
}

/// The names of a ledger's claims.
pub(crate) fn claims(ledger: &Ledger) -> Vec<&str> {
    ledger.names().collect()
}

/// The messages of an outcome's log.
pub(crate) fn logged(outcome: &Outcome) -> Vec<&str> {
    outcome
        .logs
        .iter()
        .map(|line| line.message.as_str())
        .collect()
}

/// The guest that does what its script says.
pub(crate) fn zoo() -> Arc<[u8]> {
    let file = root().join("target/guests/zoo.wasm");
    let module = fs::read(&file).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; build the guests with `cargo xtask guests`",
            file.display()
        )
    });
    Arc::from(module)
}

/// A guest written by hand: `tests/guests/zoo/wat/<name>.wat`.
pub(crate) fn wat(name: &str) -> Arc<[u8]> {
    Arc::from(wat::parse_str(wat_text(name)).unwrap())
}

/// The text of such a guest.
pub(crate) fn wat_text(name: &str) -> String {
    let file = root().join("tests/guests/zoo/wat").join(name);
    fs::read_to_string(file.with_extension("wat")).unwrap()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}
