//! Organizations and their members.

use claimsmith_model::{Membership, Organization};

use super::{
    ALL, assert_changed, assert_conflict, assert_not_found,
    fixtures::{membership, organization, user},
    new_tenant,
};
use crate::{Page, Storage, TenantStorage};

pub(super) async fn check(storage: &dyn Storage) {
    let store = new_tenant(storage, "organizations").await;
    organizations_are_unique_by_id_and_name(&*store).await;
    memberships_are_put_all_or_none(&*store).await;
    who_joins_and_is_a_member_stays_as_they_are(&*store).await;
    memberships_end_with_their_organization(&*store).await;
}

async fn organizations_are_unique_by_id_and_name(store: &dyn TenantStorage) {
    let (acme, zeta) = (organization("org_2", "acme"), organization("org_1", "zeta"));
    store.create_organization(&acme).await.unwrap();
    store.create_organization(&zeta).await.unwrap();
    assert_conflict(
        store
            .create_organization(&organization("org_3", "acme"))
            .await,
    );
    assert_conflict(
        store
            .create_organization(&organization("org_1", "new"))
            .await,
    );
    let in_order = vec![zeta.clone(), acme.clone()];
    assert_eq!(store.organizations(ALL).await.unwrap(), (in_order, 2));

    let renamed = Organization {
        name: "acme-2".into(),
        ..acme.clone()
    };
    store.update_organization(&acme, &renamed).await.unwrap();
    assert_changed(store.update_organization(&acme, &renamed).await);
    let missing = organization("org_9", "x");
    assert_not_found(store.update_organization(&missing, &missing).await);
    let taken = Organization {
        name: "zeta".into(),
        ..renamed.clone()
    };
    assert_conflict(store.update_organization(&renamed, &taken).await);
    assert_eq!(store.organization_by_name("acme").await.unwrap(), None);
    assert_eq!(
        store.organization_by_name("acme-2").await.unwrap(),
        Some(renamed.clone())
    );
    assert_eq!(store.organization(&acme.id).await.unwrap(), Some(renamed));
}

async fn memberships_are_put_all_or_none(store: &dyn TenantStorage) {
    for id in ["a", "b", "c"] {
        store.create_user(&user(id)).await.unwrap();
    }
    let organization = "org_1".parse().unwrap();

    let with_a_stranger = [membership("org_1", "a"), membership("org_1", "stranger")];
    assert_not_found(store.put_memberships(&with_a_stranger).await);
    let nowhere = [membership("org_1", "a"), membership("org_9", "a")];
    assert_not_found(store.put_memberships(&nowhere).await);
    assert_eq!(
        store.memberships(&organization, ALL).await.unwrap(),
        (vec![], 0)
    );

    let all = ["a", "b", "c"].map(|id| membership("org_1", id));
    store.put_memberships(&all).await.unwrap();
    store
        .put_memberships(&[membership("org_2", "a")])
        .await
        .unwrap();
    let second = store
        .memberships(&organization, Page::at(1, 1))
        .await
        .unwrap();
    assert_eq!(second, (vec![all[1].clone()], 3));
    let a = "a".parse().unwrap();
    let of_a = ["org_1", "org_2"].map(|id| id.parse().unwrap());
    assert_eq!(store.organizations_of(&a).await.unwrap(), of_a);
    let without_roles = Membership {
        roles: vec![],
        ..all[1].clone()
    };
    store
        .put_memberships(std::slice::from_ref(&without_roles))
        .await
        .unwrap();
    let found = store
        .membership(&organization, &without_roles.user)
        .await
        .unwrap();
    assert_eq!(found, Some(without_roles));

    let leaving = [all[1].user.clone(), "stranger".parse().unwrap()];
    store
        .remove_memberships(&organization, &leaving)
        .await
        .unwrap();
    let left = vec![all[0].clone(), all[2].clone()];
    assert_eq!(
        store.memberships(&organization, ALL).await.unwrap(),
        (left, 2)
    );
}

async fn who_joins_and_is_a_member_stays_as_they_are(store: &dyn TenantStorage) {
    store.create_user(&user("joins")).await.unwrap();
    let joins = Membership {
        roles: Vec::new(),
        ..membership("org_1", "joins")
    };
    store.join_organization(&joins).await.unwrap();
    let with_roles = Membership {
        roles: vec!["rol_1".parse().unwrap()],
        ..joins.clone()
    };
    let put = std::slice::from_ref(&with_roles);
    store.put_memberships(put).await.unwrap();
    store.join_organization(&joins).await.unwrap();
    let (organization, user) = (&joins.organization, &joins.user);
    let stored = store.membership(organization, user).await.unwrap();
    assert_eq!(stored, Some(with_roles));
    assert_not_found(
        store
            .join_organization(&membership("org_1", "stranger"))
            .await,
    );
    assert_not_found(store.join_organization(&membership("org_9", "joins")).await);
    let users = std::slice::from_ref(user);
    store.remove_memberships(organization, users).await.unwrap();
}

async fn memberships_end_with_their_organization(store: &dyn TenantStorage) {
    let (gone, kept) = ("org_1".parse().unwrap(), "org_2".parse().unwrap());
    store.delete_organization(&gone).await.unwrap();
    store.delete_organization(&gone).await.unwrap();

    assert_eq!(store.organization(&gone).await.unwrap(), None);
    assert_eq!(store.organization_by_name("zeta").await.unwrap(), None);
    assert_eq!(store.memberships(&gone, ALL).await.unwrap(), (vec![], 0));
    assert_eq!(store.memberships(&kept, ALL).await.unwrap().1, 1);
    let a = "a".parse().unwrap();
    assert_eq!(store.organizations_of(&a).await.unwrap(), [kept]);
    // One that comes again under the same id has none of the old members.
    store
        .create_organization(&organization("org_1", "zeta"))
        .await
        .unwrap();
    assert_eq!(
        store
            .membership(&gone, &"a".parse().unwrap())
            .await
            .unwrap(),
        None
    );
}
