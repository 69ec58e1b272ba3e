//! Compiling in a process of its own: its limits, its end, and what it can reach.

use std::{
    fmt::Write as _,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use claimsmith_runtime::{
    ActionEngine, CheckError, CodeSetup, EngineConfig, ModuleProblem, OutgoingNetwork, Share,
    WorkerProgram,
};
use tokio::task::JoinSet;

use crate::harness::{CREDENTIALS_EXCHANGE, POST_LOGIN, TestServer, actions::module, guest};

/// An engine that compiles in a child, within these limits.
fn engine(change: impl FnOnce(&mut EngineConfig)) -> ActionEngine {
    let program = env!("CARGO_BIN_EXE_claimsmith-under-test").into();
    engine_with(claimsmith_server::compiler(program), change)
}

fn engine_with(worker: WorkerProgram, change: impl FnOnce(&mut EngineConfig)) -> ActionEngine {
    let mut config = EngineConfig {
        executions_max: 2,
        ..EngineConfig::default()
    };
    change(&mut config);
    let code = CodeSetup {
        worker: Some(worker),
        folder: None,
    };
    ActionEngine::set_up(config, code, OutgoingNetwork::default()).unwrap()
}

/// A program that is no compiler.
fn program(program: impl Into<PathBuf>, arguments: &[&str]) -> WorkerProgram {
    WorkerProgram {
        program: program.into(),
        arguments: arguments.iter().map(Into::into).collect(),
        environment: Vec::new(),
    }
}

/// A component with a post-login handler, and a function with this body beside it.
fn with_function(body: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
            (core module $m
                (memory (export "memory") 1)
                (func (param i32) (result i32) {body})
                (func (export "run") (result i32) i32.const 0))
            (core instance $i (instantiate $m))
            (func $run (result (result (error string)))
                (canon lift (core func $i "run") (memory (core memory $i "memory"))))
            (instance $handler (export "on-execute-post-login" (func $run)))
            (export "claimsmith:actions/post-login-handler@0.1.0" (instance $handler)))"#
    );
    wat::parse_str(text).unwrap()
}

/// One giant function: far more than 48 MiB to compile.
fn takes_memory() -> Vec<u8> {
    let mut body = String::new();
    for _ in 0..20_000 {
        body.push_str("local.get 0 i32.const 1 i32.add local.set 0 ");
    }
    with_function(&(body + "local.get 0"))
}

/// Loops within loops: a minute and more to compile.
fn takes_time() -> Vec<u8> {
    let mut body = "loop ".repeat(10_000);
    for _ in 0..10_000 {
        body.push_str("local.get 0 br_if 0 end ");
    }
    with_function(&(body + "local.get 0"))
}

async fn check(engine: &ActionEngine, module: Vec<u8>) -> Result<(), CheckError> {
    let share = Share {
        name: Arc::from("dev"),
        places_max: 1,
    };
    let checked = engine.check(&share, Arc::from(module)).await;
    checked.map(|_| ())
}

async fn only_problem(engine: &ActionEngine, module: Vec<u8>) -> ModuleProblem {
    match check(engine, module).await {
        Err(CheckError::Problems(mut problems)) if problems.len() == 1 => problems.remove(0),
        other => panic!("one problem was expected, not {other:?}"),
    }
}

