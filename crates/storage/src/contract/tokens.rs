//! Opaque access tokens, and what `/userinfo` shows.

use claimsmith_model::JsonObject;
use serde_json::json;

use super::{
    assert_not_found,
    fixtures::{at, object, opaque_token, user},
    new_tenant,
};
use crate::{GivenTokens, Storage, TenantStorage};

pub(super) async fn check(storage: &dyn Storage) {
    let store = new_tenant(storage, "tokens").await;
    expired_tokens_are_removed_oldest_first(&*store).await;
    userinfo_is_kept_per_user_and_client(&*store).await;
}

async fn expired_tokens_are_removed_oldest_first(store: &dyn TenantStorage) {
    store.create_user(&user("user-1")).await.unwrap();
    let put = async |number: u8, end: i64| {
        let given = GivenTokens {
            refresh_grant: None,
            opaque_token: Some(([number; 32], opaque_token(at(end)))),
        };
        assert!(store.put_given_tokens(&given).await.unwrap());
    };
    for (number, end) in [(1, 30), (2, 10), (3, 20), (4, 40)] {
        put(number, end).await;
    }
    // A token that is put again is there once, with its new end.
    put(4, 50).await;
    assert_eq!(
        store.opaque_token(&[4; 32]).await.unwrap(),
        Some(opaque_token(at(50)))
    );
    assert_eq!(store.opaque_token(&[9; 32]).await.unwrap(), None);

    assert_eq!(store.remove_expired(at(10), 9).await.unwrap(), 0);
    assert_eq!(store.remove_expired(at(45), 2).await.unwrap(), 2);
    assert_eq!(store.opaque_token(&[2; 32]).await.unwrap(), None);
    assert_eq!(store.opaque_token(&[3; 32]).await.unwrap(), None);
    assert!(store.opaque_token(&[1; 32]).await.unwrap().is_some());
    // One is removed, and the one that goes on is filed under its new end.
    assert_eq!(store.remove_expired(at(45), 2).await.unwrap(), 2);
    assert_eq!(store.remove_expired(at(45), 2).await.unwrap(), 0);
    assert!(store.opaque_token(&[4; 32]).await.unwrap().is_some());
}

async fn userinfo_is_kept_per_user_and_client(store: &dyn TenantStorage) {
    let [ann, bob] = ["ann", "bob"].map(user);
    store.create_user(&ann).await.unwrap();
    let [one, two] = ["one", "two"].map(|id| id.parse().unwrap());
    let claims = object(json!({ "https://example.com/role": "admin" }));
    assert_eq!(
        store.userinfo_claims(&ann.user_id, &one).await.unwrap(),
        JsonObject::new()
    );

    store
        .put_userinfo_claims(&ann.user_id, &one, &claims)
        .await
        .unwrap();
    store
        .put_userinfo_claims(&ann.user_id, &one, &claims)
        .await
        .unwrap();
    assert_eq!(
        store.userinfo_claims(&ann.user_id, &one).await.unwrap(),
        claims
    );
    assert_eq!(
        store.userinfo_claims(&ann.user_id, &two).await.unwrap(),
        JsonObject::new()
    );
    assert_not_found(store.put_userinfo_claims(&bob.user_id, &one, &claims).await);
    let none = JsonObject::new();
    store
        .put_userinfo_claims(&ann.user_id, &one, &none)
        .await
        .unwrap();
    assert_eq!(
        store.userinfo_claims(&ann.user_id, &one).await.unwrap(),
        none
    );
}
