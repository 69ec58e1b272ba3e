//! Uploading a module, and running it once if it is taken.

use std::sync::{Arc, OnceLock};

use claimsmith_model::Blame;
use claimsmith_runtime::{
    ActionEngine, CheckError, CodeSetup, EngineConfig, Invocation, Limits, OutgoingNetwork, Share,
    Ticker,
};
use tokio::runtime::Runtime;

/// How long a module may run. Most of those that are made up end at once or never.
const DEADLINE_MS: u64 = 50;

/// What became of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was refused, by its own fault.
    Refused,
    /// It was taken, and failed when it ran, by its own fault.
    Failed,
    /// It was taken and ran to its end.
    Succeeded,
}

/// Any bytes as an upload: a component is refused or taken, and ends, by its own fault, at
/// the latest at its deadline.
///
/// Core modules are left out, as they are compiled in this process here: `wit-component`
/// 0.254 goes round without end where the types that one brings along need each other in a
/// circle. A server survives that, because it compiles in a process for each module; the
/// tests upload mutated core modules to one that does.
///
/// # Panics
/// When that doesn't hold.
pub fn upload(bytes: &[u8]) {
    static LABORATORY: OnceLock<Laboratory> = OnceLock::new();
    if bytes.starts_with(b"\0asm\x01\0\0\0") {
        return;
    }
    LABORATORY
        .get_or_init(|| Laboratory::new(CodeSetup::default()))
        .upload(bytes);
}

/// One engine for many uploads, so that what one of them breaks is seen with the next.
#[derive(Debug)]
pub struct Laboratory {
    runtime: Runtime,
    engine: ActionEngine,
    share: Share,
    _ticker: Ticker,
}

impl Laboratory {
    /// An engine that makes its code so.
    ///
    /// # Panics
    /// When this machine can't have one.
    #[must_use]
    pub fn new(code: CodeSetup) -> Self {
        let config = EngineConfig {
            executions_max: 2,
            limits: limits(),
            // What was compiled is of no use to the next one.
            idle_code_bytes_max: 0,
            ..EngineConfig::default()
        };
        let engine = ActionEngine::set_up(config, code, OutgoingNetwork::default())
            .expect("this machine can run an engine");
        Self {
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .expect("this machine can run a runtime"),
            share: Share {
                name: Arc::from("laboratory"),
                places_max: 2,
            },
            _ticker: engine
                .start_ticker()
                .expect("this machine can run a thread"),
            engine,
        }
    }

    /// Uploads any bytes, and runs them once if they are taken.
    ///
    /// # Panics
    /// When that brought a fault of the host's.
    pub fn upload(&self, bytes: &[u8]) -> Verdict {
        self.runtime.block_on(self.experiment(bytes))
    }

    async fn experiment(&self, bytes: &[u8]) -> Verdict {
        let action = match self.engine.check(&self.share, Arc::from(bytes)).await {
            Ok(action) => action,
            Err(CheckError::Problems(problems)) => {
                assert!(!problems.is_empty(), "a refusal says why");
                for problem in problems {
                    assert!(problem.message.len() < 5_000, "{}", problem.message);
                }
                return Verdict::Refused;
            }
            Err(other) => unreachable!("the host's fault: {other}"),
        };
        let place = self.engine.enter(&self.share).await;
        let place = place.expect("there is a place, as nothing else runs");
        let trigger = *action.info().triggers.first().expect("it serves a trigger");
        let outcome = self
            .engine
            .execute(&place, &action, Invocation::blank(trigger, limits()))
            .await;
        match outcome.fault {
            None => Verdict::Succeeded,
            Some(fault) => {
                assert_eq!(fault.blame, Blame::Action, "{fault:?}");
                assert!(outcome.commands.is_empty() && outcome.denial.is_none());
                Verdict::Failed
            }
        }
    }
}

fn limits() -> Limits {
    Limits {
        deadline_ms: DEADLINE_MS,
        ..Limits::default()
    }
}
