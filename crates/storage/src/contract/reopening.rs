//! What is stored is there after the backend was closed and opened again.

use claimsmith_model::{
    Action, ActionVersion, AuthorizationCode, Client, ClientGrant, Connection, Consent, JsonObject,
    Membership, OpaqueToken, Organization, RefreshGrant, ResourceServer, Role, Session, StoredKey,
    Tenant, Trigger, TriggerBindings, User,
};

use super::{ALL, MODULE, assert_conflict, fill_tenant, fixtures::user_with_email};
use crate::{Storage, TenantStorage};

const NAME: &str = "reopening";

/// Everything of a tenant that [`fill_tenant`] made.
#[derive(Debug, PartialEq)]
pub(super) struct Everything {
    signing_keys: Vec<StoredKey>,
    clients: Vec<Client>,
    resource_servers: Vec<ResourceServer>,
    client_grants: Vec<ClientGrant>,
    connections: Vec<Connection>,
    users: Vec<User>,
    login: Option<User>,
    roles: Vec<Role>,
    organizations: Vec<Organization>,
    memberships: Vec<Membership>,
    actions: Vec<Action>,
    versions: Vec<ActionVersion>,
    module: Option<Vec<u8>>,
    bindings: Vec<TriggerBindings>,
    opaque_token: Option<OpaqueToken>,
    userinfo: JsonObject,
    session: Option<Session>,
    authorization_code: Option<AuthorizationCode>,
    refresh_grants: Vec<RefreshGrant>,
    consent: Option<Consent>,
    stamp: u64,
}

impl Everything {
    pub(super) fn module_sha256(&self) -> String {
        self.versions[0].module.sha256.clone()
    }
}

pub(super) async fn everything(store: &dyn TenantStorage) -> Everything {
    let versions = store
        .action_versions(&"action-1".parse().unwrap())
        .await
        .unwrap();
    let mut bindings = Vec::new();
    for trigger in Trigger::ALL {
        bindings.push(store.bindings(trigger).await.unwrap());
    }
    let (user, client) = ("user-1".parse().unwrap(), "client-1".parse().unwrap());
    Everything {
        signing_keys: store.signing_keys().await.unwrap(),
        clients: store.clients(ALL).await.unwrap().0,
        resource_servers: store.resource_servers(ALL).await.unwrap().0,
        client_grants: store.client_grants(None, None, ALL).await.unwrap().0,
        connections: store.connections().await.unwrap(),
        users: store.users(ALL).await.unwrap().0,
        login: store
            .user_by_login("Users", "ann@example.com")
            .await
            .unwrap(),
        roles: store.roles(ALL).await.unwrap().0,
        organizations: store.organizations(ALL).await.unwrap().0,
        memberships: store
            .memberships(&"org_1".parse().unwrap(), ALL)
            .await
            .unwrap()
            .0,
        actions: store.actions().await.unwrap(),
        module: store.module(&versions[0].module.sha256).await.unwrap(),
        versions,
        bindings,
        opaque_token: store.opaque_token(&[7; 32]).await.unwrap(),
        userinfo: store.userinfo_claims(&user, &client).await.unwrap(),
        session: store.session(&[7; 32]).await.unwrap(),
        authorization_code: store.authorization_code(&[7; 32]).await.unwrap(),
        refresh_grants: store.refresh_grants(&user, None).await.unwrap(),
        consent: store.consent(&user, &client, None).await.unwrap(),
        stamp: store.configuration_stamp().await.unwrap(),
    }
}

/// Stores a tenant with everything, and tells all that there is.
pub(super) async fn fill(storage: &dyn Storage) -> (Vec<Tenant>, Everything) {
    fill_tenant(storage, NAME).await;
    let all = everything(&*storage.tenant(&NAME.parse().unwrap())).await;
    assert_eq!(all.module.as_deref(), Some(MODULE));
    assert!(all.login.is_some() && all.opaque_token.is_some() && !all.userinfo.is_empty());
    (storage.tenants().await.unwrap(), all)
}

/// Asserts that all of it is there, and that what was unique still is.
pub(super) async fn check(storage: &dyn Storage, before: &(Vec<Tenant>, Everything)) {
    let store = storage.tenant(&NAME.parse().unwrap());
    assert_eq!(storage.tenants().await.unwrap(), before.0);
    assert_eq!(everything(&*store).await, before.1);
    assert_conflict(
        store
            .create_user(&user_with_email("other", "ANN@example.com"))
            .await,
    );
}
