//! Clients, resource servers and client grants.

use claimsmith_model::{Client, ClientGrant, ResourceServer};

use super::{
    ALL, assert_changed, assert_conflict, assert_not_found,
    fixtures::{client, grant, resource_server},
    new_tenant,
};
use crate::{Page, Placed, Start, Storage, TenantStorage};

const API: &str = "https://api.example.com/";
const OTHER_API: &str = "https://api.example.com/other";

pub(super) async fn check(storage: &dyn Storage) {
    let store = new_tenant(storage, "clients").await;
    clients_are_paged_in_order(&*store).await;
    a_list_goes_on_behind_a_place_whatever_comes_and_goes(&*store).await;
    a_client_is_replaced_only_as_it_was_read(&*store).await;
    resource_servers_are_unique_by_id_and_identifier(&*store).await;
    a_grant_needs_its_client_and_api_and_is_the_only_one(&*store).await;
    grants_go_with_their_client_and_their_api(&*store).await;
    origins_are_those_of_clients_as_they_are(storage).await;
}

async fn origins_are_those_of_clients_as_they_are(storage: &dyn Storage) {
    const SHOP: &str = "https://shop.example.com";
    const BLOG: &str = "https://blog.example.com";
    let store = new_tenant(storage, "clients-origins").await;
    let neighbour = new_tenant(storage, "clients-origins-2").await;
    let with = |id: &str, web: &[&str], others: &[&str]| {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Client {
            web_origins: texts(web),
            allowed_origins: texts(others),
            ..client(id)
        }
    };
    let known = async || {
        let mut known = Vec::new();
        for origin in [
            SHOP,
            BLOG,
            "https://shop.example.co",
            "https://shop.example.com:1",
        ] {
            known.push(store.is_origin_of_a_client(origin).await.unwrap());
        }
        known
    };
    assert_eq!(known().await, [false; 4]);

    let (one, two) = (with("1", &[SHOP], &[SHOP]), with("2", &[], &[SHOP, BLOG]));
    store.create_client(&one).await.unwrap();
    store.create_client(&two).await.unwrap();
    assert_eq!(known().await, [true, true, false, false]);
    assert!(!neighbour.is_origin_of_a_client(SHOP).await.unwrap());

    let moved = with("2", &[BLOG], &[]);
    store.update_client(&two, &moved).await.unwrap();
    assert_eq!(known().await, [true, true, false, false]);
    assert_changed(store.update_client(&two, &with("2", &[], &[])).await);
    store.delete_client(&one.client_id).await.unwrap();
    assert_eq!(known().await, [false, true, false, false]);
    store
        .update_client(&moved, &with("2", &[], &[]))
        .await
        .unwrap();
    assert_eq!(known().await, [false; 4]);
}

async fn clients_are_paged_in_order(store: &dyn TenantStorage) {
    for id in ["b", "d", "a", "c"] {
        store.create_client(&client(id)).await.unwrap();
    }
    assert_conflict(store.create_client(&client("a")).await);

    let (page, total) = store.clients(Page::at(1, 2)).await.unwrap();
    assert_eq!((page, total), (vec![client("b"), client("c")], 4));
    assert_eq!(store.clients(Page::at(4, 2)).await.unwrap(), (vec![], 4));
    assert_eq!(store.clients(Page::at(0, 0)).await.unwrap(), (vec![], 4));
    assert_eq!(
        store.client(&"a".parse().unwrap()).await.unwrap(),
        Some(client("a"))
    );
    assert_eq!(store.client(&"e".parse().unwrap()).await.unwrap(), None);
}

async fn a_list_goes_on_behind_a_place_whatever_comes_and_goes(store: &dyn TenantStorage) {
    let part = async |place: &str, take| {
        let start = Start::Behind(place.to_owned());
        let (clients, total) = store.clients(Page { start, take }).await.unwrap();
        let ids: Vec<_> = clients.iter().map(Placed::place).collect();
        (ids.concat(), total)
    };

    assert_eq!(part("", 2).await, ("ab".into(), 3));
    store.create_client(&client("a0")).await.unwrap();
    store.delete_client(&"b".parse().unwrap()).await.unwrap();
    assert_eq!(part("b", 2).await, ("cd".into(), 2));
    // What is not of the list is not read, although it comes next.
    assert_eq!(part("c", 2).await, ("d".into(), 1));
    assert_eq!(part("d", 2).await, (String::new(), 0));

    store.delete_client(&"a0".parse().unwrap()).await.unwrap();
    store.create_client(&client("b")).await.unwrap();
}

async fn a_client_is_replaced_only_as_it_was_read(store: &dyn TenantStorage) {
    let renamed = Client {
        name: "renamed".into(),
        ..client("a")
    };
    store.update_client(&client("a"), &renamed).await.unwrap();
    assert_changed(store.update_client(&client("a"), &client("a")).await);
    assert_not_found(store.update_client(&client("e"), &client("e")).await);
    assert!(store.update_client(&renamed, &client("b")).await.is_err());
    assert_eq!(
        store.client(&"a".parse().unwrap()).await.unwrap(),
        Some(renamed)
    );
    assert_eq!(
        store.client(&"b".parse().unwrap()).await.unwrap(),
        Some(client("b"))
    );
}

