//! Signing keys.

use std::collections::BTreeSet;

use claimsmith_model::{KeyUse, SigningAlgorithm, StoredKey};

use super::{
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
}
