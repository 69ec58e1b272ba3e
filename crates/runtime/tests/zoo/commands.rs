//! Guests that ask for too much: claims, log lines, cache entries.

use claimsmith_claims::VALUE_DEPTH_MAX;
use claimsmith_model::{Command, FaultKind};
use claimsmith_runtime::Limits;

use crate::cage::{Cage, claims, logged, zoo};

#[tokio::test]
async fn a_huge_claim_is_refused_by_the_policy_and_a_larger_one_ends_the_execution() {
    let cage = Cage::new();
    // A token holds 102,400 bytes: the name with its quotes has 30 of them.
    let fits = cage.succeed(&zoo(), "claim 102370").await;
    assert_eq!(claims(&fits.access_token).len(), 1);
    assert_eq!(logged(&fits), [""; 0]);

    let refused = cage.succeed(&zoo(), "claim 102371").await;
    assert_eq!(claims(&refused.access_token), [""; 0]);
    assert_eq!(logged(&refused), ["token_too_large"]);

    let argument_bytes_max = Limits::default().argument_bytes_max;
    cage.succeed(&zoo(), &format!("claim {argument_bytes_max}"))
        .await;
    let script = format!("trace\nclaim {}", argument_bytes_max + 1);
    let fault = cage.fail(&zoo(), &script, FaultKind::Limit).await;
    assert!(fault.message.contains("262145 bytes"), "{fault:?}");
    // Beyond what one call may hand over, it isn't even copied.
    let fault = cage
        .fail(&zoo(), "trace\nclaim 2000000", FaultKind::Limit)
        .await;
    assert!(fault.message.contains("hostcalls"), "{fault:?}");
}

#[tokio::test]
async fn a_hundred_thousand_claims_end_at_the_number_of_commands() {
    let cage = Cage::new();
    let most = cage.succeed(&zoo(), "claims 2000").await;
    assert_eq!(claims(&most.access_token).len(), 1_000);
    assert_eq!(most.refused_claims.len(), 200);
    assert_eq!(most.refusals_unlisted, 800);

    let fault = cage.fail(&zoo(), "claims 2001", FaultKind::Limit).await;
    assert!(fault.message.contains("2000 commands"), "{fault:?}");
    cage.fail(&zoo(), "trace\nclaims 100000", FaultKind::Limit)
        .await;
}

#[tokio::test]
async fn a_deeply_nested_value_is_refused_and_none_is_too_deep_to_be_looked_at() {
    let cage = Cage::new();
    let script = format!("deep {VALUE_DEPTH_MAX}");
    let fits = cage.succeed(&zoo(), &script).await;
    assert_eq!(claims(&fits.access_token).len(), 1);

    for depth in [VALUE_DEPTH_MAX + 1, 100_000] {
        let refused = cage.succeed(&zoo(), &format!("deep {depth}")).await;
        assert_eq!(claims(&refused.access_token), [""; 0]);
        assert_eq!(logged(&refused), ["value_too_deep"]);
    }
}

#[tokio::test]
async fn text_that_is_no_json_is_refused_and_bytes_that_are_no_text_trap() {
    let cage = Cage::new();
    let refused = cage.succeed(&zoo(), "not-json").await;
    assert_eq!(logged(&refused), ["invalid_value"]);

    let fault = cage.fail(&zoo(), "trace\nnot-utf8", FaultKind::Trap).await;
    assert!(fault.message.contains("utf-8"), "{fault:?}");
}

#[tokio::test]
async fn a_flood_of_log_lines_or_output_fills_the_log_and_the_rest_is_counted() {
    let limits = Limits {
        log_lines_max: 100,
        ..Limits::default()
    };
    let cage = Cage::with(limits);

    for (flood, line_bytes) in [("log", 32), ("stdout", 71)] {
        let fits = cage.succeed(&zoo(), &format!("{flood} 100")).await;
        assert_eq!((fits.logs.len(), fits.log_bytes_dropped), (100, 0));

        let flooded = cage.succeed(&zoo(), &format!("{flood} 10000")).await;
        assert_eq!(flooded.logs.len(), 100);
        assert_eq!(flooded.log_bytes_dropped, 9_900 * line_bytes);
    }
}

#[tokio::test]
async fn a_flood_of_cache_entries_ends_at_the_bytes_of_all_commands() {
    let cage = Cage::new();
    let most = cage.succeed(&zoo(), "cache 159").await;
    assert_eq!(most.commands.len(), 159);
    assert!(matches!(most.commands[0], Command::CacheSet { .. }));

    let fault = cage.fail(&zoo(), "cache 160", FaultKind::Limit).await;

    assert!(fault.message.contains("655360 bytes"), "{fault:?}");
}
