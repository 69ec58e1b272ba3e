//! The engine against guests written by hand as component text: what it refuses,
//! how it ends executions, and whom it blames. Epochs are advanced by hand.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test helper that fails fails its test"
)]

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use claimsmith_model::{Blame, FaultKind, Trigger};
use claimsmith_runtime::{
    ActionEngine, CheckError, EngineConfig, Invocation, Limits, Outcome, Place, Share,
};

fn engine() -> ActionEngine {
    ActionEngine::new(EngineConfig {
        executions_max: 4,
        ..EngineConfig::default()
    })
    .unwrap()
}

fn share() -> Share {
    Share {
        name: Arc::from("tenant"),
        places_max: 4,
    }
}

async fn place(engine: &ActionEngine) -> Place {
    engine.enter(&share()).await.unwrap()
}

/// A component whose post-login handler runs `body`, which leaves the address of
/// its result; address 0 holds `ok`.
fn post_login(memory_pages: u32, body: &str) -> Arc<[u8]> {
    let text = format!(
        r#"(component
            (core module $m
                (memory (export "memory") {memory_pages})
                (data (i32.const 16) "\01\00\00\00\20\00\00\00\04\00\00\00")
                (data (i32.const 32) "oops")
                (func $deep (param i32) (result i32)
                    (i32.add (call $deep (local.get 0)) (i32.const 1)))
                (func $calls (param $more i32) (result i32)
                    (if (result i32) (local.get $more)
                        (then (call $calls (i32.sub (local.get $more) (i32.const 1))))
                        (else (i32.const 0))))
                (func (export "run") (result i32) {body}))
            (core instance $i (instantiate $m))
            (func $run (result (result (error string)))
                (canon lift (core func $i "run") (memory (core memory $i "memory"))))
            (instance $handler (export "on-execute-post-login" (func $run)))
            (export "claimsmith:actions/post-login-handler@0.1.0" (instance $handler)))"#
    );
    Arc::from(wat::parse_str(text).unwrap())
}

fn invocation(limits: Limits) -> Invocation {
    Invocation::blank(Trigger::PostLogin, limits)
}

async fn run(body: &str, limits: Limits) -> Outcome {
    let engine = engine();
    let action = engine.check(&share(), post_login(1, body)).await.unwrap();
    engine
        .execute(&place(&engine).await, &action, invocation(limits))
        .await
}

async fn refusal(bytes: &[u8]) -> Vec<(&'static str, String)> {
    match engine().check(&share(), Arc::from(bytes)).await {
        Err(CheckError::Problems(problems)) => problems
            .into_iter()
            .map(|problem| (problem.code, problem.message))
            .collect(),
        other => panic!("expected problems, got {other:?}"),
    }
}

#[tokio::test]
async fn a_handler_that_returns_ok_succeeds() {
    let outcome = run("i32.const 0", Limits::default()).await;

    assert_eq!(outcome.fault, None);
    assert_eq!(outcome.usage.memory_bytes_peak, 65_536);
}

#[tokio::test]
async fn an_error_of_the_handler_is_a_guest_error_with_its_text() {
    let fault = run("i32.const 16", Limits::default()).await.fault.unwrap();

    assert_eq!(
        (fault.kind, fault.blame),
        (FaultKind::GuestError, Blame::Action)
    );
    assert_eq!(fault.message, "oops");
}

#[tokio::test]
async fn a_trap_is_the_actions_fault() {
    let fault = run("unreachable", Limits::default()).await.fault.unwrap();

    assert_eq!((fault.kind, fault.blame), (FaultKind::Trap, Blame::Action));
    assert!(fault.message.contains("unreachable"), "{}", fault.message);
}

#[tokio::test]
async fn endless_recursion_is_a_trap() {
    let fault = run("(call $deep (i32.const 0))", Limits::default())
        .await
        .fault
        .unwrap();

    assert_eq!(fault.kind, FaultKind::Trap);
    assert!(fault.message.contains("stack"), "{}", fault.message);
}

