//! The `claimsmith` command line as a process.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

use super::actions::module_file;

/// The program, with nothing of this process's configuration.
pub(crate) fn claimsmith() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_claimsmith-under-test"));
    command.stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CLAIMSMITH_") {
            command.env_remove(name);
        }
    }
    command
}

/// Runs `claimsmith action run` on a guest, with `--json`, and answers its report.
/// The exit status says whether the Action succeeded.
pub(crate) fn action_run(guest: &str, event: &Value, arguments: &[&str]) -> (i32, Value) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("event.json");
    std::fs::write(&file, event.to_string()).unwrap();
    let output = run_module(&module_file(guest), &file, arguments);
    let text = String::from_utf8(output.stdout).unwrap();
    let report = serde_json::from_str(&text)
        .unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code().unwrap(), report)
}

/// Runs `claimsmith action run --json` on a file.
pub(crate) fn run_module(module: &Path, event: &Path, arguments: &[&str]) -> Output {
    let mut command = claimsmith();
    command
        .args(["action", "run"])
        .arg(module)
        .arg("--event")
        .arg(event);
    command.arg("--json").args(arguments).output().unwrap()
}
