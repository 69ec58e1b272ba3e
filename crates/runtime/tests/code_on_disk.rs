//! Code that outlives the engine that compiled it, and is never believed unseen.
#![expect(
    clippy::unwrap_used,
    reason = "a test helper that fails fails its test"
)]

use std::{fs, path::Path, sync::Arc};

use claimsmith_model::Secret;
use claimsmith_runtime::{
    ActionEngine, CodeFigures, CodeFolder, CodeSetup, EngineConfig, OutgoingNetwork, Share,
};

fn engine(folder: &Path) -> ActionEngine {
    let config = EngineConfig {
        executions_max: 2,
        ..EngineConfig::default()
    };
    let code = CodeSetup {
        worker: None,
        folder: Some(CodeFolder {
            path: folder.to_owned(),
            secret: Secret::new("secret"),
        }),
    };
    ActionEngine::set_up(config, code, OutgoingNetwork::default()).unwrap()
}

fn share(name: &str) -> Share {
    Share {
        name: Arc::from(name),
        places_max: 1,
    }
}

/// A component with a post-login handler, and this data.
fn component(data: &str) -> Arc<[u8]> {
    let text = format!(
        r#"(component
            (core module $m
                (memory (export "memory") 1)
                (data (i32.const 64) "{data}")
                (func (export "run") (result i32) i32.const 0))
            (core instance $i (instantiate $m))
            (func $run (result (result (error string)))
                (canon lift (core func $i "run") (memory (core memory $i "memory"))))
            (instance $handler (export "on-execute-post-login" (func $run)))
            (export "claimsmith:actions/post-login-handler@0.1.0" (instance $handler)))"#
    );
    Arc::from(wat::parse_str(text).unwrap())
}

#[tokio::test]
async fn a_second_engine_finds_what_the_first_compiled_and_compiles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let first = engine(folder.path());
    let bytes = component("one");
    let info = first
        .check(&share("dev"), bytes)
        .await
        .unwrap()
        .info()
        .clone();
    let first_figures = first.figures().code;
    drop(first);

    let second = engine(folder.path());
    let found = second.find(&info.sha256).await.unwrap();
    let again = second.find(&info.sha256).await;

    assert_eq!(found.info(), &info);
    assert!(again.is_some());
    assert_eq!((first_figures.compiled, first_figures.from_disk), (1, 0));
    assert_eq!(
        second.figures().code,
        CodeFigures {
            from_disk: 1,
            from_memory: 1,
            modules_in_memory: 1,
            bytes_in_memory: first_figures.bytes_in_memory,
            bytes_on_disk: first_figures.bytes_on_disk,
            ..CodeFigures::default()
        }
    );
    assert!(first_figures.bytes_on_disk > 0);
}

#[tokio::test]
async fn a_changed_file_is_counted_removed_and_its_module_compiled_again() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = component("one");
    let first = engine(folder.path());
    let checked = first
        .check(&share("dev"), Arc::clone(&bytes))
        .await
        .unwrap();
    let sha256 = checked.info().sha256.clone();
    let file = fs::read_dir(folder.path()).unwrap().next().unwrap();
    let file = file.unwrap().path();
    let mut changed = fs::read(&file).unwrap();
    let last = changed.len() - 1;
    changed[last] ^= 0x80;
    fs::write(&file, changed).unwrap();

    let second = engine(folder.path());
    assert!(second.find(&sha256).await.is_none());
    assert!(!file.exists());
    let loaded = second.load(&share("dev"), bytes).await.unwrap();

    assert_eq!(loaded.info(), checked.info());
    assert!(file.exists());
    let figures = second.figures().code;
    assert_eq!((figures.files_rejected, figures.compiled), (1, 1));
    assert_eq!(figures.from_disk, 0);
}

#[tokio::test]
async fn a_refused_module_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path());
    let refused = wat::parse_str("(component)").unwrap();

    assert!(
        engine
            .check(&share("dev"), Arc::from(refused))
            .await
            .is_err()
    );

    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    assert_eq!(engine.figures().code.refused, 1);
}

#[tokio::test]
async fn of_many_who_want_the_same_module_one_compiles_it() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path());
    let bytes = component("one");

    let mut loads = tokio::task::JoinSet::new();
    for tenant in ["a", "b", "a", "b"] {
        let (engine, bytes) = (engine.clone(), Arc::clone(&bytes));
        loads.spawn(async move { engine.load(&share(tenant), bytes).await.map(|_| ()) });
    }

    while let Some(loaded) = loads.join_next().await {
        loaded.unwrap().unwrap();
    }
    assert_eq!(engine.figures().code.compiled, 1);
}
