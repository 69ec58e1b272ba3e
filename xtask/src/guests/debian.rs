//! Debian's packages, installed when they are missing.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::{
    process::{self, Program},
    terminal,
};

/// A compiler is a few hundred megabytes; what takes this long hangs.
const APT_TIME_LIMIT: Duration = Duration::from_secs(15 * 60);

/// Makes sure that these packages are installed.
///
/// # Errors
/// Where there is no `apt-get`, no right to install, or no such package.
pub(crate) fn ensure(packages: &[&str]) -> Result<()> {
    let missing = missing(packages);
    if missing.is_empty() {
        return Ok(());
    }
    if process::find_in_path("apt-get").is_none() {
        bail!(
            "this machine has no apt-get to install {} with",
            missing.join(" ")
        );
    }
    let started = Instant::now();
    println!("Installing Debian's packages {}.", missing.join(" "));
    if let Err(error) = install(&missing) {
        // A fresh machine has no lists of packages, an old one outdated ones.
        println!("{error:#}; once more, with the lists of packages renewed.");
        apt_get(&["update"])?.run()?;
        install(&missing)?;
    }
    println!("Installed in {}.", terminal::elapsed(started.elapsed()));
    Ok(())
}

/// Those of the packages that are not installed.
pub(crate) fn missing<'p>(packages: &[&'p str]) -> Vec<&'p str> {
    packages
        .iter()
        .copied()
        .filter(|package| !is_installed(package))
        .collect()
}

fn is_installed(package: &str) -> bool {
    let status = Program::new("dpkg-query").args(["-W", "-f", "${db:Status-Status}", package]);
    status.read().is_ok_and(|text| text == "installed")
}

fn install(packages: &[&str]) -> Result<()> {
    apt_get(&["install", "--yes", "--no-install-recommends"])?
        .args(packages)
        .run()
}

/// `apt-get` with the rights it needs.
fn apt_get(arguments: &[&str]) -> Result<Program> {
    let user = Program::new("id")
        .args(["-u"])
        .read()
        .context("asking who I am")?;
    let program = if user.trim() == "0" {
        Program::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive")
    } else if Program::new("sudo").args(["-n", "true"]).read().is_ok() {
        Program::new("sudo").args(["-n", "DEBIAN_FRONTEND=noninteractive", "apt-get"])
    } else {
        bail!("installing packages needs root, or a sudo that asks no password");
    };
    Ok(program.args(arguments).time_limit(APT_TIME_LIMIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_that_does_not_exist_is_missing() {
        assert_eq!(
            missing(&["no-such-package-anywhere"]),
            ["no-such-package-anywhere"]
        );
    }
}
