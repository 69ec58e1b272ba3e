//! The `claimsmith` binary's parts: command line, configuration, wiring, shutdown.
//!
//! The library half exists so that tests can start the very server that the binary
//! starts. What it deliberately leaves out: any decision about tokens; those are in
//! `claimsmith-service`.

mod action_run;
mod allocator;
mod backup;
mod bootstrap;
mod certificate;
mod cli;
mod compiler;
mod limit_options;
mod limit_table;
mod master_key;
mod outgoing;
mod pem;
mod process;
mod restore;
mod serve;
mod system;
mod telemetry;
mod tls;
mod tls_dev;

pub use cli::run;
pub use compiler::compiler;
pub use outgoing::OutgoingConfig;
pub use serve::{RunningServer, ServeConfig, start};
pub use system::{SystemClock, SystemRandom};
pub use tls::TlsOptions;
