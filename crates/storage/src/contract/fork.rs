//! Forks of tenants, and what becomes of them.

use claimsmith_model::{Connection, Tenant, TenantSettings};

use super::{
    ALL, MODULE, assert_changed, assert_not_found,
    fixtures::{action, built, client, connection, tenant, user_with_email},
    new_tenant,
};
use crate::{Storage, TenantFork, TenantStorage};

pub(super) async fn check(storage: &dyn Storage) {
    what_was_done_in_a_fork_takes_place_at_once_when_it_is_merged(storage).await;
    a_tenant_that_changed_meanwhile_stays_as_it_is(storage).await;
    let nobody = "nobody".parse().unwrap();
    assert_not_found(storage.fork_tenant(&nobody).await);
}

async fn what_was_done_in_a_fork_takes_place_at_once_when_it_is_merged(storage: &dyn Storage) {
    let store = new_tenant(storage, "forked").await;
    let other = new_tenant(storage, "beside").await;
    store.create_connection(&connection("Users")).await.unwrap();
    let stamp = store.configuration_stamp().await.unwrap();

    let fork = storage.fork_tenant(&"forked".parse().unwrap()).await;
    let fork = fork.unwrap();
    let copy = of(&fork);
    let before = copy.connection_by_name("Users").await.unwrap().unwrap();
    let renewed = Connection {
        id: "con_renewed".parse().unwrap(),
        ..before
    };
    copy.delete_connection("Users").await.unwrap();
    copy.create_connection(&renewed).await.unwrap();
    copy.create_client(&client("client-1")).await.unwrap();
    let ada = user_with_email("auth0|ada", "ada@example.com");
    copy.create_user(&ada).await.unwrap();
    let draft = built(&action("action-1"), MODULE);
    copy.create_action(&draft, Some(MODULE)).await.unwrap();
    let named = named(&tenant("forked"));
    let settings = fork
        .storage()
        .update_tenant(&tenant("forked"), &named)
        .await;
    settings.unwrap();

    // Nobody has seen any of it.
    assert_eq!(store.clients(ALL).await.unwrap().1, 0);
    assert_eq!(store.connections().await.unwrap(), [connection("Users")]);
    assert_eq!(store.configuration_stamp().await.unwrap(), stamp);

    storage.merge_tenant(&fork).await.unwrap();

    assert_eq!(store.connections().await.unwrap(), [renewed]);
    let found = store.client(&"client-1".parse().unwrap()).await.unwrap();
    assert_eq!(found, Some(client("client-1")));
    let found = store.user_by_login("Users", "ADA@example.com").await;
    assert_eq!(found.unwrap(), Some(ada));
    let actions = store.actions().await.unwrap();
    assert_eq!(actions, std::slice::from_ref(&draft));
    let module = draft.module.unwrap().sha256;
    let bytes = store.module(&module).await.unwrap();
    assert_eq!(bytes.as_deref(), Some(MODULE));
    assert!(storage.tenants().await.unwrap().contains(&named));
    assert_ne!(store.configuration_stamp().await.unwrap(), stamp);
    assert_eq!(other.clients(ALL).await.unwrap().1, 0);

    // It was of the tenant as it was before.
    assert_changed(storage.merge_tenant(&fork).await);
}

async fn a_tenant_that_changed_meanwhile_stays_as_it_is(storage: &dyn Storage) {
    let store = new_tenant(storage, "changing").await;
    let id = "changing".parse().unwrap();
    for change in [0, 1] {
        let fork = storage.fork_tenant(&id).await.unwrap();
        let draft = built(&action("action-1"), MODULE);
        let copy = of(&fork);
        copy.create_action(&draft, Some(MODULE)).await.unwrap();
        match change {
            0 => store.create_client(&client("client-1")).await.unwrap(),
            _ => {
                let (before, after) = (tenant("changing"), named(&tenant("changing")));
                storage.update_tenant(&before, &after).await.unwrap();
            }
        }

        assert_changed(storage.merge_tenant(&fork).await);
        assert!(store.actions().await.unwrap().is_empty());
        assert_eq!(store.clients(ALL).await.unwrap().1, 1);
        let module = draft.module.unwrap().sha256;
        assert_eq!(store.module(&module).await.unwrap(), None);
    }

    let fork = storage.fork_tenant(&id).await.unwrap();
    storage.delete_tenant(&id).await.unwrap();
    assert_not_found(storage.merge_tenant(&fork).await);
    assert_eq!(store.clients(ALL).await.unwrap().1, 0);
}

fn of(fork: &TenantFork) -> std::sync::Arc<dyn TenantStorage> {
    fork.storage().tenant(fork.tenant())
}

fn named(tenant: &Tenant) -> Tenant {
    Tenant {
        settings: TenantSettings {
            friendly_name: Some("Forked".to_owned()),
            ..TenantSettings::default()
        },
        ..tenant.clone()
    }
}
