//! End users.

use std::sync::Arc;

use claimsmith_model::{JsonObject, User};
use serde_json::json;

use super::{
    assert_changed, assert_conflict, assert_not_found,
    fixtures::{at, membership, object, organization, user, user_with_email},
    new_tenant,
};
use crate::{Page, Storage, TenantStorage};

pub(super) async fn check(storage: &dyn Storage) {
    let store = new_tenant(storage, "users").await;
    a_login_is_unique_in_its_connection_whatever_its_case(&*store).await;
    an_update_moves_the_logins(&*store).await;
    metadata_is_merged_by_key(&*store).await;
    concurrent_merges_and_logins_all_count(&store).await;
    a_deleted_user_leaves_nothing(&*store).await;
}

async fn a_login_is_unique_in_its_connection_whatever_its_case(store: &dyn TenantStorage) {
    let ann = User {
        username: Some("Ann".into()),
        ..user_with_email("u1", "Ann@Example.com")
    };
    store.create_user(&ann).await.unwrap();

    assert_conflict(store.create_user(&user("u1")).await);
    assert_conflict(
        store
            .create_user(&user_with_email("u2", "ann@example.COM"))
            .await,
    );
    let same_name = User {
        username: Some("ANN".into()),
        ..user("u2")
    };
    assert_conflict(store.create_user(&same_name).await);
    // A form takes either, so nobody may have another's address as user name.
    let posing = User {
        username: Some("ann@example.com".into()),
        ..user("u2")
    };
    assert_conflict(store.create_user(&posing).await);
    assert_eq!(
        store.users(Page::at(0, 9)).await.unwrap(),
        (vec![ann.clone()], 1)
    );

    for login in ["ann@example.com", "ANN@EXAMPLE.COM", "ann"] {
        assert_eq!(
            store.user_by_login("Users", login).await.unwrap(),
            Some(ann.clone())
        );
    }
    assert_eq!(store.user_by_login("Partners", "ann").await.unwrap(), None);
    assert_eq!(store.user_by_login("Users", "").await.unwrap(), None);
    let partner = User {
        connection: "Partners".into(),
        ..user_with_email("u2", "ann@example.com")
    };
    store.create_user(&partner).await.unwrap();
    // Somebody's user name may be their own address.
    let same = User {
        username: Some("cy@example.com".into()),
        ..user_with_email("u3", "cy@example.com")
    };
    store.create_user(&same).await.unwrap();
    let page = store.users(Page::at(1, 1)).await.unwrap();
    assert_eq!(page, (vec![partner], 3));
}

async fn an_update_moves_the_logins(store: &dyn TenantStorage) {
    let before = store.user(&"u1".parse().unwrap()).await.unwrap().unwrap();
    let after = User {
        email: Some("anna@example.com".into()),
        username: None,
        ..before.clone()
    };
    store.update_user(&before, &after).await.unwrap();
    assert_changed(store.update_user(&before, &after).await);
    assert_not_found(store.update_user(&user("u9"), &user("u9")).await);

    assert_eq!(
        store
            .user_by_login("Users", "ann@example.com")
            .await
            .unwrap(),
        None
    );
    assert_eq!(store.user_by_login("Users", "ann").await.unwrap(), None);
    let found = store
        .user_by_login("Users", "Anna@example.com")
        .await
        .unwrap();
    assert_eq!(found, Some(after.clone()));
    let taken = User {
        email: Some("cy@example.com".into()),
        ..after.clone()
    };
    assert_conflict(store.update_user(&after, &taken).await);
    assert_eq!(store.user(&after.user_id).await.unwrap(), Some(after));
}

async fn metadata_is_merged_by_key(store: &dyn TenantStorage) {
    let id = "u1".parse().unwrap();
    let none = JsonObject::new();
    let first = object(json!({ "a": 1, "b": { "deep": true }, "c": 3 }));
    store
        .merge_user_metadata(&id, &first, &none, at(5))
        .await
        .unwrap();
    let second = object(json!({ "a": null, "b": { "other": 1 } }));
    let chosen = object(json!({ "colour": "blue" }));
    store
        .merge_user_metadata(&id, &second, &chosen, at(6))
        .await
        .unwrap();

    let found = store.user(&id).await.unwrap().unwrap();
    assert_eq!(
        found.app_metadata,
        object(json!({ "b": { "other": 1 }, "c": 3 }))
    );
    assert_eq!(found.user_metadata, chosen);
    assert_eq!((found.updated_at, found.logins_count), (at(6), 0));

    store
        .merge_user_metadata(&id, &none, &none, at(7))
        .await
        .unwrap();
    assert_eq!(store.user(&id).await.unwrap(), Some(found));
    let nobody = "u9".parse().unwrap();
    assert_not_found(
        store
            .merge_user_metadata(&nobody, &none, &none, at(7))
            .await,
    );
    let recorded = store.record_login(&nobody, 0, &none, &none, "192.0.2.1", at(7));
    assert!(!recorded.await.unwrap());
}

async fn concurrent_merges_and_logins_all_count(store: &Arc<dyn TenantStorage>) {
    let mut racing = tokio::task::JoinSet::new();
    for number in 0..20 {
        let store = Arc::clone(store);
        racing.spawn(async move {
            let id = "u2".parse().unwrap();
            let none = JsonObject::new();
            let patch = object(json!({ format!("key-{number}"): number }));
            store
                .merge_user_metadata(&id, &patch, &none, at(10))
                .await
                .unwrap();
            store
                .record_login(&id, 0, &none, &patch, "192.0.2.7", at(11))
                .await
                .unwrap();
        });
    }
    racing.join_all().await;

    let found = store.user(&"u2".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(found.app_metadata.len(), 20);
    assert_eq!(found.user_metadata.len(), 20);
    assert_eq!(found.logins_count, 20);
    assert_eq!(found.last_ip.as_deref(), Some("192.0.2.7"));
    assert_eq!((found.last_login, found.updated_at), (Some(at(11)), at(11)));
}

async fn a_deleted_user_leaves_nothing(store: &dyn TenantStorage) {
    let (user_id, client) = ("u3".parse().unwrap(), "client".parse().unwrap());
    store
        .create_organization(&organization("org_1", "acme"))
        .await
        .unwrap();
    store
        .put_memberships(&[membership("org_1", "u3"), membership("org_1", "u1")])
        .await
        .unwrap();
    let claims = object(json!({ "https://example.com/a": 1 }));
    store
        .put_userinfo_claims(&user_id, &client, &claims)
        .await
        .unwrap();

    store.delete_user(&user_id).await.unwrap();
    store.delete_user(&user_id).await.unwrap();

    assert_eq!(store.user(&user_id).await.unwrap(), None);
    assert_eq!(
        store
            .user_by_login("Users", "cy@example.com")
            .await
            .unwrap(),
        None
    );
    let organization = "org_1".parse().unwrap();
    assert_eq!(
        store.membership(&organization, &user_id).await.unwrap(),
        None
    );
    let members = store
        .memberships(&organization, Page::at(0, 9))
        .await
        .unwrap();
    assert_eq!(members, (vec![membership("org_1", "u1")], 1));
    assert_eq!(
        store.userinfo_claims(&user_id, &client).await.unwrap(),
        JsonObject::new()
    );
    store
        .create_user(&user_with_email("u4", "cy@example.com"))
        .await
        .unwrap();
}
