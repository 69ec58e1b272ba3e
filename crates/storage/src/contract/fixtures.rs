//! One small thing of each kind.

use claimsmith_model::{
    Action, ActionVersion, AllowedHosts, AuthorizationCode, Binding, Client, ClientGrant,
    Connection, EnabledClients, GrantType, Identity, JsonObject, KeyUse, Limit, LimitSettings,
    LiveRefreshToken, Membership, ModuleInfo, OnError, OpaqueToken, Organization,
    OrganizationUsage, Permission, RefreshGrant, RefreshTokenSettings, ResourceServer, Role, Scope,
    Secret, Session, SigningAlgorithm, StoredKey, Tenant, TenantSettings, Timestamp, TokenDialect,
    TokenEndpointAuthMethod, Trigger, User,
};
use serde_json::{Value, json};

use crate::{GivenTokens, Storage, value::sha256_hex};

/// The bytes of a module.
pub const MODULE: &[u8] = b"\0asm\x01\0\0\0 the module of the tests";

pub(super) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000 + millis)
}

pub(super) fn object(value: Value) -> JsonObject {
    match value {
        Value::Object(object) => object,
        other => panic!("not an object: {other}"),
    }
}

pub(super) fn limits(limit: Limit, value: u64) -> LimitSettings {
    let mut limits = LimitSettings::default();
    limits.set(limit, value).unwrap();
    limits
}

/// A tenant whose one domain is `NAME.example.com`.
#[must_use]
pub fn tenant(name: &str) -> Tenant {
    Tenant {
        id: name.parse().unwrap(),
        issuer: format!("https://{name}.example.com/"),
        domains: vec![format!("{name}.example.com")],
        settings: TenantSettings::default(),
        limits: limits(Limit::CacheEntries, 50),
        created_at: at(0),
    }
}

pub(super) fn signing_key(id: &str, algorithm: SigningAlgorithm) -> StoredKey {
    StoredKey {
        id: id.parse().unwrap(),
        algorithm,
        private_key: Secret::new(format!("private-key-{id}")),
        certificate: None,
        key_use: KeyUse::Current,
        created_at: at(0),
        current_since: Some(at(0)),
        current_until: None,
        revoked_at: None,
        token_lifetime_s_max: 3_600,
    }
}

pub(super) fn client(id: &str) -> Client {
    Client {
        client_id: id.parse().unwrap(),
        name: format!("Client {id}"),
        description: None,
        client_secret: Secret::new(format!("client-secret-{id}")),
        app_type: None,
        token_endpoint_auth_method: TokenEndpointAuthMethod::ClientSecretPost,
        credentials: Vec::new(),
        grant_types: vec![GrantType::ClientCredentials],
        client_metadata: [("department".to_owned(), "sales".to_owned())].into(),
        callbacks: vec![],
        allowed_logout_urls: vec![],
        web_origins: vec![],
        allowed_origins: vec![],
        is_first_party: true,
        id_token_signing_algorithm: None,
        id_token_lifetime_s: 36_000,
        organization_usage: OrganizationUsage::Allow,
        refresh_token: RefreshTokenSettings::default(),
        is_made_with_tenant: false,
        created_at: at(0),
        updated_at: at(0),
    }
}

pub(super) fn resource_server(id: &str, identifier: &str) -> ResourceServer {
    ResourceServer {
        id: id.parse().unwrap(),
        identifier: identifier.to_owned(),
        name: format!("API {id}"),
        scopes: vec![Scope {
            value: "read:all".into(),
            description: None,
        }],
        signing_algorithm: SigningAlgorithm::HS256,
        signing_secret: Some(Secret::new("shared-secret-of-an-api")),
        token_lifetime_s: 86_400,
        allow_offline_access: false,
        enforce_policies: true,
        token_dialect: TokenDialect::AccessToken,
        is_system: false,
        created_at: at(0),
        updated_at: at(0),
    }
}

pub(super) fn grant(id: &str, client: &str, audience: &str) -> ClientGrant {
    ClientGrant {
        organization_usage: OrganizationUsage::Deny,
        allow_any_organization: false,
        organizations: Vec::new(),
        id: id.parse().unwrap(),
        client_id: client.parse().unwrap(),
        audience: audience.to_owned(),
        scope: vec!["read:all".into()],
        created_at: at(0),
    }
}

pub(super) fn connection(name: &str) -> Connection {
    Connection {
        id: format!("con_{name}").parse().unwrap(),
        name: name.to_owned(),
        display_name: None,
        strategy: "auth0".into(),
        realms: vec![],
        is_domain_connection: false,
        enabled_clients: EnabledClients::All,
        metadata: [].into(),
        custom_database: None,
        created_at: at(0),
    }
}

