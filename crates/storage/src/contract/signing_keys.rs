//! Signing keys.

use std::collections::BTreeSet;

use claimsmith_model::{KeyUse, Secret, SigningAlgorithm, StoredKey};

use super::{
    assert_changed, assert_not_found,
    fixtures::{at, signing_key},
    new_tenant,
};
use crate::Storage;

pub(super) async fn check(storage: &dyn Storage) {
    let store = new_tenant(storage, "signing-keys").await;

    // Of requests that race for the first key, all get the same one.
    let mut racing = tokio::task::JoinSet::new();
    for number in 0..8 {
        let store = std::sync::Arc::clone(&store);
        racing.spawn(async move {
            let key = signing_key(&format!("key-{number}"), SigningAlgorithm::ES256);
            store.current_signing_key_or_insert(&key).await.unwrap()
        });
    }
    let answers = racing.join_all().await;
    let ids: BTreeSet<_> = answers.iter().map(|key| key.id.clone()).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_eq!(store.signing_keys().await.unwrap(), [answers[0].clone()]);

    // Another algorithm has a key of its own; the oldest comes first.
    let older = StoredKey {
        created_at: at(-1),
        ..signing_key("old", SigningAlgorithm::RS256)
    };
    assert_eq!(
        store.current_signing_key_or_insert(&older).await.unwrap(),
        older
    );
    let previous = StoredKey {
        key_use: KeyUse::Previous,
        created_at: at(-2),
        ..signing_key("previous", SigningAlgorithm::EdDSA)
    };
    store
        .current_signing_key_or_insert(&previous)
        .await
        .unwrap();
    let next = signing_key("next", SigningAlgorithm::EdDSA);
    assert_eq!(
        store.current_signing_key_or_insert(&next).await.unwrap(),
        next
    );
    let ids: Vec<_> = store
        .signing_keys()
        .await
        .unwrap()
        .into_iter()
        .map(|key| key.id)
        .collect();
    assert_eq!(ids[..2], [previous.id, older.id]);
    assert_eq!(ids.len(), 4);

    rotation(storage).await;
    revocation(storage).await;
    lifetimes(storage).await;
}

async fn rotation(storage: &dyn Storage) {
    let store = new_tenant(storage, "signing-keys-rotation").await;
    let key = |id: &str| signing_key(id, SigningAlgorithm::ES256);
    let other = signing_key("other", SigningAlgorithm::EdDSA);
    store
        .current_signing_key_or_insert(&key("1"))
        .await
        .unwrap();
    store.current_signing_key_or_insert(&other).await.unwrap();

    // Of those that race for the next key, one makes it.
    let mut racing = tokio::task::JoinSet::new();
    for number in 2..6 {
        let store = std::sync::Arc::clone(&store);
        let next = key(&number.to_string());
        racing.spawn(async move { store.next_signing_key_or_insert(&next).await.unwrap() });
    }
    let answers = racing.join_all().await;
    let next = of_use(&answers[0], KeyUse::Next)[0].clone();
    for keys in answers {
        assert_eq!(of_use(&keys, KeyUse::Next), std::slice::from_ref(&next));
        assert_eq!(keys.len(), 3);
    }
    assert_eq!(next.current_since, None);

    let rotated = store.rotate_signing_keys(&[key("6")], at(1)).await.unwrap();
    let [first] = &of_use(&rotated, KeyUse::Previous)[..] else {
        panic!("{rotated:?}")
    };
    assert_eq!(first.id.as_str(), "1");
    assert_eq!(first.current_until, Some(at(1)));
    let current = of_use(&rotated, KeyUse::Current);
    assert!(current.contains(&other), "another algorithm's key stays");
    let begun = StoredKey {
        key_use: KeyUse::Current,
        current_since: Some(at(1)),
        ..next
    };
    assert!(
        current.contains(&begun) && current.len() == 2,
        "{current:?}"
    );
    assert_eq!(of_use(&rotated, KeyUse::Next), [key("6").as_next()]);
    assert_eq!(store.signing_keys().await.unwrap(), rotated);

    // Where no next key is, the fresh one signs at once. All in one step.
    let fresh = [key("7"), signing_key("8", SigningAlgorithm::EdDSA)];
    let rotated = store.rotate_signing_keys(&fresh, at(2)).await.unwrap();
    let ids = |key_use| {
        let keys = of_use(&rotated, key_use);
        let ids = keys.into_iter().map(|key| key.id.to_string());
        ids.collect::<BTreeSet<_>>()
    };
    assert_eq!(ids(KeyUse::Current), ["6", "8"].map(str::to_owned).into());
    assert_eq!(ids(KeyUse::Next), ["7".to_owned()].into());
    let previous = ["1".to_owned(), begun.id.to_string(), "other".to_owned()];
    assert_eq!(ids(KeyUse::Previous), previous.into());
}

