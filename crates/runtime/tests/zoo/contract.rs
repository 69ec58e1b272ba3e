//! Guests that break off, and guests that break the rules of calling.

use claimsmith_model::FaultKind;

use crate::cage::{Cage, logged, wat, zoo};

#[tokio::test]
async fn what_a_guest_asked_for_stands_when_it_succeeds_and_is_gone_when_it_fails() {
    let cage = Cage::new();
    let good = cage.succeed(&zoo(), "trace").await;
    assert!(good.denial.is_some());
    assert!(!good.commands.is_empty());
    assert_eq!(good.event.transaction.metadata["trace"], true);

    // That nothing remains is looked at after every failure.
    let fault = cage
        .fail(&zoo(), "trace\nfail", FaultKind::GuestError)
        .await;
    assert_eq!(fault.message, "the zoo's own words");
    let trapped = cage.run(&zoo(), "trace\nunreachable").await;
    assert_eq!(trapped.fault.as_ref().unwrap().kind, FaultKind::Trap);
    assert_eq!(logged(&trapped), ["about to fail"]);
}

#[tokio::test]
async fn calling_the_host_from_within_a_call_of_the_host_traps() {
    let cage = Cage::new();
    cage.succeed(&wat("re-entrance"), "").await;

    let fault = cage
        .fail(&wat("re-entrance"), "anything", FaultKind::Trap)
        .await;

    assert!(fault.message.contains("cannot leave"), "{fault:?}");
}