#[tokio::test]
async fn a_guest_may_call_as_deep_as_its_stack_is() {
    let fault_with_stack = async |wasm_stack_bytes_max| {
        let engine = ActionEngine::new(EngineConfig {
            executions_max: 1,
            wasm_stack_bytes_max,
            ..EngineConfig::default()
        });
        let engine = engine.unwrap();
        let bytes = post_login(1, "(call $calls (i32.const 10000))");
        let action = engine.check(&share(), bytes).await.unwrap();
        let place = place(&engine).await;
        engine
            .execute(&place, &action, invocation(Limits::default()))
            .await
            .fault
    };

    assert_eq!(fault_with_stack(8 << 20).await, None);
    let fault = fault_with_stack(64 << 10).await.unwrap();
    assert_eq!((fault.kind, fault.blame), (FaultKind::Trap, Blame::Action));
}

#[tokio::test]
async fn a_component_may_have_as_many_instances_memories_tables_and_elements_as_the_limits_say() {
    let text = r#"(component
        (core module $m
            (memory (export "memory") 1)
            (table 10 funcref)
            (func (export "run") (result i32) i32.const 0))
        (core instance $i (instantiate $m))
        (core instance $j (instantiate $m))
        (func $run (result (result (error string)))
            (canon lift (core func $i "run") (memory (core memory $j "memory"))))
        (instance $handler (export "on-execute-post-login" (func $run)))
        (export "claimsmith:actions/post-login-handler@0.1.0" (instance $handler)))"#;
    let engine = engine();
    let bytes: Arc<[u8]> = Arc::from(wat::parse_str(text).unwrap());
    let action = engine.check(&share(), Arc::clone(&bytes)).await.unwrap();
    let place = place(&engine).await;
    let enough = Limits {
        instances_max: 2,
        memories_max: 2,
        tables_max: 2,
        table_elements_max: 20,
        ..Limits::default()
    };
    let fault = async |limits| {
        engine
            .execute(&place, &action, invocation(limits))
            .await
            .fault
    };

    assert_eq!(fault(enough).await, None);
    let too_few = |change: fn(&mut Limits)| {
        let mut limits = enough;
        change(&mut limits);
        limits
    };
    for limits in [
        too_few(|limits| limits.instances_max = 1),
        too_few(|limits| limits.memories_max = 1),
        too_few(|limits| limits.tables_max = 1),
        too_few(|limits| limits.table_elements_max = 19),
    ] {
        assert_eq!(
            fault(limits).await.unwrap().blame,
            Blame::Action,
            "{limits:?}"
        );
        let refused = engine
            .check_within(&share(), Arc::clone(&bytes), limits)
            .await;
        assert!(
            matches!(refused, Err(CheckError::Problems(_))),
            "{limits:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_loop_ends_at_its_deadline_and_holds_no_thread_till_then() {
    let engine = engine();
    let bytes = post_login(1, "(loop $again (br $again)) unreachable");
    let action = engine.check(&share(), bytes).await.unwrap();
    // Eight loops on two threads: all end only if each gives way to the others.
    let limits = Limits {
        deadline_ms: 20,
        ..Limits::default()
    };
    let mut executions = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (engine, action) = (engine.clone(), action.clone());
        executions.spawn(async move {
            engine
                .execute(&place(&engine).await, &action, invocation(limits))
                .await
        });
    }

    let _ticking = Ticking::start(&engine);
    while let Some(outcome) = executions.join_next().await {
        let fault = outcome.unwrap().fault.unwrap();
        assert_eq!(
            (fault.kind, fault.blame),
            (FaultKind::Deadline, Blame::Action)
        );
    }
}

/// Lets epochs pass as fast as the machine can, until it is dropped.
struct Ticking {
    done: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Ticking {
    fn start(engine: &ActionEngine) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let (engine, stop) = (engine.clone(), Arc::clone(&done));
        let thread = std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                engine.tick();
                std::thread::yield_now();
            }
        });
        Self {
            done,
            thread: Some(thread),
        }
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

