//! The typed API reaches all of the contract.

use std::path::{Path, PathBuf};
use std::{fs, io};

#[test]
fn every_function_of_the_contract_is_called_somewhere_in_the_sdk() {
    let sources = texts(Path::new("src"), "rs").unwrap();

    let functions = imported_functions().unwrap();
    let missing: Vec<&String> = functions
        .iter()
        .filter(|path| !sources.iter().any(|source| calls(source, path)))
        .collect();

    assert!(
        functions.len() > 80,
        "only {} functions found in ../wit",
        functions.len()
    );
    assert!(missing.is_empty(), "no source file calls {missing:?}");
}

#[test]
fn every_interface_that_an_action_may_import_is_bound() {
    let bindings = fs::read_to_string("src/bindings.rs").unwrap();

    let worlds = ["../wit/post-login.wit", "../wit/credentials-exchange.wit"];
    let imports = worlds
        .map(|world| fs::read_to_string(world).unwrap())
        .concat();
    let interfaces = imports
        .lines()
        .filter_map(|line| line.trim().strip_prefix("import ")?.strip_suffix(';'));

    for interface in interfaces {
        let import = format!("import claimsmith:actions/{interface}@");
        assert!(
            bindings.contains(&import),
            "src/bindings.rs lacks `{import}…`"
        );
    }
}

/// `interface::function` in Rust's spelling, for all that the host offers.
fn imported_functions() -> io::Result<Vec<String>> {
    let mut functions = Vec::new();
    for text in texts(Path::new("../wit"), "wit")? {
        let mut interface = "";
        for line in text.lines().map(str::trim) {
            if let Some(rest) = line.strip_prefix("interface ") {
                interface = rest.trim_end_matches(" {");
            }
            if let Some((name, _)) = line.split_once(": func(")
                && !interface.ends_with("-handler")
                && !line.starts_with("//")
            {
                functions.push(format!("{interface}::{name}").replace('-', "_"));
            }
        }
    }
    Ok(functions)
}

/// Whether the source names the function, and not only one that begins like it.
fn calls(source: &str, path: &str) -> bool {
    source.match_indices(path).any(|(at, _)| {
        let next = source[at + path.len()..].chars().next();
        next.is_some_and(|next| !next.is_alphanumeric() && next != '_')
    })
}

fn texts(folder: &Path, extension: &str) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path: PathBuf = entry?.path();
        if path.is_dir() {
            found.extend(texts(&path, extension)?);
        } else if path.extension().is_some_and(|it| it == extension) {
            found.push(fs::read_to_string(&path)?);
        }
    }
    Ok(found)
}
