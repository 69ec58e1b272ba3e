//! Whether an execution finds bytes of another one.

use std::{collections::BTreeSet, sync::Arc};

use claimsmith_model::FaultKind;
use claimsmith_runtime::{ActionEngine, EngineConfig, Limits};

use crate::cage::{Cage, execute, invocation, share, wat, wat_text};

/// An engine with one memory and one table: each execution gets the very places that
/// the one before filled.
fn engine_with_one_place() -> ActionEngine {
    ActionEngine::new(EngineConfig {
        executions_max: 1,
        limits: Limits {
            // No more than is searched.
            memory_bytes_max: 16 << 20,
            memories_max: 1,
            tables_max: 1,
            // Nobody ticks, and a hoarder looks at all there is.
            deadline_ms: 60_000,
            ..Limits::default()
        },
        ..EngineConfig::default()
    })
    .unwrap()
}

/// The hoarder with another text in place of one of its own.
fn other_hoarder(text: &str, instead: &str) -> Arc<[u8]> {
    let whole = wat_text("hoarder");
    assert!(whole.contains(text));
    Arc::from(wat::parse_str(whole.replace(text, instead)).unwrap())
}

#[tokio::test]
async fn no_execution_finds_what_another_left_in_memory_table_or_global() {
    let engine = engine_with_one_place();
    let limits = engine.config().limits;
    // The same module, one with another memory at its start, one with another table.
    let modules = [
        wat("hoarder"),
        other_hoarder(
            "(memory (export \"memory\") 1)",
            "(memory (export \"memory\") 40)",
        ),
        other_hoarder("$t 64 10000", "$t 9000 10000"),
    ];
    let mut actions = Vec::new();
    for module in modules {
        actions.push(engine.check(&share(), module).await.unwrap());
    }

    let mut peaks = BTreeSet::new();
    for round in 0..3 {
        for (first, second) in [(0, 0), (0, 1), (1, 2), (2, 2), (2, 0), (1, 1)] {
            for action in [first, second] {
                let outcome = execute(&engine, &actions[action], invocation(limits, "")).await;
                assert_eq!(outcome.fault, None, "round {round}, module {action}");
                peaks.insert(outcome.usage.memory_bytes_peak);
            }
        }
    }

    assert_eq!(
        peaks.into_iter().collect::<Vec<_>>(),
        [limits.memory_bytes_max as u64],
        "each of them looked at all the memory that it may have"
    );
}

#[tokio::test]
async fn the_search_finds_a_single_byte_an_element_and_a_global() {
    let dirty = [
        (
            "(memory (export \"memory\") 1)",
            "(memory (export \"memory\") 1) (data (i32.const 65535) \"x\")",
        ),
        (
            "(elem declare func $is_clean)",
            "(elem (table $t) (i32.const 63) func $is_clean)",
        ),
        (
            "(global $g (mut i64) (i64.const 0))",
            "(global $g (mut i64) (i64.const 1))",
        ),
    ];

    for (clean, dirty) in dirty {
        let fault = Cage::new()
            .fail(&other_hoarder(clean, dirty), "", FaultKind::GuestError)
            .await;
        assert_eq!(fault.message, "found what others left me");
    }
}