/// A user of the connection `Users` without email address and user name.
pub(super) fn user(id: &str) -> User {
    User {
        user_id: id.parse().unwrap(),
        connection: "Users".into(),
        email: None,
        email_verified: false,
        username: None,
        phone_number: None,
        phone_verified: None,
        name: None,
        nickname: None,
        given_name: None,
        family_name: None,
        picture: None,
        app_metadata: JsonObject::new(),
        user_metadata: JsonObject::new(),
        profile_attributes: JsonObject::new(),
        identities: vec![Identity {
            connection: "Users".into(),
            provider: "auth0".into(),
            user_id: id.to_owned(),
            is_social: false,
        }],
        password_hash: Some(Secret::new("$argon2id$hash-of-a-password")),
        blocked: false,
        logins_ended: 0,
        roles: vec![],
        permissions: vec![],
        created_at: at(0),
        updated_at: at(0),
        last_password_reset: None,
        last_login: None,
        last_ip: None,
        logins_count: 0,
    }
}

pub(super) fn user_with_email(id: &str, email: &str) -> User {
    User {
        email: Some(email.to_owned()),
        ..user(id)
    }
}

pub(super) fn role(id: &str, name: &str) -> Role {
    Role {
        id: id.parse().unwrap(),
        name: name.to_owned(),
        description: None,
        permissions: vec![Permission {
            resource_server_identifier: "https://api.example.com/".into(),
            permission_name: "read:all".into(),
        }],
        created_at: at(0),
    }
}

pub(super) fn organization(id: &str, name: &str) -> Organization {
    Organization {
        id: id.parse().unwrap(),
        name: name.to_owned(),
        display_name: None,
        metadata: [].into(),
        connections: Some(["con_1".parse().unwrap()].into()),
        joining_connections: ["con_1".parse().unwrap()].into(),
        created_at: at(0),
    }
}

pub(super) fn membership(organization: &str, user: &str) -> Membership {
    Membership {
        organization: organization.parse().unwrap(),
        user: user.parse().unwrap(),
        roles: vec!["rol_1".parse().unwrap()],
        created_at: at(0),
    }
}

pub(super) fn module_info(bytes: &[u8]) -> ModuleInfo {
    ModuleInfo {
        sha256: sha256_hex(bytes),
        size_bytes: bytes.len() as u64,
        triggers: vec![Trigger::PostLogin],
        scripts: vec![],
        imports: vec![],
        contract_version: "0.1.0".into(),
        sdk: Some("actions-sdk 0.1.0".into()),
    }
}

/// An Action without a module.
pub(super) fn action(id: &str) -> Action {
    Action {
        id: id.parse().unwrap(),
        name: format!("Action {id}"),
        trigger: Trigger::PostLogin,
        code: String::new(),
        module: None,
        built_at: None,
        secrets: vec![],
        limits: limits(Limit::DeadlineMs, 250),
        allowed_hosts: AllowedHosts::parse(&["*.example.com"]).unwrap(),
        deployed_version: None,
        latest_number: 0,
        all_changes_deployed: false,
        created_at: at(0),
        updated_at: at(0),
    }
}

/// The Action with an uploaded module.
pub(super) fn built(action: &Action, module: &[u8]) -> Action {
    Action {
        module: Some(module_info(module)),
        built_at: Some(at(1)),
        ..action.clone()
    }
}

/// The next version of a built Action, and the Action that points at it.
pub(super) fn deployed(action: &Action, version_id: &str) -> (Action, ActionVersion) {
    let version = ActionVersion {
        id: version_id.parse().unwrap(),
        action_id: action.id.clone(),
        number: action.latest_number + 1,
        trigger: action.trigger,
        module: action.module.clone().unwrap(),
        secrets: vec![],
        limits: action.limits.clone(),
        allowed_hosts: action.allowed_hosts.clone(),
        built_at: at(1),
        created_at: at(2),
    };
    let action = Action {
        deployed_version: Some(version.id.clone()),
        latest_number: version.number,
        all_changes_deployed: true,
        ..action.clone()
    };
    (action, version)
}

pub(super) fn binding(id: &str, action: &str) -> Binding {
    Binding {
        id: id.parse().unwrap(),
        action_id: action.parse().unwrap(),
        display_name: format!("Binding {id}"),
        on_error: OnError::Deny,
        created_at: at(0),
        updated_at: at(0),
    }
}

pub(super) fn opaque_token(expires_at: Timestamp) -> OpaqueToken {
    OpaqueToken {
        user_id: "user-1".parse().unwrap(),
        client_id: "client-1".parse().unwrap(),
        scope: vec!["openid".into()],
        expires_at,
        logins_ended: 0,
        refresh_grant: None,
        rests_on_consent: false,
    }
}

/// A session that ends a million milliseconds later.
pub(super) fn session(id: &str, user: &str) -> Session {
    Session {
        id: id.parse().unwrap(),
        user_id: user.parse().unwrap(),
        connection: "Users".into(),
        authenticated_at: at(0),
        created_at: at(0),
        last_interacted_at: at(0),
        expires_at: at(1_000_000),
        idle_expires_at: at(1_000_000),
        clients: vec!["client-1".parse().unwrap()],
        logins_ended: 0,
    }
}

