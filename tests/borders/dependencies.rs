//! Which package names which.

use std::{fmt, fs, path::Path};

use crate::{
    rules::{OWNERS, TABLE, WRITTEN_IN},
    workspace::{self, Dependency, Member},
};

/// A line that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// `file:line`, from the workspace's root.
    pub(crate) place: String,
    /// What the line does and which rule that breaks.
    pub(crate) broken: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {}\n  the rule: {WRITTEN_IN}",
            self.place, self.broken
        )
    }
}

/// Dependencies between crates of the product that the table doesn't have. What only
/// tests see is not held to it: a router is tested with the in-memory storage.
pub(crate) fn against_the_table(members: &[Member]) -> Vec<Violation> {
    find(members, |member, dependency| {
        let from = TABLE
            .iter()
            .find(|row| in_crates(&member.folder) == Some(row.folder))?;
        let to = in_crates(dependency.folder.as_deref()?)?;
        (!dependency.dev && !from.may_depend_on.contains(&to)).then(|| {
            let may = from.may_depend_on.join(", ");
            let may = if may.is_empty() {
                "none of our crates".to_owned()
            } else {
                may
            };
            format!("`{}` may not depend on `{to}`, only on: {may}", from.folder)
        })
    })
}

/// Dependencies of the host on what is made for guests or the other way round, even
/// in tests: the contract in `wit/` is all that they share.
pub(crate) fn across_the_contract(members: &[Member]) -> Vec<Violation> {
    find(members, |member, dependency| {
        let (from, to) = (side(&member.folder)?, side(dependency.folder.as_deref()?)?);
        (from != to).then(|| {
            format!(
                "{} is on the {from}'s side and may not depend on `{}`, which is on the {to}'s: \
                 they meet only in wit/",
                member.folder, dependency.package
            )
        })
    })
}

/// Dependencies that belong to another crate, in tests too.
pub(crate) fn of_another_owner(members: &[Member]) -> Vec<Violation> {
    find(members, |member, dependency| {
        side(&member.folder)?;
        let (guarded, owner) = OWNERS
            .iter()
            .find(|(name, _)| *name == dependency.package)?;
        (in_crates(&member.folder) != Some(*owner)).then(|| {
            format!(
                "only crates/{owner} may name `{guarded}`; {} names it too",
                member.folder
            )
        })
    })
}

/// Whether a folder holds the host's code or the guests'; `None` for what is outside
/// the product: `tests`, `xtask`.
fn side(folder: &str) -> Option<&'static str> {
    match folder.split('/').next() {
        Some("crates") => Some("host"),
        Some("actions-sdk" | "example-actions") => Some("guest"),
        _ => None,
    }
}

fn in_crates(folder: &str) -> Option<&str> {
    folder.strip_prefix("crates/")
}

fn find(
    members: &[Member],
    breaks: impl Fn(&Member, &Dependency) -> Option<String>,
) -> Vec<Violation> {
    let mut violations = Vec::new();
    for member in members {
        for dependency in &member.dependencies {
            if let Some(broken) = breaks(member, dependency) {
                violations.push(Violation {
                    place: place(&member.manifest, dependency),
                    broken,
                });
            }
        }
    }
    violations
}

/// The line of the manifest that names the dependency.
fn place(manifest: &Path, dependency: &Dependency) -> String {
    let text = fs::read_to_string(manifest).unwrap_or_default();
    let line = text.lines().position(|line| {
        let name = line
            .trim_start_matches('[')
            .split(['.', ' ', '=', ']'])
            .next();
        name == Some(dependency.package.as_str())
    });
    let root = workspace::root();
    let shown = manifest.strip_prefix(&root).unwrap_or(manifest).display();
    line.map_or_else(
        || shown.to_string(),
        |index| format!("{shown}:{}", index + 1),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(folder: &str, dependency: Dependency) -> Member {
        Member {
            folder: folder.to_owned(),
            manifest: workspace::root().join(folder).join("Cargo.toml"),
            dependencies: vec![dependency],
        }
    }

    fn ours(package: &str, folder: &str) -> Dependency {
        Dependency {
            package: package.to_owned(),
            folder: Some(folder.to_owned()),
            dev: false,
        }
    }

    fn outside(package: &str) -> Dependency {
        Dependency {
            package: package.to_owned(),
            folder: None,
            dev: false,
        }
    }

    #[test]
    fn a_dependency_upwards_is_found_and_its_line_told() {
        let model = ours("claimsmith-model", "crates/service");

        let found = against_the_table(&[member("crates/claims", model)]);

        let [violation] = found.as_slice() else {
            panic!("one expected: {found:?}")
        };
        assert!(
            violation.place.starts_with("crates/claims/Cargo.toml:"),
            "{violation}"
        );
        assert_eq!(
            violation.broken,
            "`claims` may not depend on `service`, only on: model"
        );
    }

    #[test]
    fn a_dependency_of_tests_only_may_go_upwards() {
        let storage = Dependency {
            dev: true,
            ..ours("claimsmith-storage", "crates/storage")
        };

        assert_eq!(against_the_table(&[member("crates/http", storage)]), []);
    }

    #[test]
    fn the_sdk_on_a_host_crate_and_a_host_crate_on_the_sdk_are_found() {
        let model = ours("claimsmith-model", "crates/model");
        let sdk = Dependency {
            dev: true,
            ..ours("actions-sdk", "actions-sdk")
        };

        assert_eq!(
            across_the_contract(&[member("actions-sdk", model)]).len(),
            1
        );
        assert_eq!(
            across_the_contract(&[member("crates/runtime", sdk)]).len(),
            1
        );
    }

    #[test]
    fn a_guarded_dependency_is_found_in_every_crate_but_its_owner_and_those_outside() {
        assert_eq!(
            of_another_owner(&[member("crates/service", outside("sled"))]).len(),
            1
        );
        assert_eq!(
            of_another_owner(&[member("actions-sdk", outside("wasmtime"))]).len(),
            1
        );
        assert_eq!(
            of_another_owner(&[member("crates/storage-sled", outside("sled"))]),
            []
        );
        assert_eq!(of_another_owner(&[member("xtask", outside("clap"))]), []);
    }
}
