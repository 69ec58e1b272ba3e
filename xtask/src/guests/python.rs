//! The guest written in Python: `tests/guests/python`.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use crate::{
    process::{self, Program},
    python, terminal,
};

/// What makes a component of a Python module. Pinned, as the component is part of
/// what the tests prove.
const COMPONENTIZE_PY: &str = "0.25.1";

/// The package is 17 MB.
const INSTALL_TIME_LIMIT: Duration = Duration::from_secs(10 * 60);

/// It takes ten seconds on a small machine.
const BUILD_TIME_LIMIT: Duration = Duration::from_secs(5 * 60);

/// Builds `tests/guests/python/app.py` to `target/guests/python.wasm`, unless that
/// was built from the same sources already.
pub(crate) fn build(root: &Path) -> Result<()> {
    let place = root.join("target/guests/python.wasm");
    let work = root.join("target/guests-build/python");
    let built_from = work.join("built-from.txt");
    let sources = sources(root)?;
    if place.is_file() && fs::read_to_string(&built_from).is_ok_and(|text| text == sources) {
        return Ok(());
    }
    let componentize = ensure_componentize_py(root)?;
    println!("Building the Python guest.");
    let app = root.join("tests/guests/python/app.py");
    let module = fs::read(&app).with_context(|| format!("reading {}", app.display()))?;
    // Built from a copy, because Python leaves its cache beside what it reads.
    process::write_file(&work.join("app.py"), module)?;
    let component = work.join("component.wasm");
    Program::new(componentize)
        .args(["--quiet", "--world", "both-triggers", "--wit-path"])
        .args([root.join("wit")])
        .args(["componentize", "app", "--output"])
        .args([&component])
        .dir(&work)
        // Its packages are searched for modules to take along: ours, not those of
        // an environment that the caller happens to be in.
        .env("VIRTUAL_ENV", environment(root))
        .time_limit(BUILD_TIME_LIMIT)
        .run()?;
    let component =
        fs::read(&component).with_context(|| format!("reading {}", component.display()))?;
    process::write_file(&place, &component)?;
    process::write_file(&built_from, sources)?;
    println!("  target/guests/python.wasm ({} bytes)", component.len());
    Ok(())
}

/// All that decides what the build makes, as one text.
fn sources(root: &Path) -> Result<String> {
    let mut files = vec![root.join("tests/guests/python/app.py")];
    let wit = root.join("wit");
    for entry in fs::read_dir(&wit).with_context(|| format!("reading {}", wit.display()))? {
        files.push(
            entry
                .with_context(|| format!("reading {}", wit.display()))?
                .path(),
        );
    }
    files.sort();
    let mut text = format!("componentize-py {COMPONENTIZE_PY}\n");
    for file in files.iter().filter(|file| file.is_file()) {
        text += &fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    }
    Ok(text)
}

/// The program `componentize-py`, installed first if need be.
fn ensure_componentize_py(root: &Path) -> Result<PathBuf> {
    let program = environment(root).join("bin/componentize-py");
    if program.is_file() {
        let version = Program::new(&program).args(["--version"]).read();
        if version.is_ok_and(|text| text.split_whitespace().nth(1) == Some(COMPONENTIZE_PY)) {
            return Ok(program);
        }
    }
    install(root).with_context(|| {
        format!(
            "the Python guest needs componentize-py {COMPONENTIZE_PY}, which could not be \
             installed into {}; it takes Python 3.9 or newer with `venv` and `pip`, and PyPI or \
             a mirror that pip is configured for",
            environment(root).display()
        )
    })?;
    Ok(program)
}

fn install(root: &Path) -> Result<()> {
    println!("Installing componentize-py {COMPONENTIZE_PY} into target/tools/python, once.");
    let started = Instant::now();
    python::make_environment(&environment(root))?;
    let package = format!("componentize-py=={COMPONENTIZE_PY}");
    Program::new(environment(root).join("bin/python"))
        .args(["-m", "pip", "install", "--disable-pip-version-check"])
        // Without a wheel pip would try to compile it, which takes a toolchain more.
        .args(["--only-binary=:all:", &package])
        .time_limit(INSTALL_TIME_LIMIT)
        .run()?;
    println!("Installed in {}.", terminal::elapsed(started.elapsed()));
    Ok(())
}

fn environment(root: &Path) -> PathBuf {
    root.join("target/tools/python")
}
