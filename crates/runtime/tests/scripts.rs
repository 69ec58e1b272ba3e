//! The engine with scripts of custom databases: what it refuses at the upload, what it
//! hands in and out, and how it ends those that misbehave.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test helper that fails fails its test"
)]

use std::{fs, path::PathBuf, sync::Arc};

use claimsmith_model::{
    ActionSecret, AllowedHosts, Blame, DatabaseScript, Fault, FaultKind, Secret, Timestamp, Trigger,
};
use claimsmith_runtime::{
    ActionEngine, CheckError, EngineConfig, Limits, PROFILE_BYTES_MAX, ScriptAnswer, ScriptCall,
    ScriptInvocation, ScriptOutcome, Share,
};
use serde_json::{Value, json};

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

/// A module that `cargo xtask guests` has built.
fn guest(name: &str) -> Arc<[u8]> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let file = root.join("target/guests").join(name).with_extension("wasm");
    let module = fs::read(&file).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; build the guests with `cargo xtask guests`",
            file.display()
        )
    });
    Arc::from(module)
}

fn login(identifier: &str, password: &str) -> ScriptCall {
    ScriptCall::Login {
        identifier: identifier.to_owned(),
        password: Secret::new(password),
    }
}

async fn run_within(call: ScriptCall, limits: Limits) -> ScriptOutcome {
    let engine = engine();
    let _ticker = engine.start_ticker().unwrap();
    let module = guest("database");
    let module = engine.check_script(&share(), module, limits).await.unwrap();
    let invocation = ScriptInvocation {
        call,
        secrets: Arc::from([ActionSecret {
            name: "KEY".to_owned(),
            value: Secret::new("k3y"),
            updated_at: Timestamp::default(),
        }]),
        allowed_hosts: Arc::new(AllowedHosts::default()),
        started_at: Timestamp::from_millis(0),
        seed: 0,
        limits,
    };
    let place = engine.enter(&share()).await.unwrap();
    engine.execute_script(&place, &module, invocation).await
}

async fn run(call: ScriptCall) -> ScriptOutcome {
    run_within(call, Limits::default()).await
}

/// The profile that a run must have answered with.
fn profile(outcome: ScriptOutcome) -> Value {
    match outcome.answer {
        Ok(ScriptAnswer::Profile(profile)) => serde_json::from_str(&profile).unwrap(),
        other => panic!("a profile was expected: {other:?}"),
    }
}

