//! Actions, their versions and modules.

use claimsmith_model::{Action, Trigger};

use super::{
    MODULE, assert_changed, assert_conflict, assert_not_found,
    fixtures::{action, at, binding, built, deployed, module_info},
    new_tenant,
};
use crate::{Storage, TenantStorage};

const OTHER_MODULE: &[u8] = b"\0asm\x01\0\0\0 another module";

pub(super) async fn check(storage: &dyn Storage) {
    let store = new_tenant(storage, "actions").await;
    actions_are_unique_by_id_and_name(&*store).await;
    a_new_action_comes_with_its_module_or_not_at_all(&*store).await;
    a_module_comes_and_goes_with_its_draft(&*store).await;
    a_deployed_version_keeps_its_module(&*store).await;
    the_oldest_versions_make_room_and_their_modules_go(&*store).await;
    a_deployment_is_all_or_nothing(&*store).await;
    a_bound_action_is_deleted_only_when_it_is_to_be_detached(&*store).await;
    concurrent_uploads_and_deletions_lose_no_module(storage).await;
}

async fn actions_are_unique_by_id_and_name(store: &dyn TenantStorage) {
    let older = Action {
        created_at: at(-1),
        ..action("b")
    };
    store.create_action(&action("a"), None).await.unwrap();
    store.create_action(&older, None).await.unwrap();
    assert_conflict(
        store
            .create_action(
                &Action {
                    name: "x".into(),
                    ..action("a")
                },
                None,
            )
            .await,
    );
    assert_conflict(
        store
            .create_action(
                &Action {
                    id: "c".parse().unwrap(),
                    ..action("a")
                },
                None,
            )
            .await,
    );
    assert_eq!(store.actions().await.unwrap(), [older.clone(), action("a")]);

    let renamed = Action {
        name: "renamed".into(),
        ..action("a")
    };
    store
        .update_action(&action("a"), &renamed, None)
        .await
        .unwrap();
    assert_changed(store.update_action(&action("a"), &renamed, None).await);
    assert_not_found(store.update_action(&action("z"), &action("z"), None).await);
    let taken = Action {
        name: older.name.clone(),
        ..renamed.clone()
    };
    assert_conflict(store.update_action(&renamed, &taken, None).await);
    assert_eq!(
        store.action(&renamed.id).await.unwrap(),
        Some(renamed.clone())
    );
    store
        .update_action(&renamed, &action("a"), None)
        .await
        .unwrap();
}

async fn a_module_comes_and_goes_with_its_draft(store: &dyn TenantStorage) {
    let (draft, ready) = (action("a"), built(&action("a"), MODULE));
    // A module that was never uploaded can't be a draft's.
    assert_not_found(store.update_action(&draft, &ready, None).await);
    // Bytes that aren't those of the description are refused.
    assert!(
        store
            .update_action(&draft, &ready, Some(OTHER_MODULE))
            .await
            .is_err()
    );
    // An upload for a draft that has changed meanwhile leaves nothing behind.
    assert_changed(
        store
            .update_action(&built(&draft, OTHER_MODULE), &ready, Some(MODULE))
            .await,
    );
    assert_eq!(
        store.module(&module_info(MODULE).sha256).await.unwrap(),
        None
    );
    assert_eq!(store.action(&draft.id).await.unwrap(), Some(draft.clone()));

    store
        .update_action(&draft, &ready, Some(MODULE))
        .await
        .unwrap();
    let stored = store.module(&module_info(MODULE).sha256).await.unwrap();
    assert_eq!(stored.as_deref(), Some(MODULE));
    let other = built(&draft, OTHER_MODULE);
    store
        .update_action(&ready, &other, Some(OTHER_MODULE))
        .await
        .unwrap();
    assert_eq!(
        store.module(&module_info(MODULE).sha256).await.unwrap(),
        None
    );
    store
        .update_action(&other, &ready, Some(MODULE))
        .await
        .unwrap();
    assert_eq!(
        store
            .module(&module_info(OTHER_MODULE).sha256)
            .await
            .unwrap(),
        None
    );
    assert_eq!(store.module("no such module").await.unwrap(), None);
}

