//! A tenant that can get tokens, written straight to the storage.

use anyhow::Result;
use claimsmith_model::{
    Action, ActionVersion, AllowedHosts, Binding, Client, ClientGrant, GrantType, LimitSettings,
    ModuleInfo, OnError, OrganizationUsage, RefreshTokenSettings, ResourceServer, Scope, Secret,
    SigningAlgorithm, Tenant, TenantSettings, Timestamp, TokenDialect, TokenEndpointAuthMethod,
    Trigger,
};
use claimsmith_storage::Storage;

/// The API that tokens are for.
pub(crate) const AUDIENCE: &str = "https://api.example.com/";

/// The one client of each tenant.
pub(crate) const CLIENT_ID: &str = "job";

const TRIGGER: Trigger = Trigger::CredentialsExchange;

/// An Action's module and what checking it has found.
pub(crate) struct Module<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) info: &'a ModuleInfo,
}

/// The host of a tenant.
pub(crate) fn host(tenant: &str) -> String {
    format!("{tenant}.bench.example.com")
}

/// Writes a tenant with an API, a client that may get tokens for it, and an Action that is
/// bound, if there is one. It has no keys: they are made with the first token.
pub(crate) async fn write_tenant(
    storage: &dyn Storage,
    name: &str,
    client_secret: &str,
    module: Option<&Module<'_>>,
) -> Result<()> {
    let tenant = tenant(name)?;
    storage.create_tenant(&tenant).await?;
    let store = storage.tenant(&tenant.id);
    store.create_client(&client(client_secret)?).await?;
    let api = resource_server("api_1", AUDIENCE)?;
    // A tenant that is whole has a Management API, and somebody who may use it.
    let management = ResourceServer {
        is_system: true,
        ..resource_server("api_2", &format!("{}api/v2/", tenant.issuer))?
    };
    for (grant_id, api) in [("cgr_1", api), ("cgr_2", management)] {
        store.create_resource_server(&api).await?;
        let grant = grant(grant_id, &api.identifier)?;
        store.create_client_grant(&grant).await?;
    }
    let Some(module) = module else {
        return Ok(());
    };
    let draft = action()?;
    store.create_action(&draft, None).await?;
    let built = Action {
        module: Some(module.info.clone()),
        built_at: Some(at()),
        ..draft.clone()
    };
    store
        .update_action(&draft, &built, Some(module.bytes))
        .await?;
    let version = version(&built, module.info)?;
    let deployed = Action {
        deployed_version: Some(version.id.clone()),
        latest_number: version.number,
        all_changes_deployed: true,
        ..built.clone()
    };
    store.deploy_action(&built, &deployed, &version, 50).await?;
    store
        .replace_bindings(TRIGGER, &[binding(&deployed)?], None)
        .await?;
    Ok(())
}

fn at() -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000)
}

fn tenant(name: &str) -> Result<Tenant> {
    let host = host(name);
    Ok(Tenant {
        id: name.parse()?,
        issuer: format!("https://{host}/"),
        domains: vec![host],
        settings: TenantSettings::default(),
        limits: LimitSettings::default(),
        created_at: at(),
    })
}

fn client(secret: &str) -> Result<Client> {
    Ok(Client {
        client_id: CLIENT_ID.parse()?,
        name: "job".to_owned(),
        description: None,
        client_secret: Secret::new(secret),
        app_type: None,
        token_endpoint_auth_method: TokenEndpointAuthMethod::ClientSecretPost,
        credentials: Vec::new(),
        grant_types: vec![GrantType::ClientCredentials],
        client_metadata: [("department".to_owned(), "finance".to_owned())].into(),
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
        created_at: at(),
        updated_at: at(),
    })
}

fn resource_server(id: &str, identifier: &str) -> Result<ResourceServer> {
    Ok(ResourceServer {
        id: id.parse()?,
        identifier: identifier.to_owned(),
        name: "Reports".to_owned(),
        scopes: vec![Scope {
            value: "read:reports".to_owned(),
            description: None,
        }],
        signing_algorithm: SigningAlgorithm::ES256,
        signing_secret: None,
        token_lifetime_s: 86_400,
        allow_offline_access: false,
        enforce_policies: false,
        token_dialect: TokenDialect::AccessToken,
        is_system: false,
        created_at: at(),
        updated_at: at(),
    })
}

fn grant(id: &str, audience: &str) -> Result<ClientGrant> {
    Ok(ClientGrant {
        organization_usage: OrganizationUsage::Deny,
        allow_any_organization: false,
        organizations: Vec::new(),
        id: id.parse()?,
        client_id: CLIENT_ID.parse()?,
        audience: audience.to_owned(),
        scope: vec!["read:reports".to_owned()],
        created_at: at(),
    })
}

fn action() -> Result<Action> {
    Ok(Action {
        id: "act_1".parse()?,
        name: "two-fields".to_owned(),
        trigger: TRIGGER,
        code: String::new(),
        module: None,
        built_at: None,
        secrets: vec![],
        limits: LimitSettings::default(),
        allowed_hosts: AllowedHosts::default(),
        deployed_version: None,
        latest_number: 0,
        all_changes_deployed: false,
        created_at: at(),
        updated_at: at(),
    })
}

fn version(action: &Action, module: &ModuleInfo) -> Result<ActionVersion> {
    Ok(ActionVersion {
        id: "ver_1".parse()?,
        action_id: action.id.clone(),
        number: 1,
        trigger: TRIGGER,
        module: module.clone(),
        secrets: vec![],
        limits: LimitSettings::default(),
        allowed_hosts: AllowedHosts::default(),
        built_at: at(),
        created_at: at(),
    })
}

fn binding(action: &Action) -> Result<Binding> {
    Ok(Binding {
        id: "bin_1".parse()?,
        action_id: action.id.clone(),
        display_name: action.name.clone(),
        on_error: OnError::Deny,
        created_at: at(),
        updated_at: at(),
    })
}
