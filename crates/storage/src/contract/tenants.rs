//! Tenants, and that they never meet.

use claimsmith_model::Limit;

use super::{
    ALL, assert_changed, assert_conflict, assert_not_found,
    fixtures::{client, fill_tenant, limits, tenant, user},
    reopening::everything,
};
use crate::{Page, Storage};

pub(super) async fn check(storage: &dyn Storage) {
    names_and_domains_are_taken_once(storage).await;
    an_update_needs_the_present_state_and_free_domains(storage).await;
    tenants_with_the_same_things_never_meet(storage).await;
    a_tenant_that_does_not_exist_is_empty_and_takes_nothing(storage).await;
    a_tenant_made_again_under_its_old_name_is_empty(storage).await;
    a_tenant_made_again_while_the_old_one_goes_is_whole(storage).await;
}

async fn names_and_domains_are_taken_once(storage: &dyn Storage) {
    let mut one = tenant("tenants-1");
    one.domains.push("Shared.example.com".into());
    storage.create_tenant(&one).await.unwrap();

    assert_conflict(storage.create_tenant(&one).await);
    let mut other = tenant("tenants-2");
    other.domains.push("shared.example.com".into());
    assert_conflict(storage.create_tenant(&other).await);
    assert_eq!(storage.tenants().await.unwrap(), [one.clone()]);

    storage.delete_tenant(&one.id).await.unwrap();
    assert_not_found(storage.delete_tenant(&one.id).await);
    storage.create_tenant(&other).await.unwrap();
    storage.create_tenant(&tenant("tenants-1")).await.unwrap();
    let names: Vec<_> = storage
        .tenants()
        .await
        .unwrap()
        .into_iter()
        .map(|found| found.id)
        .collect();
    assert_eq!(names, ["tenants-1".parse().unwrap(), other.id]);
}

async fn an_update_needs_the_present_state_and_free_domains(storage: &dyn Storage) {
    let before = tenant("tenants-1");
    let mut after = before.clone();
    after.domains = vec!["new.example.com".into()];
    after.limits = limits(Limit::MemoryBytes, 1 << 20);
    after.settings.default_audience = Some("https://api.example.com/".into());
    storage.update_tenant(&before, &after).await.unwrap();

    assert_changed(storage.update_tenant(&before, &after).await);
    assert_not_found(
        storage
            .update_tenant(&tenant("nobody"), &tenant("nobody"))
            .await,
    );
    let mut greedy = after.clone();
    greedy.domains.push("tenants-2.example.com".into());
    assert_conflict(storage.update_tenant(&after, &greedy).await);
    assert!(storage.tenants().await.unwrap().contains(&after));
    // The domain that it gave up is free.
    let mut heir = tenant("tenants-3");
    heir.domains = before.domains;
    storage.create_tenant(&heir).await.unwrap();
}

async fn tenants_with_the_same_things_never_meet(storage: &dyn Storage) {
    for name in ["same", "same-2", "same.3"] {
        fill_tenant(storage, name).await;
    }
    let store = storage.tenant(&"same".parse().unwrap());
    let neighbour = storage.tenant(&"same-2".parse().unwrap());
    let before = everything(&*neighbour).await;
    let id = "client-1".parse().unwrap();

    let old = store.client(&id).await.unwrap().unwrap();
    let new = claimsmith_model::Client {
        name: "changed".into(),
        ..old.clone()
    };
    store.update_client(&old, &new).await.unwrap();
    store.delete_user(&"user-1".parse().unwrap()).await.unwrap();
    store
        .delete_action(&"action-1".parse().unwrap(), true)
        .await
        .unwrap();
    assert_eq!(everything(&*neighbour).await, before);

    storage
        .delete_tenant(&"same".parse().unwrap())
        .await
        .unwrap();
    storage
        .delete_tenant(&"same.3".parse().unwrap())
        .await
        .unwrap();
    assert_eq!(everything(&*neighbour).await, before);
    assert!(
        neighbour
            .module(&before.module_sha256())
            .await
            .unwrap()
            .is_some()
    );
}

async fn a_tenant_that_does_not_exist_is_empty_and_takes_nothing(storage: &dyn Storage) {
    let store = storage.tenant(&"nowhere".parse().unwrap());
    assert_eq!(store.clients(ALL).await.unwrap(), (vec![], 0));
    assert_not_found(store.create_client(&client("client-1")).await);
    assert_not_found(store.create_user(&user("user-1")).await);
    assert_eq!(store.users(Page::at(0, 1)).await.unwrap(), (vec![], 0));
}

async fn a_tenant_made_again_under_its_old_name_is_empty(storage: &dyn Storage) {
    fill_tenant(storage, "again").await;
    let id = "again".parse().unwrap();
    let store = storage.tenant(&id);
    let stamp = store.configuration_stamp().await.unwrap();

    storage.delete_tenant(&id).await.unwrap();
    assert_not_found(store.create_client(&client("late")).await);
    storage.create_tenant(&tenant("again")).await.unwrap();

    assert_eq!(store.clients(ALL).await.unwrap().1, 0);
    assert_eq!(
        store
            .user_by_login("Users", "ann@example.com")
            .await
            .unwrap(),
        None
    );
    assert_eq!(store.opaque_token(&[7; 32]).await.unwrap(), None);
    assert_ne!(store.configuration_stamp().await.unwrap(), stamp);
    storage.delete_tenant(&id).await.unwrap();
    fill_tenant(storage, "again").await;
}

async fn a_tenant_made_again_while_the_old_one_goes_is_whole(storage: &dyn Storage) {
    let id = "reborn".parse().unwrap();
    fill_tenant(storage, "reborn").await;
    let reborn = async {
        while storage.create_tenant(&tenant("reborn")).await.is_err() {
            tokio::task::yield_now().await;
        }
        let store = storage.tenant(&id);
        store.create_client(&client("new")).await.unwrap();
    };
    let (deleted, ()) = tokio::join!(storage.delete_tenant(&id), reborn);

    deleted.unwrap();
    let clients = storage.tenant(&id).clients(ALL).await.unwrap();
    assert_eq!(clients, (vec![client("new")], 1));
}
