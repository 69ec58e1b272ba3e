//! Cargo subcommands that the checks need, installed once into `target/tools`.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use crate::{
    process::{self, Program},
    terminal,
};

/// Downloading and compiling one tool takes minutes on a small machine; what takes
/// this long hangs.
const INSTALL_TIME_LIMIT: Duration = Duration::from_secs(45 * 60);

/// A cargo subcommand that is a package of its own on crates.io.
#[derive(Debug)]
pub(crate) struct Tool {
    package: &'static str,
    version: &'static str,
    any_version_serves: bool,
}

/// The test runner. What we use of it is in every version.
pub(crate) const NEXTEST: Tool = Tool {
    package: "cargo-nextest",
    version: "0.9.143",
    any_version_serves: true,
};

/// Checks dependencies. Pinned: the meaning of `deny.toml` changes with versions.
pub(crate) const DENY: Tool = Tool {
    package: "cargo-deny",
    version: "0.20.2",
    any_version_serves: false,
};

impl Tool {
    /// A run of the tool in the workspace's root, as `cargo <subcommand>` would run
    /// it; arguments are still to be added.
    pub(crate) fn program(&self, root: &Path) -> Result<Program> {
        Ok(Program::new(self.ensure(root)?)
            .args([self.subcommand()])
            .dir(root))
    }

    /// The tool's program, installed first if need be.
    fn ensure(&self, root: &Path) -> Result<PathBuf> {
        let tools = root.join("target/tools");
        let own = tools
            .join("bin")
            .join(self.package)
            .with_extension(env::consts::EXE_EXTENSION);
        let installed = process::find_in_path(self.package)
            .into_iter()
            .chain([own.clone()]);
        for program in installed.filter(|program| program.is_file()) {
            if self.serves(&program) {
                return Ok(program);
            }
        }
        self.install(root, &tools).with_context(|| {
            format!(
                "{package} {version} is needed and could not be installed from crates.io; where \
                 that can't be reached, put its program into PATH",
                package = self.package,
                version = self.version
            )
        })?;
        Ok(own)
    }

    fn serves(&self, program: &Path) -> bool {
        let version = Program::new(program)
            .args([self.subcommand(), "--version"])
            .read();
        version.is_ok_and(|text| {
            self.any_version_serves || text.split_whitespace().nth(1) == Some(self.version)
        })
    }

    fn install(&self, root: &Path, tools: &Path) -> Result<()> {
        println!(
            "Installing {} {} into target/tools, once.",
            self.package, self.version
        );
        let started = Instant::now();
        let build = tools.join("build");
        Program::cargo()
            .args([
                "install",
                self.package,
                "--version",
                self.version,
                "--locked",
                "--force",
            ])
            .args([OsString::from("--root"), tools.as_os_str().to_owned()])
            .dir(root)
            // Compiled fast: these tools run for seconds.
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
            .env("CARGO_TARGET_DIR", &build)
            .time_limit(INSTALL_TIME_LIMIT)
            .run()?;
        // Hundreds of megabytes that nothing needs any more.
        fs::remove_dir_all(&build).with_context(|| format!("removing {}", build.display()))?;
        println!("Installed in {}.", terminal::elapsed(started.elapsed()));
        Ok(())
    }

    fn subcommand(&self) -> &'static str {
        self.package.trim_start_matches("cargo-")
    }
}