/// Why the server could not tell.
async fn hosts_fault(engine: &ActionEngine) -> String {
    match check(engine, module("department")).await {
        Err(CheckError::Host(message)) => message,
        other => panic!("a fault of the host was expected, not {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_that_takes_too_much_to_compile_is_refused_by_the_limit_and_the_next_compiles() {
    type Change = fn(&mut EngineConfig);
    let cases: [(Change, Vec<u8>, &str, u64); 4] = [
        (
            |config| config.compile_memory_bytes = 48 << 20,
            takes_memory(),
            "48 MiB of memory",
            1,
        ),
        (
            |config| config.compile_cpu_s = 1,
            takes_time(),
            "1 s of processor time",
            1,
        ),
        (
            |config| config.compile_wall_s = 2,
            takes_time(),
            "2 s of time",
            1,
        ),
        (
            |config| config.code_bytes_max = 64 << 10,
            // In code it has 110 KB.
            module("role"),
            "64 KiB of machine code",
            0,
        ),
    ];
    for (change, module_bytes, limit, killed) in cases {
        let engine = engine(change);

        let problem = only_problem(&engine, module_bytes).await;

        assert_eq!(problem.code, "too_expensive", "{limit}");
        assert!(problem.message.contains(limit), "{}", problem.message);
        let figures = engine.figures().code;
        assert_eq!((figures.refused, figures.workers_killed), (1, killed));
        assert_eq!((figures.compiled, figures.waiting), (0, 0));
    }
    let engine = engine(|config| config.compile_memory_bytes = 48 << 20);
    only_problem(&engine, takes_memory()).await;
    check(&engine, module("department")).await.unwrap();
    assert_eq!(engine.figures().code.compiled, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_finds_the_same_problems_as_the_server_would() {
    let in_child = engine(|_| {});
    let here = ActionEngine::new(EngineConfig {
        executions_max: 2,
        ..EngineConfig::default()
    })
    .unwrap();
    let mut cut = module("department");
    cut.truncate(5_000);
    let no_contract = wat::parse_str("(module)").unwrap();
    let imports = wat::parse_str(r#"(component (import "acme:vault/keys@1.0.0" (instance)))"#);

    for bytes in [cut, no_contract, imports.unwrap(), b"PK".to_vec()] {
        let answer = check(&in_child, bytes.clone()).await;

        assert!(matches!(answer, Err(CheckError::Problems(_))), "{answer:?}");
        assert_eq!(answer, check(&here, bytes).await);
    }
    assert_eq!(in_child.figures().code.workers_killed, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_does_not_start_or_answers_nonsense_is_the_servers_fault() {
    let folder = tempfile::tempdir().unwrap();
    let missing = engine_with(program(folder.path().join("missing"), &[]), |_| {});
    let message = hosts_fault(&missing).await;
    assert!(message.contains("can't be started"), "{message}");

    let silent = engine_with(program("/bin/true", &[]), |_| {});
    let message = hosts_fault(&silent).await;
    assert!(message.contains("cut off"), "{message}");

    let failing = engine_with(program("/bin/false", &[]), |_| {});
    let message = hosts_fault(&failing).await;
    assert!(message.contains("exit status: 1"), "{message}");

    let header = br#"{"compatibility":"0","verdict":"Panicked"}"#;
    let answer = folder.path().join("answer");
    let length = u32::try_from(header.len()).unwrap().to_be_bytes();
    fs::write(&answer, [&length[..], &[0; 8], header].concat()).unwrap();
    let script = format!("cat >/dev/null; cat '{}'", answer.display());
    let older = engine_with(program("/bin/sh", &["-c", &script]), |_| {});
    let message = hosts_fault(&older).await;
    assert!(message.contains("another version"), "{message}");
}

/// This process's children that compile.
fn compilers() -> Vec<u32> {
    let parent = format!("PPid:\t{}\n", std::process::id());
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let process: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        let command = fs::read_to_string(format!("/proc/{process}/cmdline")).ok()?;
        let is_compiler = status.contains(&parent) && command.contains("compile-worker");
        is_compiler.then_some(process)
    });
    processes.collect()
}

/// Waits until a child has confined itself; the last of it is the limit of its time.
async fn confined_compiler() -> u32 {
    loop {
        for process in compilers() {
            let limits = fs::read_to_string(format!("/proc/{process}/limits"));
            if limits.is_ok_and(|text| limit(&text, "Max cpu time").contains("40")) {
                return process;
            }
        }
        tokio::task::yield_now().await;
    }
}

fn limit<'a>(limits: &'a str, name: &str) -> &'a str {
    limits
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .unwrap_or_default()
        .trim()
}

fn send_signal(signal: &str, process: u32) {
    let process = process.to_string();
    let sent = Command::new("kill").args([signal, &process]).status();
    assert!(sent.unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_begun_is_finished_when_nobody_waits_for_it_any_more() {
    let engine = engine(|_| {});
    let waiting = {
        let engine = engine.clone();
        tokio::spawn(async move { check(&engine, takes_memory()).await })
    };
    let compiler = confined_compiler().await;
    send_signal("-STOP", compiler);

    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    send_signal("-CONT", compiler);

    // A killed compiler would never be counted here.
    while engine.figures().code.compiled == 0 {
        tokio::task::yield_now().await;
    }
    check(&engine, takes_memory()).await.unwrap();
    assert_eq!(engine.figures().code.compiled, 1);
}

/// Begins to upload a module that takes long, and answers with its compiler.
async fn begin_upload(
    server: &Arc<TestServer>,
    action: &str,
) -> (JoinSet<crate::harness::http::Answer>, u32) {
    let mut upload = JoinSet::new();
    let (uploading, action) = (Arc::clone(server), action.to_owned());
    upload.spawn(async move { uploading.upload(&action, takes_time()).await });
    let compiler = confined_compiler().await;
    (upload, compiler)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_compiler_has_three_pipes_nothing_of_the_servers_environment_and_hard_limits() {
    let server = Arc::new(TestServer::start().await);
    let action = server.create_action("giant", POST_LOGIN).await;

    let (mut upload, compiler) = begin_upload(&server, &action).await;

    let process = PathBuf::from(format!("/proc/{compiler}"));
    assert_eq!(
        String::from_utf8(fs::read(process.join("environ")).unwrap()).unwrap(),
        "MIMALLOC_ARENA_EAGER_COMMIT=0\0MIMALLOC_ARENA_RESERVE=131072\0"
    );
    assert_eq!(fs::read_link(process.join("cwd")).unwrap(), Path::new("/"));
    let descriptors = fs::read_dir(process.join("fd")).unwrap();
    let mut descriptors: Vec<_> = descriptors
        .map(|entry| {
            let entry = entry.unwrap();
            let target = fs::read_link(entry.path()).unwrap();
            (entry.file_name(), target.to_string_lossy().into_owned())
        })
        .collect();
    descriptors.sort();
    let names: Vec<_> = descriptors.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(names, ["0", "1", "2"]);
    for (_, target) in &descriptors {
        assert!(target.starts_with("pipe:"), "{descriptors:?}");
    }
    let limits = fs::read_to_string(process.join("limits")).unwrap();
    for (name, hard) in [
        ("Max core file size", "0"),
        ("Max file size", "0"),
        ("Max open files", "3"),
        ("Max processes", "0"),
        ("Max data size", "1073741824"),
    ] {
        let found = limit(&limits, name).split_whitespace().nth(1);
        assert_eq!(found, Some(hard), "{name}");
    }
    let status = fs::read_to_string(process.join("status")).unwrap();
    let mut expected = String::new();
    writeln!(expected, "NoNewPrivs:\t1").unwrap();
    assert!(status.contains(&expected), "{status}");
    send_signal("-KILL", compiler);
    upload.join_next().await.unwrap().unwrap().expect(500);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compiler_that_somebody_kills_fails_one_upload_and_nothing_else() {
    let server = Arc::new(TestServer::start().await);
    let job = server.job().await;
    let action = server.create_action("giant", POST_LOGIN).await;
    let (mut upload, compiler) = begin_upload(&server, &action).await;

    send_signal("-KILL", compiler);

    let answer = upload.join_next().await.unwrap().unwrap().expect(500);
    assert!(answer.get("problems").is_none(), "{answer}");
    server
        .bind(CREDENTIALS_EXCHANGE, [guest("department")])
        .await;
    server.exchange(&job).send().await.expect_token();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_that_could_not_be_compiled_by_the_servers_fault_is_tried_again_with_each_token() {
    let server = TestServer::start().await;
    let job = server.job().await;
    server
        .bind(CREDENTIALS_EXCHANGE, [guest("both-triggers")])
        .await;
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("claimsmith");
    symlink("/bin/false", &program).unwrap();
    let code = server.folder().join("code");
    let server = server
        .restart_with(|config| {
            fs::remove_dir_all(code).unwrap();
            config.program = program.clone();
        })
        .await;

    let failed = server.exchange(&job).send().await;
    failed.expect_error(500, "server_error");
    fs::remove_file(&program).unwrap();
    symlink(env!("CARGO_BIN_EXE_claimsmith-under-test"), &program).unwrap();

    let token = server.exchange(&job).send().await.expect_token();
    let claims = token.claims();
    assert_eq!(claims["https://example.com/trigger"], CREDENTIALS_EXCHANGE);
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_beyond_a_tenants_share_of_the_queue_are_told_to_come_back() {
    let server = Arc::new(TestServer::start().await);
    let action = server.create_action("giant", POST_LOGIN).await;
    let config = EngineConfig::default();
    let mut uploads = JoinSet::new();
    for _ in 0..=config.compiles_max as usize + config.share_compile_waiting_max {
        let (server, action) = (Arc::clone(&server), action.clone());
        uploads.spawn(async move { server.upload(&action, takes_time()).await });
    }

    let first = uploads.join_next().await.unwrap().unwrap();

    assert_eq!(first.header("retry-after"), "2");
    let body = first.expect(503);
    let message = body["message"].as_str().unwrap();
    assert!(message.contains("try again"), "{message}");
    uploads.abort_all();
}