#[tokio::test]
async fn an_execution_that_outlives_a_tick_leaves_the_thread_that_began_it() {
    let engine = engine();
    let endless = post_login(1, "(loop $again (br $again)) unreachable");
    let endless = engine.check(&share(), endless).await.unwrap();
    let quick = post_login(1, "i32.const 0");
    let quick = engine.check(&share(), quick).await.unwrap();
    let limits = Limits {
        deadline_ms: u64::MAX / 2,
        ..Limits::default()
    };
    let ticking = Ticking::start(&engine);
    let computing = {
        let engine = engine.clone();
        let place = place(&engine).await;
        tokio::spawn(async move { engine.execute(&place, &endless, invocation(limits)).await })
    };
    // The only thread of this test is in the loop until a tick ends its turn.
    tokio::task::yield_now().await;
    drop(ticking);

    // No more ticks: were the loop still here, its next turn would never end.
    let outcome = engine
        .execute(&place(&engine).await, &quick, invocation(Limits::default()))
        .await;

    assert_eq!(outcome.fault, None);
    assert!(!computing.is_finished());
    let _ticking = Ticking::start(&engine);
    computing.abort();
    assert!(computing.await.unwrap_err().is_cancelled());
}

#[tokio::test]
async fn who_leaves_takes_his_execution_along_and_frees_its_place() {
    let engine = engine();
    let endless = post_login(1, "(loop $again (br $again)) unreachable");
    let endless = engine.check(&share(), endless).await.unwrap();
    let limits = Limits {
        deadline_ms: u64::MAX / 2,
        ..Limits::default()
    };
    let _ticking = Ticking::start(&engine);

    // Sixteen times as many as there are places, sandboxes and stacks for: each can
    // begin only if one before it is gone, its sandbox too.
    for _ in 0..64 {
        let place = place(&engine).await;
        let execution = engine.execute(&place, &endless, invocation(limits));
        let left = tokio::select! {
            biased;
            outcome = execution => panic!("an endless execution ended: {:?}", outcome.fault),
            () = tokio::task::yield_now() => true,
        };
        assert!(left);
    }
}

#[tokio::test]
async fn memory_within_the_limit_is_given_and_beyond_it_is_a_memory_fault() {
    let limits = Limits {
        memory_bytes_max: 3 * 65_536,
        ..Limits::default()
    };
    let grow_or_trap = |pages| {
        format!(
            "(if (i32.eq (memory.grow (i32.const {pages})) (i32.const -1)) (then unreachable)) \
             i32.const 0"
        )
    };

    let within = run(&grow_or_trap(2), limits).await;
    assert_eq!(within.fault, None);
    assert_eq!(within.usage.memory_bytes_peak, 3 * 65_536);

    let beyond = run(&grow_or_trap(3), limits).await.fault.unwrap();
    assert_eq!(
        (beyond.kind, beyond.blame),
        (FaultKind::Memory, Blame::Action)
    );
    assert!(
        beyond.message.contains("262144 bytes"),
        "{}",
        beyond.message
    );
}

#[tokio::test]
async fn a_module_that_needs_more_memory_than_it_may_have_is_refused_at_upload() {
    let bytes = post_login(2_000, "i32.const 0");

    let problems = refusal(&bytes).await;

    let codes: Vec<_> = problems.iter().map(|(code, _)| *code).collect();
    assert!(
        codes == ["does_not_start"] || codes == ["unsupported"],
        "{problems:?}"
    );
}

#[tokio::test]
async fn what_is_no_module_is_refused_by_what_it_is() {
    let cases: [(&[u8], &str, &str); 5] = [
        (b"", "not_wasm", "empty"),
        (b"PK\x03\x04zip", "not_wasm", "zip"),
        (b"\x7fELF....", "not_wasm", "native"),
        (b"(component)", "not_wasm", "text"),
        (b"#!/bin/sh", "not_wasm", "WebAssembly"),
    ];
    for (bytes, code, word) in cases {
        let problems = refusal(bytes).await;
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].0, code);
        assert!(problems[0].1.contains(word), "{}", problems[0].1);
    }
}

#[tokio::test]
async fn a_module_cut_off_anywhere_is_refused_and_never_a_panic() {
    let whole = post_login(1, "i32.const 0");
    let engine = engine();

    for length in (0..whole.len()).step_by(7) {
        let cut: Arc<[u8]> = Arc::from(&whole[..length]);
        assert!(
            engine.check(&share(), cut).await.is_err(),
            "the first {length} bytes were accepted"
        );
    }
}