async fn resource_servers_are_unique_by_id_and_identifier(store: &dyn TenantStorage) {
    let (one, two) = (resource_server("2", API), resource_server("1", OTHER_API));
    store.create_resource_server(&one).await.unwrap();
    store.create_resource_server(&two).await.unwrap();
    assert_conflict(
        store
            .create_resource_server(&resource_server("3", API))
            .await,
    );
    assert_conflict(
        store
            .create_resource_server(&resource_server("2", "urn:new"))
            .await,
    );

    let found = store.resource_server_by_identifier(API).await.unwrap();
    assert_eq!(found, Some(one.clone()));
    assert_eq!(
        store
            .resource_server_by_identifier("urn:new")
            .await
            .unwrap(),
        None
    );
    let in_order = vec![one.clone(), two.clone()];
    assert_eq!(store.resource_servers(ALL).await.unwrap(), (in_order, 2));
    let second = store.resource_servers(Page::at(1, 1)).await.unwrap();
    assert_eq!(second, (vec![two], 2));

    let changed = ResourceServer {
        token_lifetime_s: 60,
        ..one.clone()
    };
    store.update_resource_server(&one, &changed).await.unwrap();
    assert_changed(store.update_resource_server(&one, &changed).await);
    let missing = resource_server("9", "urn:9");
    assert_not_found(store.update_resource_server(&missing, &missing).await);
    let moved = ResourceServer {
        identifier: "urn:moved".into(),
        ..changed.clone()
    };
    assert!(
        store
            .update_resource_server(&changed, &moved)
            .await
            .is_err()
    );
    assert_eq!(
        store.resource_server(&changed.id).await.unwrap(),
        Some(changed)
    );
}

async fn a_grant_needs_its_client_and_api_and_is_the_only_one(store: &dyn TenantStorage) {
    let first = grant("cgr_1", "a", API);
    store.create_client_grant(&first).await.unwrap();
    assert_conflict(store.create_client_grant(&grant("cgr_2", "a", API)).await);
    assert_conflict(store.create_client_grant(&grant("cgr_1", "b", API)).await);
    assert_not_found(store.create_client_grant(&grant("cgr_2", "e", API)).await);
    assert_not_found(
        store
            .create_client_grant(&grant("cgr_2", "a", "urn:none"))
            .await,
    );
    assert_eq!(store.client_grants(None, None, ALL).await.unwrap().1, 1);

    let narrower = ClientGrant {
        scope: vec![],
        ..first.clone()
    };
    store.update_client_grant(&first, &narrower).await.unwrap();
    assert_changed(store.update_client_grant(&first, &narrower).await);
    let found = store.client_grant(&first.client_id, API).await.unwrap();
    assert_eq!(found, Some(narrower));
    assert_eq!(
        store
            .client_grant(&first.client_id, OTHER_API)
            .await
            .unwrap(),
        None
    );

    store.delete_client_grant(&first.id).await.unwrap();
    store.delete_client_grant(&first.id).await.unwrap();
    assert_eq!(
        store.client_grant(&first.client_id, API).await.unwrap(),
        None
    );
    assert_eq!(store.client_grant_by_id(&first.id).await.unwrap(), None);
    assert_not_found(store.update_client_grant(&first, &first).await);
}

async fn grants_go_with_their_client_and_their_api(store: &dyn TenantStorage) {
    let grants = [
        grant("cgr_1", "a", API),
        grant("cgr_2", "a", OTHER_API),
        grant("cgr_3", "b", API),
        grant("cgr_4", "b", OTHER_API),
    ];
    for grant in &grants {
        store.create_client_grant(grant).await.unwrap();
    }
    let (of_a, total) = store
        .client_grants(Some(&grants[0].client_id), None, ALL)
        .await
        .unwrap();
    assert_eq!((of_a.as_slice(), total), (&grants[..2], 2));
    let page = Page::at(1, 5);
    let for_api = store.client_grants(None, Some(API), page).await.unwrap();
    assert_eq!(for_api, (vec![grants[2].clone()], 2));

    store.delete_client(&grants[0].client_id).await.unwrap();
    let left = store.client_grants(None, None, ALL).await.unwrap();
    assert_eq!(left, (grants[2..].to_vec(), 2));
    // A client that comes again under the same id has none of the old grants.
    store.create_client(&client("a")).await.unwrap();
    assert_eq!(
        store.client_grant(&grants[0].client_id, API).await.unwrap(),
        None
    );

    store
        .delete_resource_server(&"2".parse().unwrap())
        .await
        .unwrap();
    store
        .delete_resource_server(&"2".parse().unwrap())
        .await
        .unwrap();
    let left = store.client_grants(None, None, ALL).await.unwrap();
    assert_eq!(left, (grants[3..].to_vec(), 1));
    assert_eq!(
        store.resource_server_by_identifier(API).await.unwrap(),
        None
    );
    store
        .create_resource_server(&resource_server("2", API))
        .await
        .unwrap();
}