/// A code for `user-1` at `client-1` that ends a minute later.
pub(super) fn authorization_code() -> AuthorizationCode {
    AuthorizationCode {
        client_id: "client-1".parse().unwrap(),
        redirect_uri: Some("https://app.example.com/callback".into()),
        code_challenge: Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".into()),
        user_id: "user-1".parse().unwrap(),
        connection: "Users".into(),
        session_id: Some("s-1".parse().unwrap()),
        authenticated_at: at(0),
        nonce: Some("n-0S6_WzA2Mj".into()),
        audience: Some("https://api.example.com/".into()),
        organization: None,
        requested_scope: vec!["openid".into()],
        scope: vec!["openid".into()],
        access_token_claims: object(json!({ "https://example.com/role": "admin" })),
        id_token_claims: JsonObject::new(),
        execution_id: "execution-1".parse().unwrap(),
        expires_at: at(60_000),
        rests_on_consent: false,
        redeemed: None,
    }
}

/// A rotating grant of `user-1` at `client-1` without end. Its token is 32 ones.
pub(super) fn refresh_grant(id: &str) -> RefreshGrant {
    RefreshGrant {
        id: id.parse().unwrap(),
        key: Secret::new("key-of-a-grant"),
        user_id: "user-1".parse().unwrap(),
        client_id: "client-1".parse().unwrap(),
        connection: "Users".into(),
        session_id: None,
        authenticated_at: at(0),
        audience: None,
        organization: None,
        scope: vec!["openid".into(), "offline_access".into()],
        rotating: true,
        created_at: at(0),
        last_exchanged_at: None,
        expires_at: None,
        idle_expires_at: None,
        live: vec![LiveRefreshToken {
            sha256: [1; 32],
            replaced_at: None,
        }],
        logins_ended: 0,
    }
}

/// Makes a tenant and in it one or two of everything: `client-1`, `client-2`,
/// `api-1`, `cgr_1`, `con_Users`, `user-1` (`ann@example.com`), `rol_1`, `org_1`,
/// `action-1` with `version-1` bound to post-login, an opaque token, a session and a
/// code under 32 sevens, the refresh grant `rt_1`, consent of the user to the client.
///
/// # Panics
/// When storage answers an error.
pub async fn fill_tenant(storage: &dyn Storage, name: &str) {
    storage.create_tenant(&tenant(name)).await.unwrap();
    let store = storage.tenant(&name.parse().unwrap());
    let key = |id: &str| signing_key(id, SigningAlgorithm::RS256);
    let first = key("key-1");
    store.current_signing_key_or_insert(&first).await.unwrap();
    store
        .rotate_signing_keys(&[key("key-2")], at(1))
        .await
        .unwrap();
    store
        .next_signing_key_or_insert(&key("key-3"))
        .await
        .unwrap();
    store.create_client(&client("client-1")).await.unwrap();
    store.create_client(&client("client-2")).await.unwrap();
    let api = resource_server("api-1", "https://api.example.com/");
    store.create_resource_server(&api).await.unwrap();
    store
        .create_client_grant(&grant("cgr_1", "client-1", &api.identifier))
        .await
        .unwrap();
    store.create_connection(&connection("Users")).await.unwrap();
    store
        .create_user(&user_with_email("user-1", "ann@example.com"))
        .await
        .unwrap();
    store.create_role(&role("rol_1", "Reader")).await.unwrap();
    store
        .create_organization(&organization("org_1", "acme"))
        .await
        .unwrap();
    store
        .put_memberships(&[membership("org_1", "user-1")])
        .await
        .unwrap();

    let draft = action("action-1");
    store.create_action(&draft, None).await.unwrap();
    let ready = built(&draft, MODULE);
    store
        .update_action(&draft, &ready, Some(MODULE))
        .await
        .unwrap();
    let (live, version) = deployed(&ready, "version-1");
    store
        .deploy_action(&ready, &live, &version, 50)
        .await
        .unwrap();
    let bindings = [binding("binding-1", "action-1")];
    store
        .replace_bindings(Trigger::PostLogin, &bindings, None)
        .await
        .unwrap();

    let claims = object(json!({ "https://example.com/role": "admin" }));
    let (user, client) = ("user-1".parse().unwrap(), "client-1".parse().unwrap());
    store
        .put_userinfo_claims(&user, &client, &claims)
        .await
        .unwrap();
    store
        .put_session(&[7; 32], &session("s-1", "user-1"), None)
        .await
        .unwrap();
    store
        .put_authorization_code(&[7; 32], &authorization_code())
        .await
        .unwrap();
    let given = GivenTokens {
        refresh_grant: Some(refresh_grant("rt_1")),
        opaque_token: Some(([7; 32], opaque_token(at(1_000)))),
    };
    assert!(store.put_given_tokens(&given).await.unwrap());
    let scope = ["read:all".to_owned()];
    let given = store.give_consent(&user, &client, None, &scope, at(1));
    given.await.unwrap();
}