#[tokio::test]
async fn each_import_that_is_not_offered_is_named() {
    let text = r#"(component
        (import "acme:secrets/vault@1.0.0" (instance (export "open" (func))))
        (import "wasi:http/incoming-handler@0.2.0" (instance (export "handle" (func)))))"#;

    let problems = refusal(&wat::parse_str(text).unwrap()).await;

    let codes: Vec<_> = problems.iter().map(|(code, _)| *code).collect();
    assert_eq!(
        codes,
        ["import_not_offered", "import_not_offered", "no_trigger"]
    );
    assert!(problems[0].1.contains("`acme:secrets/vault@1.0.0`"));
    assert!(problems[1].1.contains("`wasi:http/incoming-handler@0.2.0`"));
}

#[tokio::test]
async fn a_core_module_without_bindings_is_told_how_to_get_them() {
    let bytes = wat::parse_str("(module (import \"env\" \"f\" (func)))").unwrap();

    let problems = refusal(&bytes).await;

    assert_eq!(problems[0].0, "no_contract");
    assert!(problems[0].1.contains("SDK"), "{}", problems[0].1);
}

#[tokio::test]
async fn a_component_without_a_trigger_is_told_what_to_export() {
    let problems = refusal(&wat::parse_str("(component)").unwrap()).await;

    assert_eq!(problems[0].0, "no_trigger");
    assert!(
        problems[0]
            .1
            .contains("claimsmith:actions/post-login-handler@0.1.0")
    );
}

#[tokio::test]
async fn a_handler_of_another_type_is_refused() {
    let text = r#"(component
        (core module $m (func (export "run")))
        (core instance $i (instantiate $m))
        (func $run (canon lift (core func $i "run")))
        (instance $handler (export "on-execute-post-login" (func $run)))
        (export "claimsmith:actions/post-login-handler@0.1.0" (instance $handler)))"#;

    let problems = refusal(&wat::parse_str(text).unwrap()).await;

    assert_eq!(problems[0].0, "no_trigger");
    assert!(
        problems[0].1.contains("result<_, string>"),
        "{}",
        problems[0].1
    );
}

#[tokio::test]
async fn a_trap_while_starting_is_found_at_upload() {
    let text = r#"(component
        (core module $m
            (memory (export "memory") 1)
            (func $start unreachable) (start $start)
            (func (export "run") (result i32) i32.const 0))
        (core instance $i (instantiate $m))
        (func $run (result (result (error string)))
            (canon lift (core func $i "run") (memory (core memory $i "memory"))))
        (instance $handler (export "on-execute-post-login" (func $run)))
        (export "claimsmith:actions/post-login-handler@0.1.0" (instance $handler)))"#;

    let problems = refusal(&wat::parse_str(text).unwrap()).await;

    assert_eq!(problems[0].0, "does_not_start");
}

/// A component that denies with the text at `address` of `length` bytes; the text at
/// 0 is not UTF-8.
fn denies(address: u32, length: u32) -> Arc<[u8]> {
    let text = format!(
        r#"(component
            (import "claimsmith:actions/post-login-access@0.1.0"
                (instance $access (export "deny" (func (param "reason" string)))))
            (core module $libc (memory (export "memory") 40)
                (data (i32.const 0) "\ff\fe")
                (data (i32.const 16) "not on Sundays"))
            (core instance $libc (instantiate $libc))
            (core func $deny (canon lower (func $access "deny")
                (memory (core memory $libc "memory"))))
            (core module $m
                (import "host" "deny" (func $deny (param i32 i32)))
                (func (export "run") (result i32)
                    (call $deny (i32.const {address}) (i32.const {length}))
                    (i32.const 1024)))
            (core instance $m (instantiate $m
                (with "host" (instance (export "deny" (func $deny))))))
            (func $run (result (result (error string)))
                (canon lift (core func $m "run") (memory (core memory $libc "memory"))))
            (instance $handler (export "on-execute-post-login" (func $run)))
            (export "claimsmith:actions/post-login-handler@0.1.0" (instance $handler)))"#
    );
    Arc::from(wat::parse_str(text).unwrap())
}