async fn a_deployed_version_keeps_its_module(store: &dyn TenantStorage) {
    let ready = built(&action("a"), MODULE);
    let (live, first) = deployed(&ready, "version-1");
    store
        .deploy_action(&ready, &live, &first, 50)
        .await
        .unwrap();
    assert_eq!(store.action(&live.id).await.unwrap(), Some(live.clone()));
    assert_eq!(
        store.action_version(&first.id).await.unwrap(),
        Some(first.clone())
    );

    let next = Action {
        module: Some(module_info(OTHER_MODULE)),
        ..live.clone()
    };
    store
        .update_action(&live, &next, Some(OTHER_MODULE))
        .await
        .unwrap();
    assert!(store.module(&first.module.sha256).await.unwrap().is_some());
    let (live, second) = deployed(&next, "version-2");
    store
        .deploy_action(&next, &live, &second, 50)
        .await
        .unwrap();
    assert_eq!(
        store.action_versions(&live.id).await.unwrap(),
        [second, first]
    );
    assert_eq!(
        store.action_versions(&"b".parse().unwrap()).await.unwrap(),
        []
    );

    // Two Actions share a module; each has it for as long as it is there.
    let other = Action {
        created_at: at(-1),
        ..action("b")
    };
    let shared = built(&other, MODULE);
    store
        .update_action(&other, &shared, Some(MODULE))
        .await
        .unwrap();
    store.delete_action(&live.id, false).await.unwrap();
    store.delete_action(&live.id, false).await.unwrap();
    assert_eq!(
        store
            .module(&module_info(OTHER_MODULE).sha256)
            .await
            .unwrap(),
        None
    );
    let kept = store.module(&module_info(MODULE).sha256).await.unwrap();
    assert_eq!(kept.as_deref(), Some(MODULE));
    assert_eq!(
        store
            .action_version(&"version-1".parse().unwrap())
            .await
            .unwrap(),
        None
    );
    store.delete_action(&other.id, false).await.unwrap();
    assert_eq!(
        store.module(&module_info(MODULE).sha256).await.unwrap(),
        None
    );
    assert_eq!(store.actions().await.unwrap(), []);
    store.create_action(&action("a"), None).await.unwrap();
}

async fn a_new_action_comes_with_its_module_or_not_at_all(store: &dyn TenantStorage) {
    let sha256 = module_info(MODULE).sha256;
    let new = built(&action("new"), MODULE);
    assert_not_found(store.create_action(&new, None).await);
    let taken = Action {
        id: "a".parse().unwrap(),
        ..new.clone()
    };
    assert_conflict(store.create_action(&taken, Some(MODULE)).await);
    assert_eq!(store.action(&new.id).await.unwrap(), None);
    assert_eq!(store.module(&sha256).await.unwrap(), None);

    store.create_action(&new, Some(MODULE)).await.unwrap();
    assert_eq!(store.action(&new.id).await.unwrap(), Some(new.clone()));
    let stored = store.module(&sha256).await.unwrap();
    assert_eq!(stored.as_deref(), Some(MODULE));

    store.delete_action(&new.id, false).await.unwrap();
    assert_eq!(store.module(&sha256).await.unwrap(), None);
}

async fn a_deployment_is_all_or_nothing(store: &dyn TenantStorage) {
    let ready = built(&action("a"), MODULE);
    store
        .update_action(&action("a"), &ready, Some(MODULE))
        .await
        .unwrap();
    let (live, version) = deployed(&ready, "version-1");

    assert_changed(store.deploy_action(&live, &live, &version, 50).await);
    let unknown = Action {
        id: "z".parse().unwrap(),
        ..ready.clone()
    };
    let (unknown_live, unknown_version) = deployed(&unknown, "version-1");
    assert_not_found(
        store
            .deploy_action(&unknown, &unknown_live, &unknown_version, 50)
            .await,
    );
    assert_eq!(store.action_version(&version.id).await.unwrap(), None);

    store
        .deploy_action(&ready, &live, &version, 50)
        .await
        .unwrap();
    let (again, mut taken) = deployed(&live, "version-1");
    taken.number = 2;
    assert_conflict(store.deploy_action(&live, &again, &taken, 50).await);
    assert_eq!(store.action(&live.id).await.unwrap(), Some(live.clone()));
    assert_eq!(store.action_versions(&live.id).await.unwrap(), [version]);
}

