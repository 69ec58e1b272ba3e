//! Connections, and the modules of their scripts.

use std::collections::BTreeMap;

use claimsmith_model::{Connection, CustomDatabase, DatabaseScript, EnabledClients, StoredScript};

use super::{
    ALL, assert_changed, assert_conflict, assert_not_found,
    fixtures::{action, at, built, connection, module_info, user, user_with_email},
    new_tenant,
};
use crate::{Storage, TenantStorage};

const LOGIN: &[u8] = b"\0asm a login script";
const CREATE: &[u8] = b"\0asm a create script";

pub(super) async fn check(storage: &dyn Storage) {
    let store = new_tenant(storage, "connections").await;
    connections_are_unique_by_name(&*store).await;
    an_update_names_what_was_read_before(&*store).await;
    modules_come_and_go_with_the_scripts_that_use_them(&*store).await;
    a_deleted_connection_leaves_no_user(&*store).await;
}

/// The connection with these modules as its scripts.
fn with_scripts(connection: &Connection, scripts: &[(DatabaseScript, &[u8])]) -> Connection {
    let stored = |module: &[u8]| StoredScript {
        module: module_info(module),
        uploaded_at: at(1),
    };
    let scripts: BTreeMap<_, _> = scripts
        .iter()
        .map(|(script, module)| (*script, stored(module)))
        .collect();
    Connection {
        custom_database: Some(CustomDatabase {
            is_enabled: true,
            scripts,
            ..CustomDatabase::default()
        }),
        ..connection.clone()
    }
}

async fn connections_are_unique_by_name(store: &dyn TenantStorage) {
    for name in ["Users", "Partners"] {
        store.create_connection(&connection(name)).await.unwrap();
    }
    assert_conflict(store.create_connection(&connection("Users")).await);
    let all = store.connections().await.unwrap();
    assert_eq!(all, [connection("Partners"), connection("Users")]);
    let found = store.connection_by_name("Users").await.unwrap();
    assert_eq!(found, Some(connection("Users")));
    assert_eq!(store.connection_by_name("users").await.unwrap(), None);
}

async fn an_update_names_what_was_read_before(store: &dyn TenantStorage) {
    let before = connection("Users");
    let after = Connection {
        display_name: Some("People".into()),
        enabled_clients: EnabledClients::Only(["client-1".parse().unwrap()].into()),
        ..before.clone()
    };
    store
        .update_connection(&before, &after, None)
        .await
        .unwrap();
    let stored = store.connection_by_name("Users").await.unwrap();
    assert_eq!(stored, Some(after.clone()));

    assert_changed(store.update_connection(&before, &after, None).await);
    let nobody = connection("Nobody");
    assert_not_found(store.update_connection(&nobody, &nobody, None).await);
    let renamed = Connection {
        name: "Others".into(),
        ..after.clone()
    };
    assert!(
        store
            .update_connection(&after, &renamed, None)
            .await
            .is_err()
    );
}

async fn modules_come_and_go_with_the_scripts_that_use_them(store: &dyn TenantStorage) {
    let plain = connection("Partners");
    let login = with_scripts(&plain, &[(DatabaseScript::Login, LOGIN)]);
    // The bytes have to be there.
    assert_not_found(store.update_connection(&plain, &login, None).await);
    store
        .update_connection(&plain, &login, Some(LOGIN))
        .await
        .unwrap();
    let sha256 = |module: &[u8]| module_info(module).sha256;
    let module = store.module(&sha256(LOGIN)).await.unwrap();
    assert_eq!(module.as_deref(), Some(LOGIN));

    // One module may be several scripts', and an Action's as well.
    let both = with_scripts(
        &plain,
        &[
            (DatabaseScript::Login, LOGIN),
            (DatabaseScript::GetUser, LOGIN),
        ],
    );
    store.update_connection(&login, &both, None).await.unwrap();
    store.update_connection(&both, &login, None).await.unwrap();
    let get_user = with_scripts(&plain, &[(DatabaseScript::GetUser, LOGIN)]);
    store
        .update_connection(&login, &get_user, None)
        .await
        .unwrap();
    assert!(store.module(&sha256(LOGIN)).await.unwrap().is_some());
    let draft = action("a");
    store.create_action(&draft, None).await.unwrap();
    store
        .update_action(&draft, &built(&draft, LOGIN), Some(LOGIN))
        .await
        .unwrap();
    let create = with_scripts(&plain, &[(DatabaseScript::Create, CREATE)]);
    store
        .update_connection(&get_user, &create, Some(CREATE))
        .await
        .unwrap();
    assert!(store.module(&sha256(LOGIN)).await.unwrap().is_some());
    store.delete_action(&draft.id, false).await.unwrap();
    assert_eq!(store.module(&sha256(LOGIN)).await.unwrap(), None);

    // What an update that failed brought along is gone.
    let stale = store.update_connection(&plain, &login, Some(LOGIN)).await;
    assert_changed(stale);
    assert_eq!(store.module(&sha256(LOGIN)).await.unwrap(), None);

    store.delete_connection("Partners").await.unwrap();
    assert_eq!(store.module(&sha256(CREATE)).await.unwrap(), None);
}

async fn a_deleted_connection_leaves_no_user(store: &dyn TenantStorage) {
    let stays = claimsmith_model::User {
        connection: "Staff".into(),
        ..user("stays")
    };
    store.create_connection(&connection("Staff")).await.unwrap();
    store.create_user(&stays).await.unwrap();
    // More than are removed at once.
    for number in 0..250 {
        store
            .create_user(&user(&format!("u{number}")))
            .await
            .unwrap();
    }
    let ann = user_with_email("ann", "ann@example.com");
    store.create_user(&ann).await.unwrap();

    store.delete_connection("Users").await.unwrap();

    assert_eq!(store.connection_by_name("Users").await.unwrap(), None);
    assert_eq!(store.users(ALL).await.unwrap(), (vec![stays], 1));
    assert_not_found(store.create_user(&ann).await);
    // One that isn't there is no error.
    store.delete_connection("Users").await.unwrap();
    store.delete_connection("Nobody").await.unwrap();

    // Another of the same name begins empty.
    store.create_connection(&connection("Users")).await.unwrap();
    assert_eq!(
        store
            .user_by_login("Users", "ann@example.com")
            .await
            .unwrap(),
        None
    );
    store.create_user(&ann).await.unwrap();
}
