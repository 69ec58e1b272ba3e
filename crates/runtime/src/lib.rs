//! The host of Actions: checks an uploaded module, compiles and caches it, and
//! runs it in a sandbox of its own for every execution.
//!
//! The crate knows neither OAuth nor storage. It receives bytes, an event and two
//! claim ledgers, and returns an [`Outcome`]: what the Action asked for, what it
//! logged, what it used, and, if it failed, whose fault that was. Whether a claim
//! passes is decided by `claimsmith-claims`; this crate only asks.
//!
//! A guest gets nothing but the contract in `wit/`, a WASI without files,
//! environment, sockets or real clocks, and HTTP calls to the hosts that its Action
//! lists. Time and randomness come from the invocation, so that an execution without
//! HTTP calls can be repeated exactly.
//!
//! | to | call |
//! |---|---|
//! | prove an upload | [`ActionEngine::check`] |
//! | load a checked module | [`ActionEngine::find`], and [`ActionEngine::load`] where that finds none |
//! | get a place to run it | [`ActionEngine::enter`] |
//! | run it | [`ActionEngine::execute`] |
//! | prove a custom database's script, and run it | [`ActionEngine::check_script`], [`ActionEngine::execute_script`] |

mod admission;
mod cache;
mod code_cache;
mod compile;
mod engine;
mod execute;
mod execute_script;
mod fault;
mod figures;
mod host;
mod invocation;
mod library;
mod limits;
mod log;
mod long_lane;
mod module;
mod outgoing;
mod sandbox;
mod script;

pub use admission::{Busy, Occupancy, Place, Share};
pub use cache::{ActionCache, CacheLimits};
pub use compile::{CodeFolder, WorkerError, WorkerProgram, run_compile_worker};
pub use engine::{ActionEngine, CompiledAction, EngineConfig, EngineError, Ticker};
pub use execute_script::PROFILE_BYTES_MAX;
pub use figures::{CodeFigures, EngineFigures};
pub use invocation::{Invocation, Outcome};
pub use library::CodeSetup;
pub use limits::Limits;
pub use module::{CheckError, ModuleProblem};
pub use outgoing::{AddressRange, InvalidRange, InvalidRoots, OutgoingNetwork};
pub use script::{ScriptAnswer, ScriptCall, ScriptInvocation, ScriptOutcome};
