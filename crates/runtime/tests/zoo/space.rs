//! Guests that want memory, tables, stack and instances.

use claimsmith_model::FaultKind;
use claimsmith_runtime::{EngineConfig, Limits};

use crate::cage::{Cage, execute, invocation, wat, zoo};

/// What `memory-bomb.wat` wants.
const BOMB_BYTES: usize = 1_600 * 65_536;

#[tokio::test]
async fn a_memory_bomb_gets_what_the_limit_says_and_no_page_more() {
    let limits = |memory_bytes_max| Limits {
        memory_bytes_max,
        ..Limits::default()
    };

    let inside = Cage::with(limits(BOMB_BYTES));
    let outcome = inside.succeed(&wat("memory-bomb"), "").await;
    assert_eq!(outcome.usage.memory_bytes_peak, BOMB_BYTES as u64);

    let outside = Cage::with(limits(BOMB_BYTES - 1));
    let outcome = outside.run(&wat("memory-bomb"), "").await;
    let fault = outcome.fault.unwrap();
    assert_eq!(fault.kind, FaultKind::Memory);
    assert!(fault.message.contains(&BOMB_BYTES.to_string()), "{fault:?}");
    assert_eq!(
        outcome.usage.memory_bytes_peak,
        (BOMB_BYTES - 65_536) as u64
    );
}

#[tokio::test]
async fn an_allocation_beyond_the_limit_is_a_memory_fault_and_one_within_is_not() {
    let cage = Cage::new();

    cage.succeed(&zoo(), "memory 60000000").await;
    cage.fail(&zoo(), "trace\nmemory 68000000", FaultKind::Memory)
        .await;
    cage.fail(&zoo(), "trace\nmemory", FaultKind::Memory).await;
}

#[tokio::test]
async fn a_table_bomb_gets_what_the_limit_says_and_no_element_more() {
    let limits = |table_elements_max| Limits {
        table_elements_max,
        ..Limits::default()
    };

    Cage::with(limits(30_000))
        .succeed(&wat("table-bomb"), "")
        .await;

    let fault = Cage::with(limits(29_999))
        .fail(&wat("table-bomb"), "", FaultKind::Memory)
        .await;
    assert!(fault.message.contains("30000 table elements"), "{fault:?}");
}

#[tokio::test]
async fn recursion_goes_as_deep_as_the_stack_and_no_deeper() {
    let stack = |wasm_stack_bytes_max| {
        Cage::of(EngineConfig {
            executions_max: 4,
            wasm_stack_bytes_max,
            ..EngineConfig::default()
        })
    };

    stack(8 << 20).succeed(&wat("recursion"), "").await;

    let fault = stack(256 << 10)
        .fail(&wat("recursion"), "", FaultKind::Trap)
        .await;
    assert!(fault.message.contains("stack"), "{fault:?}");
}

#[tokio::test]
async fn recursion_without_end_traps_where_either_stack_ends() {
    let cage = Cage::new();
    cage.succeed(&zoo(), "recurse 1000").await;

    // Compilers keep a second stack in memory, which may be used up first.
    cage.fail(&zoo(), "trace\nrecurse", FaultKind::Trap).await;
}

#[tokio::test]
async fn copying_more_than_there_is_traps_and_copies_nothing() {
    let fault = Cage::new()
        .fail(&wat("memory-copy-beyond"), "", FaultKind::Trap)
        .await;

    assert!(fault.message.contains("out of bounds"), "{fault:?}");
}

#[tokio::test]
async fn a_module_has_as_many_instances_memories_and_tables_as_the_limits_say() {
    let limits = |instances_max, memories_max, tables_max| Limits {
        instances_max,
        memories_max,
        tables_max,
        ..Limits::default()
    };
    let cases = [
        ("instances", limits(41, 4, 8), limits(40, 4, 8)),
        ("memories", limits(32, 5, 8), limits(32, 4, 8)),
        ("tables", limits(32, 4, 9), limits(32, 4, 8)),
    ];

    for (name, inside, outside) in cases {
        let cage = Cage::with(inside);
        cage.succeed(&wat(name), "").await;

        let problem = Cage::with(outside).refusal(&wat(name)).await;
        assert!(
            ["does_not_start", "unsupported"].contains(&problem.code),
            "{problem:?}"
        );

        // One that was accepted, under limits that were lowered since.
        let action = cage.admit(&wat(name)).await;
        let outcome = execute(&cage.engine, &action, invocation(outside, "")).await;
        let fault = outcome.fault.unwrap();
        assert_eq!(fault.kind, FaultKind::Limit, "{name}: {fault:?}");
    }
}
