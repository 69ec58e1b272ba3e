//! The order of Actions per trigger.

use std::sync::Arc;

use claimsmith_model::{Trigger, TriggerBindings};

use super::{
    MODULE, assert_changed, assert_not_found,
    fixtures::{action, binding, built, deployed},
    new_tenant,
};
use crate::Storage;

pub(super) async fn check(storage: &dyn Storage) {
    let store = new_tenant(storage, "bindings").await;
    let trigger = Trigger::PostLogin;
    store.create_action(&action("draft"), None).await.unwrap();
    store.create_action(&action("live"), None).await.unwrap();
    let ready = built(&action("live"), MODULE);
    store
        .update_action(&action("live"), &ready, Some(MODULE))
        .await
        .unwrap();
    let (live, version) = deployed(&ready, "version-1");
    store
        .deploy_action(&ready, &live, &version, 50)
        .await
        .unwrap();
    assert_eq!(
        store.bindings(trigger).await.unwrap(),
        TriggerBindings::default()
    );

    // Only what is there and deployed can be bound, and a wrong list changes nothing.
    let first = store
        .replace_bindings(trigger, &[binding("1", "live")], Some(0))
        .await
        .unwrap();
    assert_eq!(first.bindings, [binding("1", "live")]);
    let undeployed = [binding("1", "live"), binding("2", "draft")];
    assert_not_found(store.replace_bindings(trigger, &undeployed, None).await);
    assert_not_found(
        store
            .replace_bindings(trigger, &[binding("2", "none")], None)
            .await,
    );
    assert_eq!(store.bindings(trigger).await.unwrap(), first);

    // A list that was made for another revision changes nothing.
    assert_changed(
        store
            .replace_bindings(trigger, &[], Some(first.revision + 1))
            .await,
    );
    let second = store
        .replace_bindings(trigger, &[], Some(first.revision))
        .await
        .unwrap();
    assert_eq!(
        (second.bindings.len(), second.revision),
        (0, first.revision + 1)
    );
    assert_changed(
        store
            .replace_bindings(trigger, &[], Some(first.revision))
            .await,
    );

    // Of those who race with the same revision, one wins.
    let mut racing = tokio::task::JoinSet::new();
    for number in 0..8 {
        let store = Arc::clone(&store);
        racing.spawn(async move {
            let bindings = [binding(&format!("racing-{number}"), "live")];
            store
                .replace_bindings(trigger, &bindings, Some(second.revision))
                .await
                .is_ok()
        });
    }
    assert_eq!(
        racing
            .join_all()
            .await
            .into_iter()
            .filter(|won| *won)
            .count(),
        1
    );

    // The other trigger has its own.
    let other = store.bindings(Trigger::CredentialsExchange).await.unwrap();
    assert_eq!(other, TriggerBindings::default());
}
