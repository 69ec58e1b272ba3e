//! Guests that never end, and executions that nobody waits for any more.

use std::{future::poll_fn, pin::pin, task::Poll};

use claimsmith_model::FaultKind;
use claimsmith_runtime::{EngineConfig, Limits};

use crate::cage::{Cage, invocation, share, wat, zoo};

/// Limits with so short a deadline that a test can wait for it.
fn short() -> Limits {
    Limits {
        deadline_ms: 100,
        ..Limits::default()
    }
}

/// Limits that no guest here ever comes up to.
fn long() -> Limits {
    Limits {
        deadline_ms: 3_600_000,
        ..Limits::default()
    }
}

#[tokio::test]
async fn a_loop_that_ends_in_time_is_fine_and_an_endless_one_ends_at_the_deadline() {
    Cage::new().succeed(&zoo(), "spin 100000").await;

    let fault = Cage::with(short())
        .fail(&zoo(), "trace\nspin", FaultKind::Deadline)
        .await;

    assert!(fault.message.contains("100 ms"), "{fault:?}");
}

#[tokio::test]
async fn a_flood_of_calls_of_the_host_ends_at_the_deadline() {
    Cage::new().succeed(&zoo(), "calls 100").await;

    Cage::with(short())
        .fail(&zoo(), "trace\ncalls", FaultKind::Deadline)
        .await;
}

#[tokio::test]
async fn a_sleep_in_a_call_of_the_host_ends_at_the_deadline() {
    Cage::new().succeed(&zoo(), "sleep 1").await;

    Cage::with(short())
        .fail(&zoo(), "trace\nsleep 600000", FaultKind::Deadline)
        .await;
}

#[tokio::test]
async fn a_loop_in_the_start_function_ends_at_the_deadline() {
    Cage::with(long()).succeed(&wat("start-loop"), "").await;

    Cage::with(short())
        .fail(&wat("start-loop"), "spin", FaultKind::Deadline)
        .await;
}

#[tokio::test]
async fn a_module_whose_start_function_never_ends_is_refused_at_upload() {
    let problem = Cage::with(short())
        .refusal(&wat("start-loop-at-upload"))
        .await;

    assert_eq!(problem.code, "does_not_start");
    assert!(problem.message.contains("deadline"), "{problem:?}");
}

#[tokio::test]
async fn copying_the_whole_memory_again_and_again_ends_at_the_deadline() {
    Cage::with(short())
        .fail(&wat("memory-copy"), "", FaultKind::Deadline)
        .await;
}

#[tokio::test]
async fn dropping_an_execution_ends_it_and_frees_its_place_whatever_it_does() {
    for script in ["spin", "sleep 3000000", "calls", "start"] {
        let cage = Cage::of(EngineConfig {
            executions_max: 1,
            limits: long(),
            ..EngineConfig::default()
        });
        let module = if script == "start" {
            wat("start-loop")
        } else {
            zoo()
        };
        let action = cage.admit(&module).await;

        {
            let place = cage.engine.enter(&share()).await.unwrap();
            let execution = cage
                .engine
                .execute(&place, &action, invocation(long(), script));
            let mut execution = pin!(execution);
            // Once: it has then the only place, and gives way at its first tick.
            let under_way = poll_fn(|context| Poll::Ready(execution.as_mut().poll(context))).await;
            assert!(under_way.is_pending(), "{script}");
        }

        // Would wait for the hour that the first one has, if it were still there.
        cage.succeed(&zoo(), "claims 1").await;
    }
}