/// The fault that a run must have ended with, by its own fault.
fn fault(outcome: &ScriptOutcome) -> &Fault {
    let fault = outcome.answer.as_ref().unwrap_err();
    assert_eq!(fault.blame, Blame::Action, "{fault:?}");
    fault
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_says_which_scripts_it_has() {
    let module = engine()
        .check_script(&share(), guest("database"), Limits::default())
        .await
        .unwrap();

    assert_eq!(module.info().scripts, DatabaseScript::ALL);
    assert_eq!(module.info().triggers, []);
    assert!(module.serves(DatabaseScript::GetUser));
    assert!(!module.serves(Trigger::PostLogin));
    let contract = |import: &&String| import.starts_with("claimsmith:");
    let imports: Vec<_> = module.info().imports.iter().filter(contract).collect();
    assert_eq!(
        imports,
        [
            "claimsmith:actions/secrets@0.1.0",
            "claimsmith:actions/log@0.1.0"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_can_not_import_what_only_actions_have() {
    let engine = engine();

    let refused = engine
        .check_script(&share(), guest("role"), Limits::default())
        .await;

    let Err(CheckError::Problems(problems)) = refused else {
        panic!("{refused:?}")
    };
    assert!(!problems.is_empty());
    for problem in problems {
        assert_eq!(problem.code, "import_not_offered");
        let text = "is not offered to a custom database's script";
        assert!(problem.message.contains(text), "{}", problem.message);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_of_another_type_than_the_contracts_is_refused() {
    for interface in ["login", "get-user", "create"] {
        let text = format!(
            r#"(component
                (core module $m
                    (memory (export "memory") 1)
                    (func (export "run") (result i32) (i32.const 0)))
                (core instance $i (instantiate $m))
                (func $run (result (result (error string)))
                    (canon lift (core func $i "run") (memory (core memory $i "memory"))))
                (instance $handler (export "on-execute-database-{interface}" (func $run)))
                (export "claimsmith:actions/database-{interface}-handler@0.1.0"
                    (instance $handler)))"#
        );
        let module = Arc::from(wat::parse_str(text).unwrap());

        let refused = engine().check(&share(), module).await;

        let Err(CheckError::Problems(problems)) = refused else {
            panic!("{refused:?}")
        };
        let [problem] = problems.as_slice() else {
            panic!("{problems:?}")
        };
        assert_eq!(problem.code, "no_trigger");
        let text = format!("`on-execute-database-{interface}` must be `func(");
        assert!(problem.message.starts_with(&text), "{}", problem.message);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_comes_out_as_the_script_made_it() {
    let text = r#"{"user_id": "7", "name": "Ada", "app_metadata": {"plan": "gold"}}"#;

    let outcome = run(login("ada@example.com", text)).await;

    assert!(outcome.usage.wall_time_us > 0);
    let expected: Value = serde_json::from_str(text).unwrap();
    assert_eq!(profile(outcome), expected);
    let secret = profile(run(login("secret", "KEY")).await);
    assert_eq!(secret, json!({"user_id": "7", "secret": "k3y"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_an_unknown_user_and_a_failure_are_three_answers() {
    let wrong = run(login("wrong", "")).await.answer;
    assert_eq!(wrong, Ok(ScriptAnswer::WrongCredentials(String::new())));
    let unknown = run(login("unknown", "")).await.answer;
    assert_eq!(unknown, Ok(ScriptAnswer::UnknownUser(String::new())));
    let failed = run(login("failed", "the store is down")).await;
    let Fault { kind, message, .. } = fault(&failed);
    let failure = (*kind, message.as_str());
    assert_eq!(failure, (FaultKind::GuestError, "the store is down"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_looked_up_and_made() {
    let get_user = |identifier: &str| ScriptCall::GetUser {
        identifier: identifier.to_owned(),
    };
    let found = profile(run(get_user("ada@example.com")).await);
    assert_eq!(found, json!({"user_id": "7", "email": "ada@example.com"}));
    let unknown = run(get_user("unknown@example.com")).await.answer;
    assert_eq!(unknown, Ok(ScriptAnswer::UnknownUser(String::new())));
    fault(&run(get_user("failed@example.com")).await);

    let create = |password: &str| ScriptCall::Create {
        user_json: r#"{"email": "ada@example.com", "user_metadata": {"a": 1}}"#.to_owned(),
        password: Secret::new(password),
    };
    let told = profile(run(create("tells")).await);
    assert_eq!(
        told,
        json!({
            "user_id": "8",
            "email": "ada@example.com",
            "app_metadata": {"seen": {"a": 1}},
        })
    );
    for (password, answer) in [
        ("", ScriptAnswer::Created),
        ("exists", ScriptAnswer::UserExists(String::new())),
        ("rejected", ScriptAnswer::Rejected("too weak".to_owned())),
    ] {
        assert_eq!(run(create(password)).await.answer, Ok(answer));
    }
    fault(&run(create("failed")).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_misbehaves_ends_and_is_to_blame() {
    let limits = Limits {
        deadline_ms: 100,
        ..Limits::default()
    };
    let spun = run_within(login("spin", ""), limits).await;
    assert_eq!(fault(&spun).kind, FaultKind::Deadline);

    // Little memory, so that it is full long before the deadline.
    let limits = Limits {
        memory_bytes_max: 4 << 20,
        ..Limits::default()
    };
    let hoarded = run_within(login("memory", ""), limits).await;
    assert_eq!(fault(&hoarded).kind, FaultKind::Memory);

    let trapped = run(login("trap", "no more")).await;
    assert_eq!(fault(&trapped).kind, FaultKind::Trap);
    assert!(trapped.logs[0].message.contains("no more"));

    let called = run(login("call", "https://example.com/")).await;
    assert_eq!(fault(&called).kind, FaultKind::GuestError);
    assert_eq!(called.refused_commands[0].refusal.code, "host_not_allowed");
    assert!(called.http_calls.is_empty());

    let flooded = run(login("flood", "20000")).await;
    assert!(flooded.log_bytes_dropped > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_bounded() {
    // The JSON text is {"user_id":"7","blob":"…"}: 25 bytes beside the value.
    let inside = (PROFILE_BYTES_MAX - 25).to_string();
    profile(run(login("huge", &inside)).await);
    let outside = (PROFILE_BYTES_MAX - 24).to_string();
    let outcome = run(login("huge", &outside)).await;
    assert_eq!(fault(&outcome).kind, FaultKind::Limit);
    // Such a one isn't even copied.
    let outcome = run(login("huge", "2000000")).await;
    assert_eq!(fault(&outcome).kind, FaultKind::Limit);

    let limits = Limits {
        json_depth_max: 10,
        ..Limits::default()
    };
    profile(run_within(login("deep", "9"), limits).await);
    let outcome = run_within(login("deep", "10"), limits).await;
    assert_eq!(fault(&outcome).kind, FaultKind::Limit);
}
