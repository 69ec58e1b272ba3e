//! Telling why an execution ended, and whose fault that was.

use claimsmith_model::{Fault, FaultKind};
use wasmtime::Trap;

/// The longest text of a fault that is kept, in bytes; a guest's error text may
/// be as long as its memory.
pub(crate) const MESSAGE_BYTES_MAX: usize = 4_096;

/// Wasmtime's words for the limits that it keeps for us, for which it has no types: the
/// number of instances, memories and tables, and what one call hands over.
const LIMIT_TEXTS: [&str; 2] = ["resource limit exceeded", "fuel allocated for hostcalls"];

/// Why the host itself ended an execution.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    /// It took too long.
    #[error("the execution took longer than its deadline of {deadline_ms} ms")]
    Deadline { deadline_ms: u64 },
    /// It asked for more, or larger, things than it may.
    #[error("{0}")]
    Limit(String),
}

/// A fault of the given kind, with its blame and a bounded message.
pub(crate) fn fault(kind: FaultKind, message: &str) -> Fault {
    let end = message.floor_char_boundary(MESSAGE_BYTES_MAX);
    Fault {
        kind,
        blame: kind.blame(),
        message: message.get(..end).unwrap_or_default().to_owned(),
    }
}

/// What an error of an execution means. `memory_refused` tells that the guest was
/// refused memory before, of which a trap is then the consequence.
///
/// The guest is to blame unless the error is known to be the host's: most ways in
/// which a guest breaks the rules (invalid UTF-8, a handle that isn't there) are
/// plain errors in wasmtime, not traps.
pub(crate) fn classify(error: &wasmtime::Error, memory_refused: Option<&str>) -> Fault {
    if let Some(stop) = error.downcast_ref::<Stop>() {
        let kind = match stop {
            Stop::Deadline { .. } => FaultKind::Deadline,
            Stop::Limit(_) => FaultKind::Limit,
        };
        return fault(kind, &stop.to_string());
    }
    if is_host_error(error) {
        return fault(FaultKind::Host, &format!("{error:#}"));
    }
    let text = error.root_cause().to_string();
    if LIMIT_TEXTS.iter().any(|limit| text.contains(limit)) {
        return fault(
            FaultKind::Limit,
            &format!("the Action went beyond a limit: {text}"),
        );
    }
    if let Some(exit) = error.downcast_ref::<wasmtime_wasi::I32Exit>() {
        let code = exit.0;
        let text = format!("the Action ended its process with exit code {code}");
        return fault(FaultKind::GuestError, &text);
    }
    let what = match error.downcast_ref::<Trap>() {
        Some(trap) => format!("{trap}{}", place(error)),
        None => format!("{}{}", error.root_cause(), place(error)),
    };
    match memory_refused {
        Some(refused) => fault(
            FaultKind::Memory,
            &format!("{refused}; it then trapped: {what}"),
        ),
        None => fault(FaultKind::Trap, &format!("the Action trapped: {what}")),
    }
}

/// Whether the host lacked something that it owed the guest.
fn is_host_error(error: &wasmtime::Error) -> bool {
    error.is::<wasmtime::PoolConcurrencyLimitError>() || error.is::<std::io::Error>()
}

/// The innermost named function of the trap's backtrace.
fn place(error: &wasmtime::Error) -> String {
    error
        .downcast_ref::<wasmtime::WasmBacktrace>()
        .and_then(|backtrace| {
            backtrace
                .frames()
                .iter()
                .find_map(wasmtime::FrameInfo::func_name)
        })
        .map(|name| format!(" (in `{name}`)"))
        .unwrap_or_default()
}
