//! The Action's log, kept with the execution.
//!
//! ```
//! # let seats = 3;
//! actions_sdk::log::info("nothing to do");
//! actions_sdk::log::warn(format!("only {seats} seats left"));
//! ```
//!
//! What an execution may log is limited; what is beyond is dropped, and the
//! report says how much was. In a native test the lines are in
//! [`Recorded::logs`](crate::testing::Recorded::logs).

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Only of use while looking for a fault.
    Debug,
    /// Worth knowing.
    Info,
    /// Unexpected, though the Action can go on.
    Warn,
    /// Something failed.
    Error,
}

/// Logs what is only of use while looking for a fault.
pub fn debug(message: impl AsRef<str>) {
    write(Level::Debug, message.as_ref());
}

/// Logs what is worth knowing.
pub fn info(message: impl AsRef<str>) {
    write(Level::Info, message.as_ref());
}

/// Logs what is unexpected, though the Action can go on.
pub fn warn(message: impl AsRef<str>) {
    write(Level::Warn, message.as_ref());
}

/// Logs that something failed.
pub fn error(message: impl AsRef<str>) {
    write(Level::Error, message.as_ref());
}

#[cfg(target_arch = "wasm32")]
fn write(level: Level, message: &str) {
    use crate::bindings::claimsmith::actions::log;

    let level = match level {
        Level::Debug => log::Level::Debug,
        Level::Info => log::Level::Info,
        Level::Warn => log::Level::Warn,
        Level::Error => log::Level::Error,
    };
    log::write(level, message);
}

#[cfg(not(target_arch = "wasm32"))]
fn write(level: Level, message: &str) {
    crate::testing::write_log(level, message);
}