async fn run_component(bytes: Arc<[u8]>, limits: Limits) -> Outcome {
    let engine = engine();
    let action = engine.check(&share(), bytes).await.unwrap();
    engine
        .execute(&place(&engine).await, &action, invocation(limits))
        .await
}

#[tokio::test]
async fn a_denial_is_what_the_action_said() {
    let outcome = run_component(denies(16, 14), Limits::default()).await;

    assert_eq!(outcome.fault, None);
    assert_eq!(outcome.denial.unwrap().reason, "not on Sundays");
}

#[tokio::test]
async fn a_text_that_is_not_utf_8_is_the_actions_fault_and_denies_nothing() {
    let outcome = run_component(denies(0, 2), Limits::default()).await;

    let fault = outcome.fault.unwrap();
    assert_eq!((fault.kind, fault.blame), (FaultKind::Trap, Blame::Action));
    assert_eq!(outcome.denial, None);
}

#[tokio::test]
async fn a_text_within_the_limit_is_taken_and_beyond_it_ends_the_execution() {
    let limits = Limits {
        argument_bytes_max: 1_000,
        ..Limits::default()
    };

    let within = run_component(denies(1_024, 1_000), limits).await;
    assert_eq!(within.fault, None);

    let beyond = run_component(denies(1_024, 1_001), limits)
        .await
        .fault
        .unwrap();
    assert_eq!(
        (beyond.kind, beyond.blame),
        (FaultKind::Limit, Blame::Action)
    );
}

#[tokio::test]
async fn what_a_guest_hands_over_in_one_call_is_bounded_before_it_is_copied() {
    let limits = Limits {
        call_bytes_max: 2_000,
        ..Limits::default()
    };

    assert_eq!(
        run_component(denies(1_024, 1_900), limits).await.fault,
        None
    );

    let beyond = run_component(denies(1_024, 2_100), limits)
        .await
        .fault
        .unwrap();
    assert_eq!(beyond.blame, Blame::Action);
}

#[tokio::test]
async fn the_same_bytes_are_compiled_once() {
    let engine = engine();
    let bytes = post_login(1, "i32.const 0");

    let first = engine.check(&share(), Arc::clone(&bytes)).await.unwrap();
    let again = engine.cached(&first.info().sha256);

    assert!(again.is_some());
    assert_eq!(first.info().triggers, [Trigger::PostLogin]);
    assert!(first.serves(Trigger::PostLogin) && !first.serves(Trigger::CredentialsExchange));
}

