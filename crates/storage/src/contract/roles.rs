//! Roles.

use claimsmith_model::Role;

use super::{ALL, assert_changed, assert_conflict, assert_not_found, fixtures::role, new_tenant};
use crate::{Page, Storage};

pub(super) async fn check(storage: &dyn Storage) {
    let store = new_tenant(storage, "roles").await;
    let (reader, writer) = (role("rol_2", "Reader"), role("rol_1", "Writer"));
    store.create_role(&reader).await.unwrap();
    store.create_role(&writer).await.unwrap();

    // Id and name are unique.
    assert_conflict(store.create_role(&role("rol_3", "Reader")).await);
    assert_conflict(store.create_role(&role("rol_1", "Admin")).await);
    let in_order = vec![writer.clone(), reader.clone()];
    assert_eq!(store.roles(ALL).await.unwrap(), (in_order, 2));
    let second = store.roles(Page::at(1, 1)).await.unwrap();
    assert_eq!(second, (vec![reader.clone()], 2));

    // A renamed role frees its old name and holds its new one.
    let renamed = Role {
        name: "Viewer".into(),
        ..reader.clone()
    };
    store.update_role(&reader, &renamed).await.unwrap();
    assert_changed(store.update_role(&reader, &renamed).await);
    assert_not_found(
        store
            .update_role(&role("rol_9", "x"), &role("rol_9", "x"))
            .await,
    );
    let taken = Role {
        name: "Writer".into(),
        ..renamed.clone()
    };
    assert_conflict(store.update_role(&renamed, &taken).await);
    assert_eq!(
        store.role(&renamed.id).await.unwrap(),
        Some(renamed.clone())
    );
    assert_conflict(store.create_role(&role("rol_4", "Viewer")).await);
    store.create_role(&role("rol_4", "Reader")).await.unwrap();

    // A deleted role frees its name.
    store.delete_role(&renamed.id).await.unwrap();
    store.delete_role(&renamed.id).await.unwrap();
    assert_eq!(store.role(&renamed.id).await.unwrap(), None);
    store.create_role(&role("rol_5", "Viewer")).await.unwrap();
}
