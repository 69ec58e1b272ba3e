//! The guest written in C: `tests/guests/c`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use wit_bindgen_core::{Files, wit_parser::Resolve};

use super::debian;
use crate::process::{self, Program};

/// The world that the guest is written for.
const WORLD: &str = "both-triggers";

/// A compiler with linker, C library and runtime for WebAssembly, as Debian calls
/// them.
const DEBIAN_PACKAGES: [&str; 4] = ["clang", "lld", "wasi-libc", "libclang-rt-dev-wasm32"];

/// What makes clang compile an Action: a library on WASI preview 1, whose functions
/// are called, in place of a program with a `main`.
const FOR_AN_ACTION: [&str; 2] = ["--target=wasm32-wasi", "-mexec-model=reactor"];

/// Builds `tests/guests/c/action.c` to `target/guests/c.wasm`: a core module, as a
/// C compiler makes it, for the server to turn into a component.
pub(crate) fn build(root: &Path) -> Result<()> {
    let work = root.join("target/guests-build/c");
    ensure_compiler(&work)?;
    println!("Building the C guest.");
    let bindings = generate_bindings(root, &work)?;
    let module = work.join("action.wasm");
    Program::new("clang")
        .args(FOR_AN_ACTION)
        .args(["-O2", "-std=c11", "-Wall", "-Wextra", "-Werror", "-I"])
        .args([&work])
        .args([root.join("tests/guests/c/action.c")])
        .args(bindings)
        // The C library's debug information would be most of the module.
        .args(["-Wl,--strip-debug", "-o"])
        .args([&module])
        .run()?;
    let module = fs::read(&module).with_context(|| format!("reading {}", module.display()))?;
    process::write_file(&root.join("target/guests/c.wasm"), &module)?;
    println!("  target/guests/c.wasm ({} bytes)", module.len());
    Ok(())
}

/// Writes the C bindings of the contract into a folder and answers what of them the
/// compiler takes: the source and the object that carries the component's type.
fn generate_bindings(root: &Path, folder: &Path) -> Result<Vec<PathBuf>> {
    let wit = root.join("wit");
    let mut resolve = Resolve::default();
    let (package, _) = resolve
        .push_path(&wit)
        .with_context(|| format!("reading {}", wit.display()))?;
    let world = resolve.select_world(&[package], Some(WORLD))?;
    let mut files = Files::default();
    wit_bindgen_c::Opts::default()
        .build()
        .generate(&mut resolve, world, &mut files)
        .with_context(|| format!("generating the C bindings of the world {WORLD}"))?;
    let mut compiled = Vec::new();
    for (name, contents) in files.iter() {
        let file = folder.join(name);
        process::write_file(&file, contents)?;
        if file.extension().is_some_and(|extension| extension != "h") {
            compiled.push(file);
        }
    }
    Ok(compiled)
}

/// Takes any clang that can link for WebAssembly, and gets Debian's where there is
/// none.
fn ensure_compiler(work: &Path) -> Result<()> {
    let probe = work.join("probe.c");
    process::write_file(
        &probe,
        "#include <stdlib.h>\nvoid *probe(void) { return malloc(1); }\n",
    )?;
    let tried = || {
        Program::new("clang")
            .args(FOR_AN_ACTION)
            .args([&probe])
            .args(["-o"])
            .args([work.join("probe.wasm")])
            .read()
    };
    if tried().is_err() {
        debian::ensure(&DEBIAN_PACKAGES).context(
            "the C guest needs a clang in PATH that can compile and link for wasm32-wasi",
        )?;
        tried().context("clang is installed, but can't compile for wasm32-wasi")?;
    }
    Ok(())
}
