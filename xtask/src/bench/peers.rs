//! What Claimsmith is compared with, built and started: `xtask/peers/`.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail};

use super::{
    Bench,
    server::{self, Server},
    tenant,
    wrk::{Target, TokenRequest},
};
use crate::{
    guests,
    process::{self, Program},
};

/// The registry answers in seconds, or never.
const NPM_TIME_LIMIT: Duration = Duration::from_secs(300);

/// Any text will do: the peer's data is gone when it ends.
const CLIENT_SECRET: &str = "of-this-bench-and-of-nothing-else";

/// The crate `extism`: a host program and the plugin that it calls.
pub(crate) struct Extism {
    /// Times calls of a plugin.
    pub(crate) program: PathBuf,
    /// The plugin.
    pub(crate) plugin: PathBuf,
}

impl Extism {
    /// Builds both; the first time takes minutes, for a wasmtime of its own.
    pub(crate) fn build(root: &Path) -> Result<Self> {
        let workspace = root.join("xtask/peers/extism");
        let target = root.join("target/peers/extism");
        Program::cargo()
            .args(["build", "--release", "--locked", "--package", "extism-peer"])
            .dir(&workspace)
            .env("CARGO_TARGET_DIR", &target)
            .run()?;
        guests::build_rust_workspace(root, &workspace)?;
        Ok(Self {
            program: target.join("release/extism-peer"),
            plugin: root.join("target/guests/extism-plugin.wasm"),
        })
    }
}

/// npm's `oidc-provider`, installed in a folder below `target/`.
pub(crate) struct OidcProvider {
    folder: PathBuf,
}

impl OidcProvider {
    /// Installs what its lock file says.
    pub(crate) fn install(root: &Path) -> Result<Self> {
        let source = root.join("xtask/peers/oidc-provider");
        let folder = root.join("target/peers/oidc-provider");
        if process::find_in_path("npm").is_none() {
            bail!("npm is not installed; this bench needs Node.js 20 or later");
        }
        let lock = "package-lock.json";
        let is_installed = folder.join("node_modules/oidc-provider").is_dir()
            && fs::read(folder.join(lock)).ok() == fs::read(source.join(lock)).ok();
        for file in ["package.json", lock, "server.js"] {
            let contents =
                fs::read(source.join(file)).with_context(|| format!("reading {file}"))?;
            process::write_file(&folder.join(file), contents)?;
        }
        if !is_installed {
            Program::new("npm")
                .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
                .dir(&folder)
                .time_limit(NPM_TIME_LIMIT)
                .run()?;
        }
        Ok(Self { folder })
    }

    /// Starts it with so many processes that answer, and answers how to ask it for tokens.
    pub(crate) fn start(&self, bench: &Bench, workers: usize) -> Result<(Server, Target)> {
        let address = server::free_address()?;
        let secret = bench.folder.join("oidc-provider-secret");
        process::write_file(&secret, CLIENT_SECRET)?;
        let program = bench
            .pinned("node")
            .args([self.folder.join("server.js")])
            .args([address.port().to_string(), workers.to_string()])
            .args([&secret])
            .env("NODE_ENV", "production");
        let log = bench.folder.join(format!("oidc-provider-{workers}.log"));
        let path = "/.well-known/openid-configuration";
        let server = Server::start(program, address, path, &log)?;
        let target = Target {
            address,
            path: "/token",
            requests: vec![TokenRequest {
                host: address.to_string(),
                form: vec![
                    ("grant_type", "client_credentials".to_owned()),
                    ("client_id", "job".to_owned()),
                    ("client_secret", CLIENT_SECRET.to_owned()),
                ],
            }],
        };
        tenant::ask_each(&target).context("asking oidc-provider for a token")?;
        Ok((server, target))
    }
}