async fn revocation(storage: &dyn Storage) {
    let store = new_tenant(storage, "signing-keys-revocation").await;
    let key = |id: &str| signing_key(id, SigningAlgorithm::ES256);
    let id = |id: &str| id.parse().unwrap();
    store
        .current_signing_key_or_insert(&key("1"))
        .await
        .unwrap();
    store.next_signing_key_or_insert(&key("2")).await.unwrap();
    let before = store.signing_keys().await.unwrap();

    // A key that signs or will needs one that takes its place.
    let wrong = signing_key("rsa", SigningAlgorithm::RS256);
    for (kid, fresh) in [("1", None), ("2", None), ("1", Some(&wrong))] {
        assert_changed(store.revoke_signing_key(&id(kid), fresh, at(1)).await);
    }
    assert_not_found(store.revoke_signing_key(&id("9"), None, at(1)).await);
    assert_eq!(store.signing_keys().await.unwrap(), before);

    let after = store
        .revoke_signing_key(&id("1"), Some(&key("3")), at(1))
        .await;
    let after = after.unwrap();
    let revoked = StoredKey {
        private_key: Secret::new(""),
        key_use: KeyUse::Revoked,
        current_until: Some(at(1)),
        revoked_at: Some(at(1)),
        ..key("1")
    };
    assert_eq!(of_use(&after, KeyUse::Revoked), [revoked]);
    assert_eq!(of_use(&after, KeyUse::Current)[0].id.as_str(), "2");
    assert_eq!(of_use(&after, KeyUse::Next), [key("3").as_next()]);

    let again = store.revoke_signing_key(&id("1"), None, at(9)).await;
    assert_eq!(again.unwrap(), after);
    let after = store
        .revoke_signing_key(&id("3"), Some(&key("4")), at(2))
        .await;
    assert_eq!(of_use(&after.unwrap(), KeyUse::Next), [key("4").as_next()]);
    store.rotate_signing_keys(&[key("5")], at(3)).await.unwrap();
    let after = store
        .revoke_signing_key(&id("2"), None, at(4))
        .await
        .unwrap();
    assert_eq!(of_use(&after, KeyUse::Previous), []);

    // However many are revoked, the newest ten are kept.
    for number in 10..20 {
        let fresh = key(&number.to_string());
        let next = of_use(&store.signing_keys().await.unwrap(), KeyUse::Next)[0].clone();
        store
            .revoke_signing_key(&next.id, Some(&fresh), at(number))
            .await
            .unwrap();
    }
    let kept = of_use(&store.signing_keys().await.unwrap(), KeyUse::Revoked);
    assert_eq!(kept.len(), 10);
    assert!(
        kept.iter().all(|key| key.revoked_at >= Some(at(10))),
        "{kept:?}"
    );
}

async fn lifetimes(storage: &dyn Storage) {
    let store = new_tenant(storage, "signing-keys-lifetimes").await;
    let key = signing_key("1", SigningAlgorithm::ES256);
    store.current_signing_key_or_insert(&key).await.unwrap();

    for (noted, expected) in [(7_200, 7_200), (60, 7_200)] {
        let raised = store.raise_token_lifetime(&key.id, noted).await.unwrap();
        assert_eq!(raised[0].token_lifetime_s_max, expected);
        assert_eq!(store.signing_keys().await.unwrap(), raised);
    }
    let missing = "2".parse().unwrap();
    assert_not_found(store.raise_token_lifetime(&missing, 1).await);

    let fresh = signing_key("2", SigningAlgorithm::ES256);
    let rotated = store.rotate_signing_keys(&[fresh], at(0)).await.unwrap();
    let until = of_use(&rotated, KeyUse::Previous)[0]
        .needed_until()
        .unwrap();
    assert!(until > at(7_200_000));
    let before = until.plus_seconds(-1);
    assert_eq!(
        store
            .remove_signing_keys_that_are_over(before)
            .await
            .unwrap(),
        rotated
    );
    let left = store
        .remove_signing_keys_that_are_over(until)
        .await
        .unwrap();
    assert_eq!(of_use(&left, KeyUse::Previous), []);
    assert_eq!(store.signing_keys().await.unwrap(), left);
    assert_eq!(left.len(), 1);
}

fn of_use(keys: &[StoredKey], key_use: KeyUse) -> Vec<StoredKey> {
    let keys = keys.iter().filter(|key| key.key_use == key_use);
    keys.cloned().collect()
}