/// A component that sets a request's method, authority and path to texts of so many
/// bytes, in memory full of `a`, and traps where one of them is refused.
fn sets_texts(method: u32, authority: u32, path: u32) -> Arc<[u8]> {
    let text = format!(
        r#"(component
            (import "wasi:http/types@0.2.0" (instance $types
                (export "fields" (type $fields (sub resource)))
                (export "outgoing-request" (type $request (sub resource)))
                (type $method-type (variant
                    (case "get") (case "head") (case "post") (case "put") (case "delete")
                    (case "connect") (case "options") (case "trace") (case "patch")
                    (case "other" string)))
                (export "method" (type $method (eq $method-type)))
                (export "[constructor]fields" (func (result (own $fields))))
                (export "[constructor]outgoing-request"
                    (func (param "headers" (own $fields)) (result (own $request))))
                (export "[method]outgoing-request.set-method" (func
                    (param "self" (borrow $request)) (param "method" $method) (result (result))))
                (export "[method]outgoing-request.set-authority" (func
                    (param "self" (borrow $request)) (param "authority" (option string))
                    (result (result))))
                (export "[method]outgoing-request.set-path-with-query" (func
                    (param "self" (borrow $request)) (param "path-with-query" (option string))
                    (result (result))))))
            (core module $memory
                (memory (export "memory") 1)
                (func (export "fill")
                    (memory.fill (i32.const 64) (i32.const 97) (i32.const 32768))
                    (i32.store8 (i32.const 1024) (i32.const 47))))
            (core instance $memory (instantiate $memory))
            (core func $fields (canon lower (func $types "[constructor]fields")))
            (core func $request (canon lower (func $types "[constructor]outgoing-request")))
            (core func $set-method (canon lower
                (func $types "[method]outgoing-request.set-method")
                (memory (core memory $memory "memory"))))
            (core func $set-authority (canon lower
                (func $types "[method]outgoing-request.set-authority")
                (memory (core memory $memory "memory"))))
            (core func $set-path (canon lower
                (func $types "[method]outgoing-request.set-path-with-query")
                (memory (core memory $memory "memory"))))
            (core module $m
                (import "host" "fields" (func $fields (result i32)))
                (import "host" "request" (func $request (param i32) (result i32)))
                (import "host" "set-method" (func $set-method (param i32 i32 i32 i32) (result i32)))
                (import "host" "set-authority"
                    (func $set-authority (param i32 i32 i32 i32) (result i32)))
                (import "host" "set-path" (func $set-path (param i32 i32 i32 i32) (result i32)))
                (import "host" "fill" (func $fill))
                (func (export "run") (result i32)
                    (local $request i32)
                    (call $fill)
                    (local.set $request (call $request (call $fields)))
                    (if (call $set-method (local.get $request)
                            (i32.const 9) (i32.const 64) (i32.const {method}))
                        (then unreachable))
                    (if (call $set-authority (local.get $request)
                            (i32.const 1) (i32.const 64) (i32.const {authority}))
                        (then unreachable))
                    (if (call $set-path (local.get $request)
                            (i32.const 1) (i32.const 1024) (i32.const {path}))
                        (then unreachable))
                    (i32.const 0)))
            (core instance $i (instantiate $m (with "host" (instance
                (export "fields" (func $fields))
                (export "request" (func $request))
                (export "set-method" (func $set-method))
                (export "set-authority" (func $set-authority))
                (export "set-path" (func $set-path))
                (export "fill" (func $memory "fill"))))))
            (func $run (result (result (error string)))
                (canon lift (core func $i "run") (memory (core memory $memory "memory"))))
            (instance $handler (export "on-execute-post-login" (func $run)))
            (export "claimsmith:actions/post-login-handler@0.1.0" (instance $handler)))"#
    );
    Arc::from(wat::parse_str(text).unwrap())
}

#[tokio::test]
async fn the_texts_of_an_http_request_are_bounded_where_they_enter() {
    let run = async |method, authority, path| {
        let component = sets_texts(method, authority, path);
        let outcome = run_component(component, Limits::default()).await;
        outcome.fault.map(|fault| fault.kind)
    };

    assert_eq!(run(32, 260, 8 << 10).await, None);
    assert_eq!(run(33, 260, 8 << 10).await, Some(FaultKind::Trap));
    assert_eq!(run(32, 261, 8 << 10).await, Some(FaultKind::Trap));
    assert_eq!(run(32, 260, (8 << 10) + 1).await, Some(FaultKind::Trap));
}

#[tokio::test]
async fn a_module_may_have_all_its_memories_and_tables_in_one() {
    let text = r#"(component
        (core module $m
            (memory (export "memory") 1) (memory 1) (table 1 funcref) (table 1 funcref)
            (func (export "run") (result i32)
                (memory.grow 1 (i32.const 1)) drop i32.const 0))
        (core instance $i (instantiate $m))
        (func $run (result (result (error string)))
            (canon lift (core func $i "run") (memory (core memory $i "memory"))))
        (instance $handler (export "on-execute-post-login" (func $run)))
        (export "claimsmith:actions/post-login-handler@0.1.0" (instance $handler)))"#;
    let engine = engine();
    let bytes = Arc::from(wat::parse_str(text).unwrap());

    let action = engine.check(&share(), bytes).await.unwrap();
    let outcome = engine
        .execute(
            &place(&engine).await,
            &action,
            invocation(Limits::default()),
        )
        .await;

    assert_eq!(outcome.fault, None);
    assert_eq!(outcome.usage.memory_bytes_peak, 3 * 65_536);
}
