//! Guests written in Rust.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::toolchain::{self, Choice, Toolchain};
use crate::process;

/// Builds each crate of `example-actions/`, and of `tests/guests/` where that is a
/// workspace, to `target/guests/<folder>.wasm`.
pub(crate) fn build(root: &Path, choice: Choice) -> Result<()> {
    build_examples(root, choice)?;
    let fixtures = root.join("tests/guests");
    if fixtures.join("Cargo.toml").is_file() {
        build_workspace(root, &fixtures, choice)?;
    }
    Ok(())
}

/// Builds each crate directly below a workspace's folder to `target/guests/<folder>.wasm`.
pub(crate) fn build_workspace(root: &Path, workspace: &Path, choice: Choice) -> Result<()> {
    let toolchain = toolchain::ensure(root, choice)?;
    build_crates(root, workspace, crates_in(workspace)?, toolchain)
}

/// Builds each crate of `example-actions/` to `target/guests/<folder>.wasm`.
pub(crate) fn build_examples(root: &Path, choice: Choice) -> Result<()> {
    let toolchain = toolchain::ensure(root, choice)?;
    build_crates(
        root,
        root,
        crates_in(&root.join("example-actions"))?,
        toolchain,
    )
}

/// Builds crates of one workspace. Those that want the SDK's feature `http` have a run of
/// cargo of their own: in one run, it would give the feature to all.
fn build_crates(
    root: &Path,
    workspace: &Path,
    crates: Vec<Guest>,
    toolchain: Toolchain,
) -> Result<()> {
    let (with_http, without) = crates.into_iter().partition::<Vec<_>, _>(|it| it.has_http);
    build_at_once(root, workspace, &without, toolchain)?;
    build_at_once(root, workspace, &with_http, toolchain)
}

/// Builds crates of one workspace in one run of cargo and copies what comes out.
fn build_at_once(
    root: &Path,
    workspace: &Path,
    crates: &[Guest],
    toolchain: Toolchain,
) -> Result<()> {
    if crates.is_empty() {
        return Ok(());
    }
    println!(
        "Building {} Rust guests of {}.",
        crates.len(),
        shown(root, workspace)
    );
    let target = root.join("target/guests-build");
    let packages = crates
        .iter()
        .flat_map(|guest| ["--package", &guest.package]);
    toolchain
        .cargo()
        .args(["build", "--profile", "guest", "--target", toolchain::TARGET])
        .args(toolchain.build_flags())
        .args(packages)
        .dir(workspace)
        .env("CARGO_TARGET_DIR", &target)
        .run()?;
    for guest in crates {
        let built = target
            .join(toolchain::TARGET)
            .join("guest")
            .join(guest.library.as_str())
            .with_extension("wasm");
        let module = fs::read(&built).with_context(|| {
            format!(
                "{} is not there; does {} say `crate-type = [\"cdylib\"]`?",
                built.display(),
                guest.manifest.display()
            )
        })?;
        let place = root
            .join("target/guests")
            .join(&guest.folder)
            .with_extension("wasm");
        process::write_file(&place, &module)?;
        println!("  {} ({} bytes)", shown(root, &place), module.len());
    }
    Ok(())
}

/// A crate whose output is an Action's module.
#[derive(Debug)]
struct Guest {
    folder: String,
    manifest: PathBuf,
    package: String,
    library: String,
    /// Whether it wants the SDK's feature `http`.
    has_http: bool,
}

/// The crates directly below a folder, in alphabetical order.
fn crates_in(folder: &Path) -> Result<Vec<Guest>> {
    let entries = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut crates = Vec::new();
    for entry in entries {
        let entry = entry.with_context(|| format!("reading {}", folder.display()))?;
        let manifest = entry.path().join("Cargo.toml");
        if !manifest.is_file() {
            continue;
        }
        let text = fs::read_to_string(&manifest)
            .with_context(|| format!("reading {}", manifest.display()))?;
        let package = package_name(&text)
            .with_context(|| format!("{} names no package", manifest.display()))?;
        crates.push(Guest {
            folder: entry.file_name().to_string_lossy().into_owned(),
            library: package.replace('-', "_"),
            has_http: has_http(&text),
            package,
            manifest,
        });
    }
    crates.sort_by(|a, b| a.folder.cmp(&b.folder));
    Ok(crates)
}

/// The `name` in a manifest's `[package]` table. The manifests are our own, so a
/// parser for all of TOML would be a dependency for one line.
fn package_name(manifest: &str) -> Option<String> {
    let (_, after) = manifest.split_once("[package]")?;
    let line = after
        .lines()
        .take_while(|line| !line.starts_with('['))
        .find_map(|line| {
            let (key, value) = line.split_once('=')?;
            (key.trim() == "name").then_some(value)
        })?;
    line.split('"').nth(1).map(str::to_owned)
}

/// Whether a manifest asks for the SDK's feature `http`.
fn has_http(manifest: &str) -> bool {
    manifest
        .lines()
        .any(|line| line.starts_with("actions-sdk") && line.contains("\"http\""))
}

fn shown(root: &Path, path: &Path) -> String {
    match path.strip_prefix(root) {
        Ok(inside) if inside.as_os_str().is_empty() => "example-actions".to_owned(),
        Ok(inside) => inside.display().to_string(),
        Err(_) => path.display().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_has_http_when_it_asks_the_sdk_for_it() {
        let asks = "[dependencies]\nactions-sdk = { workspace = true, features = [\"http\"] }\n";

        assert!(has_http(asks));
        assert!(!has_http("[dependencies]\nactions-sdk.workspace = true\n"));
    }

    #[test]
    fn the_package_name_is_that_of_the_package_table() {
        let manifest = "[workspace]\nname = \"no\"\n[package]\nversion = \"1\"\nname = \"both-triggers\"\n[lib]\nname = \"x\"\n";

        assert_eq!(package_name(manifest).as_deref(), Some("both-triggers"));
        assert_eq!(package_name("[package]\n[lib]\nname = \"x\"\n"), None);
    }
}
