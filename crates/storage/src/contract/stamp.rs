//! The stamp that tells caches whether they are still right.

use std::collections::BTreeSet;

use claimsmith_model::{JsonObject, OpaqueToken, SigningAlgorithm, Tenant, Trigger};

use super::{
    MODULE,
    fixtures::{
        action, at, built, client, connection, deployed, grant, membership, opaque_token,
        organization, resource_server, role, signing_key, tenant, user,
    },
    new_tenant,
};
use crate::{GivenTokens, Storage};

const API: &str = "https://api.example.com/";

pub(super) async fn check(storage: &dyn Storage) {
    let store = new_tenant(storage, "stamp").await;
    let neighbour = new_tenant(storage, "stamp-neighbour").await;
    let neighbours = neighbour.configuration_stamp().await.unwrap();
    let mut seen = BTreeSet::from([store.configuration_stamp().await.unwrap()]);
    // Each of these gives a stamp that was never there.
    macro_rules! changes_it {
        ($($change:expr;)*) => {$(
            $change.await.unwrap();
            let stamp = store.configuration_stamp().await.unwrap();
            assert!(seen.insert(stamp), "{} left the stamp", stringify!($change));
        )*};
    }
    let before = tenant("stamp");
    let after = Tenant {
        issuer: "https://new.example.com/".into(),
        ..before.clone()
    };
    let key = signing_key("key", SigningAlgorithm::RS256);
    let (draft, ready) = (action("a"), built(&action("a"), MODULE));
    let (live, version) = deployed(&ready, "version-1");
    changes_it! {
        storage.update_tenant(&before, &after);
        store.current_signing_key_or_insert(&key);
        store.next_signing_key_or_insert(&signing_key("next", SigningAlgorithm::RS256));
        store.raise_token_lifetime(&key.id, 86_400);
        store.rotate_signing_keys(&[signing_key("fresh", SigningAlgorithm::RS256)], at(0));
        store.revoke_signing_key(&key.id, None, at(0));
        store.remove_signing_keys_that_are_over(at(1_000_000_000));
        store.create_client(&client("c"));
        store.update_client(&client("c"), &client("c"));
        store.create_resource_server(&resource_server("r", API));
        store.update_resource_server(&resource_server("r", API), &resource_server("r", API));
        store.create_client_grant(&grant("g", "c", API));
        store.update_client_grant(&grant("g", "c", API), &grant("g", "c", API));
        store.create_connection(&connection("Users"));
        store.create_connection(&connection("Partners"));
        store.update_connection(&connection("Users"), &connection("Users"), None);
        store.create_role(&role("rol_1", "Reader"));
        store.create_organization(&organization("org_1", "acme"));
        store.create_action(&draft, None);
        store.update_action(&draft, &ready, Some(MODULE));
        store.deploy_action(&ready, &live, &version, 50);
        store.replace_bindings(Trigger::PostLogin, &[], None);
        store.delete_action(&draft.id, false);
        store.delete_connection("Partners");
        store.delete_organization(&organization("org_1", "acme").id);
        store.delete_role(&role("rol_1", "Reader").id);
        store.delete_client_grant(&grant("g", "c", API).id);
        store.delete_resource_server(&resource_server("r", API).id);
        store.delete_client(&client("c").client_id);
    }

    // What belongs to users and tokens leaves it, so that logins empty no cache.
    let stamp = store.configuration_stamp().await.unwrap();
    let (none, id) = (JsonObject::new(), user("u").user_id);
    store
        .create_organization(&organization("org_1", "acme"))
        .await
        .unwrap();
    let with_organization = store.configuration_stamp().await.unwrap();
    assert_ne!(with_organization, stamp);
    store.create_user(&user("u")).await.unwrap();
    store
        .put_memberships(&[membership("org_1", "u")])
        .await
        .unwrap();
    store
        .merge_user_metadata(&id, &none, &none, at(1))
        .await
        .unwrap();
    store
        .record_login(&id, 0, &none, &none, "192.0.2.1", at(1))
        .await
        .unwrap();
    let given = GivenTokens {
        refresh_grant: None,
        opaque_token: Some((
            [1; 32],
            OpaqueToken {
                user_id: id.clone(),
                ..opaque_token(at(1))
            },
        )),
    };
    assert!(store.put_given_tokens(&given).await.unwrap());
    store
        .put_userinfo_claims(&id, &client("c").client_id, &none)
        .await
        .unwrap();
    store.delete_user(&id).await.unwrap();
    assert_eq!(
        store.configuration_stamp().await.unwrap(),
        with_organization
    );
    // A change that was refused leaves it too.
    assert!(
        store
            .create_organization(&organization("org_1", "acme"))
            .await
            .is_err()
    );
    assert_eq!(
        store.configuration_stamp().await.unwrap(),
        with_organization
    );
    // And one tenant's changes leave another's.
    assert_eq!(neighbour.configuration_stamp().await.unwrap(), neighbours);
}