async fn the_oldest_versions_make_room_and_their_modules_go(store: &dyn TenantStorage) {
    let draft = action("many");
    store.create_action(&draft, None).await.unwrap();
    let first_ready = built(&draft, OTHER_MODULE);
    store
        .update_action(&draft, &first_ready, Some(OTHER_MODULE))
        .await
        .unwrap();
    let (first_live, first) = deployed(&first_ready, "many-1");
    let deploy = store.deploy_action(&first_ready, &first_live, &first, 2);
    deploy.await.unwrap();
    let second_ready = built(&first_live, MODULE);
    store
        .update_action(&first_live, &second_ready, Some(MODULE))
        .await
        .unwrap();
    let (second_live, second) = deployed(&second_ready, "many-2");
    let deploy = store.deploy_action(&second_ready, &second_live, &second, 2);
    deploy.await.unwrap();

    // The first one comes back as the third, also as the draft, and goes as the first:
    // its module stays.
    let back = Action {
        module: first_ready.module.clone(),
        ..second_live.clone()
    };
    let (third_live, third) = deployed(&back, "many-3");
    let deploy = store.deploy_action(&second_live, &third_live, &third, 2);
    deploy.await.unwrap();
    let versions = store.action_versions(&draft.id).await.unwrap();
    assert_eq!(versions, [third, second]);
    assert_eq!(store.action_version(&first.id).await.unwrap(), None);
    for bytes in [MODULE, OTHER_MODULE] {
        let kept = store.module(&module_info(bytes).sha256).await.unwrap();
        assert_eq!(kept.as_deref(), Some(bytes));
    }

    // With the second, the last use of its module ends.
    let (fourth_live, fourth) = deployed(&third_live, "many-4");
    let deploy = store.deploy_action(&third_live, &fourth_live, &fourth, 2);
    deploy.await.unwrap();
    let gone = store.module(&module_info(MODULE).sha256).await.unwrap();
    assert_eq!(gone, None);
    store.delete_action(&draft.id, false).await.unwrap();
}

async fn a_bound_action_is_deleted_only_when_it_is_to_be_detached(store: &dyn TenantStorage) {
    let trigger = Trigger::PostLogin;
    let ready = built(&action("other"), MODULE);
    store.create_action(&action("other"), None).await.unwrap();
    store
        .update_action(&action("other"), &ready, Some(MODULE))
        .await
        .unwrap();
    let (live, version) = deployed(&ready, "version-of-other");
    store
        .deploy_action(&ready, &live, &version, 50)
        .await
        .unwrap();
    let bindings = [
        binding("one", "a"),
        binding("two", "other"),
        binding("three", "a"),
    ];
    let bound = store
        .replace_bindings(trigger, &bindings, None)
        .await
        .unwrap();

    let id = "a".parse().unwrap();
    assert_conflict(store.delete_action(&id, false).await);
    assert_eq!(store.bindings(trigger).await.unwrap(), bound);
    assert!(store.action(&id).await.unwrap().is_some());

    store.delete_action(&id, true).await.unwrap();
    let left = store.bindings(trigger).await.unwrap();
    assert_eq!(left.bindings, [binding("two", "other")]);
    assert!(left.revision > bound.revision);
    assert!(
        store
            .module(&module_info(MODULE).sha256)
            .await
            .unwrap()
            .is_some()
    );
}

async fn concurrent_uploads_and_deletions_lose_no_module(storage: &dyn Storage) {
    let store = new_tenant(storage, "uploads").await;
    let mut racing = tokio::task::JoinSet::new();
    for number in 0..8 {
        let store = std::sync::Arc::clone(&store);
        racing.spawn(async move {
            let draft = action(&format!("action-{number}"));
            store.create_action(&draft, None).await.unwrap();
            store
                .update_action(&draft, &built(&draft, MODULE), Some(MODULE))
                .await
                .unwrap();
            if number % 2 == 0 {
                store.delete_action(&draft.id, false).await.unwrap();
            }
        });
    }
    racing.join_all().await;

    assert_eq!(store.actions().await.unwrap().len(), 4);
    let module = store.module(&module_info(MODULE).sha256).await.unwrap();
    assert_eq!(module.as_deref(), Some(MODULE));
}
