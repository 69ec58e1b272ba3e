//! What the server's process has of the machine's memory.

use std::fs;

use anyhow::{Context, Result};

/// A process's memory, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    /// What it has now.
    pub(crate) resident: u64,
    /// The most that it has had.
    pub(crate) peak: u64,
}

impl Memory {
    /// Reads `/proc/<process>/status`.
    pub(crate) fn of(process: u32) -> Result<Self> {
        let file = format!("/proc/{process}/status");
        let status =
            fs::read_to_string(&file).with_context(|| format!("{file}: the server is gone"))?;
        let bytes = |name: &str| {
            bytes(&status, name).with_context(|| format!("{file} has no {name} in kilobytes"))
        };
        Ok(Self {
            resident: bytes("VmRSS:")?,
            peak: bytes("VmHWM:")?,
        })
    }
}

fn bytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    kilobytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_kilobytes_is_read() {
        let status = "Name:\tx\nVmHWM:\t     100 kB\nVmRSS:\t      64 kB\n";

        assert_eq!(bytes(status, "VmRSS:"), Some(65_536));
        assert_eq!(bytes(status, "VmSwap:"), None);
    }
}
