//! A Rust toolchain for `wasm32-unknown-unknown`.
//!
//! rustup's is asked for first. Where its server can't be reached, Debian packages a
//! compiler for that target together with the standard library's source, which cargo
//! then builds along with the guest.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    str::FromStr,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow, bail};

use super::debian;
use crate::{
    process::{self, Program, steers_a_toolchain},
    terminal,
};

/// The target that guests are compiled for: a core module that imports nothing but
/// the contract.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// What Debian needs to have installed.
const DEBIAN_PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld"];

/// Downloading one target takes seconds; an isolated machine may wait for ever.
const RUSTUP_TIME_LIMIT: Duration = Duration::from_secs(120);

/// A toolchain that can compile guests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Toolchain {
    /// The one that compiles the host, with the target's standard library added.
    Rustup,
    /// Debian's packages, in `/usr/bin`.
    Debian,
}

/// Which toolchain the caller wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Whichever can be had, rustup's first.
    Any,
    /// That one or none.
    Only(Toolchain),
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "rustup" => Ok(Self::Only(Toolchain::Rustup)),
            "debian" => Ok(Self::Only(Toolchain::Debian)),
            _ => Err(format!(
                "`{name}` is no guest toolchain; there are rustup and debian"
            )),
        }
    }
}

/// Finds a toolchain that can compile guests, and installs one if there is none.
///
/// That rustup's could not be had is remembered in `target/`, so that only the first
/// run waits for its server.
pub(crate) fn ensure(root: &Path, choice: Choice) -> Result<Toolchain> {
    match choice {
        Choice::Only(Toolchain::Rustup) => install_from_rustup(root).map(|()| Toolchain::Rustup),
        Choice::Only(Toolchain::Debian) => {
            debian::ensure(&DEBIAN_PACKAGES).map(|()| Toolchain::Debian)
        }
        Choice::Any => ensure_any(root),
    }
}

fn ensure_any(root: &Path) -> Result<Toolchain> {
    let remembered = root.join("target/guest-toolchain");
    if rustup_has_target(root) {
        return Ok(Toolchain::Rustup);
    }
    if fs::read_to_string(&remembered).is_ok_and(|name| name.trim() == "debian")
        && debian::missing(&DEBIAN_PACKAGES).is_empty()
    {
        return Ok(Toolchain::Debian);
    }
    let Err(rustup) = install_from_rustup(root) else {
        return Ok(Toolchain::Rustup);
    };
    println!("No {TARGET} from rustup ({rustup:#}); using Debian's packages.");
    debian::ensure(&DEBIAN_PACKAGES).map_err(|debian| {
        anyhow!(
            "there is no Rust toolchain for {TARGET}, which the Actions need:\n\
             - rustup: {rustup:#}\n\
             - Debian: {debian:#}\n\
             Either of these gives one, and is then found by itself:\n\
             - rustup target add {TARGET}\n\
             - apt-get install {}",
            DEBIAN_PACKAGES.join(" ")
        )
    })?;
    process::write_file(&remembered, "debian\n")?;
    Ok(Toolchain::Debian)
}

impl Toolchain {
    /// This toolchain's cargo; arguments are still to be added.
    pub(crate) fn cargo(self) -> Program {
        match self {
            Self::Rustup => Program::cargo().without_env(steers_the_host_build),
            Self::Debian => Program::new("/usr/bin/cargo")
                .without_env(steers_a_toolchain)
                .env("PATH", usr_bin_first())
                // Building the standard library is unstable, and Debian's compiler is
                // a stable one.
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-ld"),
        }
    }

    /// What `cargo build` needs besides the target.
    pub(crate) fn build_flags(self) -> &'static [&'static str] {
        match self {
            Self::Rustup => &[],
            Self::Debian => &["-Zbuild-std=std,panic_abort"],
        }
    }
}

/// Flags meant for the host's compiler break the build of a guest: coverage, a
/// linker, a target CPU.
fn steers_the_host_build(variable: &str) -> bool {
    [
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_BUILD_TARGET",
        "RUSTC_WRAPPER",
    ]
    .contains(&variable)
}

fn rustup_has_target(root: &Path) -> bool {
    let sysroot = Program::new("rustc")
        .args(["--print", "sysroot"])
        .dir(root)
        .read();
    sysroot.is_ok_and(|path| {
        Path::new(path.trim())
            .join("lib/rustlib")
            .join(TARGET)
            .is_dir()
    })
}

fn install_from_rustup(root: &Path) -> Result<()> {
    if rustup_has_target(root) {
        return Ok(());
    }
    let started = Instant::now();
    println!("Asking rustup for the target {TARGET}.");
    let answer = Program::new("rustup")
        .args(["target", "add", TARGET])
        .dir(root)
        // One answer is enough: there is another way.
        .env("RUSTUP_MAX_RETRIES", "0")
        .time_limit(RUSTUP_TIME_LIMIT)
        .capture()?;
    if !answer.status.success() {
        bail!("{}", last_error(&answer.stderr));
    }
    if !rustup_has_target(root) {
        bail!("it says that {TARGET} is installed, but `rustc --print sysroot` has it not");
    }
    println!("Got it in {}.", terminal::elapsed(started.elapsed()));
    Ok(())
}

/// The first line that says what went wrong; rustup puts its causes below it.
fn last_error(stderr: &str) -> &str {
    let mut lines = stderr
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    let error = lines.clone().find_map(|line| line.strip_prefix("error: "));
    error
        .or_else(|| lines.next_back())
        .unwrap_or("it failed without a word")
}

fn usr_bin_first() -> OsString {
    let inherited = env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(PathBuf::from("/usr/bin")).chain(env::split_paths(&inherited));
    // Only a folder with the separator in its name can't be joined, and none came apart.
    env::join_paths(folders).unwrap_or(inherited)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_rustup_says_the_error_is_told() {
        let stderr = "info: downloading component rust-std\nerror: could not download file\n  caused by: no route\n";

        assert_eq!(last_error(stderr), "could not download file");
        assert_eq!(last_error("gone\n\n"), "gone");
        assert_eq!(last_error(""), "it failed without a word");
    }

    #[test]
    fn a_toolchain_is_asked_for_by_name() {
        assert_eq!("debian".parse(), Ok(Choice::Only(Toolchain::Debian)));
        assert_eq!(
            "nix".parse::<Choice>().unwrap_err(),
            "`nix` is no guest toolchain; there are rustup and debian"
        );
    }
}
