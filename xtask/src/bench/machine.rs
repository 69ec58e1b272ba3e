//! The machine that is measured on.

use std::{fs, thread};

use serde_json::{Value, json};

use crate::process::Program;

/// How many processors are measured on, whatever the machine has: the peer's cluster has
/// two workers, and what a figure means must not depend on the machine's size.
pub(crate) const PROCESSORS: usize = 2;

/// What a machine is, as far as figures depend on it.
#[derive(Debug)]
pub(crate) struct Machine {
    processor: String,
    /// How many there are.
    pub(crate) processors: usize,
    kernel: String,
    load: String,
}

impl Machine {
    /// This machine; what can't be found out is empty.
    pub(crate) fn this() -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpuinfo.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            (name.trim() == "model name").then(|| value.trim().to_owned())
        });
        let kernel = Program::new("uname").args(["-sr"]).read();
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Self {
            processor: model.unwrap_or_default(),
            processors: thread::available_parallelism().map_or(1, usize::from),
            kernel: kernel.unwrap_or_default().trim().to_owned(),
            load: load.split(' ').take(3).collect::<Vec<_>>().join(" "),
        }
    }

    /// A line about it.
    pub(crate) fn line(&self) -> String {
        format!(
            "{}, {} processors of which {} are used, {}; load before: {}",
            self.processor,
            self.processors,
            self.processors.min(PROCESSORS),
            self.kernel,
            self.load
        )
    }

    /// All of it.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "processor": self.processor,
            "processors": self.processors,
            "processors_used": self.processors.min(PROCESSORS),
            "kernel": self.kernel,
            "load_before": self.load,
        })
    }
}
