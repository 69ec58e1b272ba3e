//! The workspace as cargo sees it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// A package of the workspace.
#[derive(Debug)]
pub(crate) struct Member {
    /// Its folder, from the workspace's root, with `/`.
    pub(crate) folder: String,
    /// Its manifest.
    pub(crate) manifest: PathBuf,
    /// What its manifest names, of every kind.
    pub(crate) dependencies: Vec<Dependency>,
}

/// A dependency as a manifest names it.
#[derive(Debug)]
pub(crate) struct Dependency {
    /// The package.
    pub(crate) package: String,
    /// Its folder from the workspace's root, when it is a package of the workspace.
    pub(crate) folder: Option<String>,
    /// Whether only tests and examples see it.
    pub(crate) dev: bool,
}

/// The workspace's root folder.
pub(crate) fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent()
        .expect("tests/ is below the root")
        .to_path_buf()
}

/// All packages of the workspace.
pub(crate) fn members() -> Vec<Member> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(root())
        .output()
        .expect("cargo can be run");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let packages = metadata["packages"].as_array().expect("it lists packages");
    packages.iter().map(member).collect()
}

fn member(package: &Value) -> Member {
    let manifest = PathBuf::from(package["manifest_path"].as_str().expect("a manifest"));
    let folder = manifest.parent().expect("a manifest is in a folder");
    let dependencies = package["dependencies"].as_array().expect("a list");
    Member {
        folder: from_root(folder),
        dependencies: dependencies.iter().map(dependency).collect(),
        manifest,
    }
}

fn dependency(dependency: &Value) -> Dependency {
    Dependency {
        package: dependency["name"].as_str().expect("a name").to_owned(),
        folder: dependency["path"]
            .as_str()
            .map(|path| from_root(Path::new(path))),
        dev: dependency["kind"] == "dev",
    }
}

fn from_root(folder: &Path) -> String {
    let root = root();
    let inside = folder
        .strip_prefix(&root)
        .expect("the workspace's packages are below its root");
    inside.display().to_string().replace('\\', "/")
}
