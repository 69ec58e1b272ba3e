//! Environments for Python programs, apart from what the system has.

use std::path::Path;

use anyhow::Result;

use crate::{guests::debian, process::Program};

/// What Debian calls Python and the means to make environments.
const DEBIAN_PACKAGES: [&str; 2] = ["python3", "python3-venv"];

/// Makes a fresh environment, over what an interrupted run may have left.
pub(crate) fn make_environment(folder: &Path) -> Result<()> {
    if venv(folder).is_err() {
        // Debian ships a Python without the means to make environments.
        debian::ensure(&DEBIAN_PACKAGES)?;
        venv(folder)?;
    }
    Ok(())
}

fn venv(folder: &Path) -> Result<()> {
    Program::new("python3")
        .args(["-m", "venv", "--clear"])
        .args([folder])
        .read()?;
    Ok(())
}
