//! Other people's OAuth clients, which the integration tests run: `tests/clients`,
//! installed into `target/clients`.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{
    guests::debian,
    process::{self, Program},
    python, terminal,
};

/// The packages are some tens of megabytes from either registry; what takes this long
/// hangs.
const INSTALL_TIME_LIMIT: Duration = Duration::from_secs(10 * 60);

/// The oldest Node.js that the clients run on.
const NODE_MAJOR_MIN: u32 = 20;

/// What Debian calls Node.js and its package manager.
const NODE_PACKAGES: [&str; 2] = ["nodejs", "npm"];

/// The browser, and letters for its pages: without any they are blank.
const BROWSER_PACKAGES: [&str; 2] = ["chromium", "fonts-liberation"];

/// Installs what `tests/clients` says, each package at its version and by its digest,
/// unless that is what is there; and a browser.
pub(crate) fn install(root: &Path) -> Result<()> {
    let source = root.join("tests/clients");
    let target = root.join("target/clients");
    npm_packages(&source, &target.join("npm"))
        .context("the clients of npm could not be installed")?;
    python_packages(&source, &target.join("python"))
        .context("the clients of PyPI could not be installed")?;
    browser().context("the clients in a browser need Chromium")?;
    println!("The clients are installed.");
    Ok(())
}

fn npm_packages(source: &Path, folder: &Path) -> Result<()> {
    ensure_node()?;
    let lock = read(&source.join("package-lock.json"))?;
    once(folder, &lock, "npm's packages", || {
        let package = read(&source.join("package.json"))?;
        process::write_file(&folder.join("package.json"), package)?;
        process::write_file(&folder.join("package-lock.json"), &lock)?;
        Program::new("npm")
            .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
            .dir(folder)
            .time_limit(INSTALL_TIME_LIMIT)
            .run()
            .context("npm needs its registry, or a mirror that it is configured for")
    })
}

fn python_packages(source: &Path, folder: &Path) -> Result<()> {
    let file = source.join("requirements.txt");
    let requirements = read(&file)?;
    once(folder, &requirements, "PyPI's packages", || {
        python::make_environment(folder)?;
        Program::new(folder.join("bin/python"))
            .args(["-m", "pip", "install", "--disable-pip-version-check"])
            // Without a wheel pip would try to compile it, which takes a toolchain more.
            .args(["--only-binary=:all:", "--require-hashes", "--requirement"])
            .args([&file])
            .time_limit(INSTALL_TIME_LIMIT)
            .run()
            .context(
                "they take Python 3.10 or newer, and PyPI or a mirror that pip is configured for",
            )
    })
}

/// Makes sure that a browser can be started. Any Chromium serves, as what is tested is
/// the client in it.
fn browser() -> Result<()> {
    if process::find_in_path("chromium").is_some() {
        return Ok(());
    }
    debian::ensure(&BROWSER_PACKAGES)
}

fn ensure_node() -> Result<()> {
    if process::find_in_path("node").is_none() || process::find_in_path("npm").is_none() {
        debian::ensure(&NODE_PACKAGES)?;
    }
    let version = Program::new("node").args(["--version"]).read()?;
    if major(&version).is_none_or(|major| major < NODE_MAJOR_MIN) {
        bail!(
            "Node.js {NODE_MAJOR_MIN} or newer is needed; the one in PATH is {}",
            version.trim()
        );
    }
    Ok(())
}

/// The first number of a version as Node.js tells it, such as `v20.20.2`.
fn major(version: &str) -> Option<u32> {
    version
        .trim()
        .strip_prefix('v')?
        .split('.')
        .next()?
        .parse()
        .ok()
}

/// Installs what `listed` lists into a folder, unless exactly that was installed there.
fn once(
    folder: &Path,
    listed: &str,
    what: &str,
    install: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let installed = folder.join("installed.txt");
    if fs::read_to_string(&installed).is_ok_and(|text| text == listed) {
        return Ok(());
    }
    println!("Installing {what} into {}.", folder.display());
    let started = Instant::now();
    install()?;
    process::write_file(&installed, listed)?;
    println!("Installed in {}.", terminal::elapsed(started.elapsed()));
    Ok(())
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_of_node_is_understood() {
        assert_eq!(major("v20.20.2\n"), Some(20));
        assert_eq!(major("v8.0.0"), Some(8));
        assert_eq!(major("node"), None);
        assert_eq!(major(""), None);
    }

    #[test]
    fn what_is_installed_is_installed_once_and_again_when_the_list_changes() {
        let folder = std::env::temp_dir().join(format!("claimsmith-once-{}", std::process::id()));
        let mut times = 0;
        for listed in ["a 1", "a 1", "a 2", "a 2"] {
            once(&folder, listed, "packages", || {
                times += 1;
                Ok(())
            })
            .unwrap();
        }
        let failed = once(&folder, "a 3", "packages", || bail!("no network"));

        assert_eq!(times, 2);
        assert_eq!(failed.unwrap_err().to_string(), "no network");
        assert_eq!(
            fs::read_to_string(folder.join("installed.txt")).unwrap(),
            "a 2"
        );
        fs::remove_dir_all(folder).unwrap();
    }
}
