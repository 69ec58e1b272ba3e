//! OAuth clients.

use claimsmith_model::{
    Client, ClientId, GrantType, JsonObject, OrganizationUsage, RefreshTokenSettings, Secret,
    SigningAlgorithm, TOKEN_LIFETIME_S_MAX, Timestamp, TokenEndpointAuthMethod,
};
use claimsmith_oauth::{
    REDIRECT_URI_BYTES_MAX, REDIRECT_URI_RULE, is_readable_on_its_way, is_redirect_uri,
    leads_somewhere,
};
use serde_json::Value;

use super::{Page, client_authentication, client_refresh_token};
use crate::{
    ServiceError,
    fields::{
        Fields, Problem, Read, flag, integer, list, object, one_of, set_of, shown, text,
        text_where, texts_by_key,
    },
    management::TenantAdmin,
    tenants::ID_TOKEN_LIFETIME_S,
};

const NAME_CHARS_MAX: usize = 255;
const DESCRIPTION_CHARS_MAX: usize = 140;
const METADATA_ENTRIES_MAX: usize = 10;
const METADATA_CHARS_MAX: usize = 255;
const CALLBACKS_MAX: usize = 100;
const CALLBACK_CHARS_MAX: usize = REDIRECT_URI_BYTES_MAX;
const ORIGINS_MAX: usize = 100;
/// A scheme, a host of at most 253 characters, a port.
const ORIGIN_CHARS_MAX: usize = 270;

const APP_TYPES: [(&str, &str); 4] = [
    ("native", "native"),
    ("spa", "spa"),
    ("regular_web", "regular_web"),
    ("non_interactive", "non_interactive"),
];
pub(super) const ORGANIZATION_USAGES: [(&str, OrganizationUsage); 3] = [
    ("deny", OrganizationUsage::Deny),
    ("allow", OrganizationUsage::Allow),
    ("require", OrganizationUsage::Require),
];
/// What ID tokens can be signed with.
pub(super) const ID_TOKEN_ALGORITHMS: [(&str, SigningAlgorithm); 3] = [
    ("RS256", SigningAlgorithm::RS256),
    ("ES256", SigningAlgorithm::ES256),
    ("EdDSA", SigningAlgorithm::EdDSA),
];

const NO_CLIENT: ServiceError = ServiceError::NotFound {
    message: "The client does not exist",
    code: Some("inexistent_client"),
};

/// Which clients to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientFilter {
    /// Those that are, or are not, the tenant's own only.
    pub is_first_party: Option<bool>,
    /// Those of one of these kinds only, if there are any.
    pub app_types: Vec<String>,
}

impl ClientFilter {
    fn passes(&self, client: &Client) -> bool {
        let of_kind = |app_type: &String| client.app_type.as_deref() == Some(app_type);
        self.is_first_party
            .is_none_or(|is| client.is_first_party == is)
            && (self.app_types.is_empty() || self.app_types.iter().any(of_kind))
    }
}

/// Creates a client with a secret of the server's making.
///
/// # Errors
/// `Invalid…` for a wrong body.
pub async fn create(admin: &TenantAdmin, body: JsonObject) -> Result<Client, ServiceError> {
    let (client_id, secret) = (admin.ids().client_id(), admin.ids().client_secret());
    create_as(admin, client_id, secret, body).await
}

/// Creates a client that has its identifier and secret already.
pub(super) async fn create_as(
    admin: &TenantAdmin,
    client_id: ClientId,
    client_secret: Secret,
    body: JsonObject,
) -> Result<Client, ServiceError> {
    let now = admin.now();
    let mut fields = Fields::new(body);
    let app_type = fields.optional("app_type", one_of(&APP_TYPES))?;
    let mut client = Client {
        client_id,
        name: fields.required("name", name)?,
        description: None,
        client_secret,
        app_type: app_type.map(str::to_owned),
        token_endpoint_auth_method: match app_type {
            Some("spa" | "native") => TokenEndpointAuthMethod::None,
            _ => TokenEndpointAuthMethod::ClientSecretPost,
        },
        // Every other grant is opt-in.
        credentials: Vec::new(),
        grant_types: match app_type {
            Some("non_interactive") => vec![GrantType::ClientCredentials],
            _ => Vec::new(),
        },
        client_metadata: Default::default(),
        callbacks: Vec::new(),
        allowed_logout_urls: Vec::new(),
        web_origins: Vec::new(),
        allowed_origins: Vec::new(),
        is_first_party: true,
        id_token_signing_algorithm: None,
        id_token_lifetime_s: ID_TOKEN_LIFETIME_S,
        organization_usage: OrganizationUsage::default(),
        refresh_token: RefreshTokenSettings::default(),
        is_made_with_tenant: false,
        created_at: now,
        updated_at: now,
    };
    apply(&mut client, fields, now)?;
    must_be_called_back_in_private(admin, &client)?;
    publish_key(admin, &client).await?;
    admin.store().create_client(&client).await?;
    Ok(client)
}

async fn publish_key(admin: &TenantAdmin, client: &Client) -> Result<(), ServiceError> {
    match client.id_token_signing_algorithm {
        Some(algorithm) => admin.publish_key(algorithm).await,
        None => Ok(()),
    }
}

/// One client.
///
/// # Errors
/// `NotFound`.
pub async fn get(admin: &TenantAdmin, id: &ClientId) -> Result<Client, ServiceError> {
    admin.store().client(id).await?.ok_or(NO_CLIENT)
}

/// The clients that pass the filter, in the order of their identifiers, and how many
/// there are.
///
/// # Errors
/// When they can't be read.
pub async fn list_all(
    admin: &TenantAdmin,
    filter: &ClientFilter,
    page: Page,
) -> Result<(Vec<Client>, usize), ServiceError> {
    if *filter == ClientFilter::default() {
        return Ok(admin.store().clients(page).await?);
    }
    let (mut clients, _) = admin.store().clients(Page::ALL).await?;
    clients.retain(|client| filter.passes(client));
    Ok(page.of(clients))
}

/// Changes a client.
///
/// # Errors
/// `NotFound`, or `Invalid…` for a wrong body.
pub async fn patch(
    admin: &TenantAdmin,
    id: &ClientId,
    body: JsonObject,
) -> Result<Client, ServiceError> {
    let before = get(admin, id).await?;
    let mut after = before.clone();
    let mut fields = Fields::new(body);
    fields.set("name", &mut after.name, name)?;
    let app_type = |value| one_of(&APP_TYPES)(value).map(str::to_owned);
    fields.set_optional("app_type", &mut after.app_type, app_type)?;
    apply(&mut after, fields, admin.now())?;
    must_be_called_back_in_private(admin, &after)?;
    after.updated_at = admin.now();
    publish_key(admin, &after).await?;
    admin.store().update_client(&before, &after).await?;
    Ok(after)
}

/// Gives a client a new secret; the old one is worth nothing from now on.
///
/// # Errors
/// `NotFound`.
pub async fn rotate_secret(admin: &TenantAdmin, id: &ClientId) -> Result<Client, ServiceError> {
    let before = get(admin, id).await?;
    let client_secret = admin.ids().client_secret();
    let after = Client {
        client_secret,
        updated_at: admin.now(),
        ..before.clone()
    };
    admin.store().update_client(&before, &after).await?;
    Ok(after)
}

/// Deletes a client and its grants; one that isn't there is no error.
///
/// # Errors
/// When it can't be deleted.
pub async fn delete(admin: &TenantAdmin, id: &ClientId) -> Result<(), ServiceError> {
    Ok(admin.store().delete_client(id).await?)
}

/// What create and patch have in common.
fn apply(client: &mut Client, mut fields: Fields, now: Timestamp) -> Result<(), ServiceError> {
    fields.set_optional(
        "description",
        &mut client.description,
        text(0..=DESCRIPTION_CHARS_MAX),
    )?;
    client_authentication::apply(client, &mut fields, now)?;
    let grants = GrantType::ALL.map(|(grant, name)| (name, grant));
    let grant_types = set_of(0..=grants.len(), one_of(&grants));
    fields.set("grant_types", &mut client.grant_types, grant_types)?;
    merge_metadata(client, &mut fields)?;
    let callback = text_where(1..=CALLBACK_CHARS_MAX, is_redirect_uri, REDIRECT_URI_RULE);
    fields.set(
        "callbacks",
        &mut client.callbacks,
        list(0..=CALLBACKS_MAX, callback),
    )?;
    fields.set(
        "allowed_logout_urls",
        &mut client.allowed_logout_urls,
        logout_urls,
    )?;
    fields.set("web_origins", &mut client.web_origins, origins)?;
    fields.set("allowed_origins", &mut client.allowed_origins, origins)?;
    fields.set("is_first_party", &mut client.is_first_party, flag)?;
    if fields.optional("oidc_conformant", flag)? == Some(false) {
        let what = "it must be true: every client follows OpenID Connect here";
        return Err(Problem::new(what).under("oidc_conformant").into());
    }
    fields.set(
        "organization_usage",
        &mut client.organization_usage,
        one_of(&ORGANIZATION_USAGES),
    )?;
    fields.set(
        "refresh_token",
        &mut client.refresh_token,
        client_refresh_token::read,
    )?;
    if let Some(jwt) = fields.optional("jwt_configuration", jwt_configuration)? {
        client.id_token_signing_algorithm = jwt.algorithm.or(client.id_token_signing_algorithm);
        client.id_token_lifetime_s = jwt.lifetime_s.unwrap_or(client.id_token_lifetime_s);
    }
    fields.finish()?;

    let is_public = client.token_endpoint_auth_method == TokenEndpointAuthMethod::None;
    if is_public && client.grant_types.contains(&GrantType::ClientCredentials) {
        return Err(ServiceError::invalid(
            "a client with token_endpoint_auth_method `none` can't have the grant \
             client_credentials: nobody would prove that they are that client",
        ));
    }
    Ok(())
}

/// Codes and tokens go to redirect URIs. A tenant that is itself reached by plain HTTP is
/// one of a developer's.
fn must_be_called_back_in_private(
    admin: &TenantAdmin,
    client: &Client,
) -> Result<(), ServiceError> {
    if !admin.tenant().tenant.issuer.starts_with("https:") {
        return Ok(());
    }
    let mut readable = client.callbacks.iter();
    match readable.find(|uri| is_readable_on_its_way(uri)) {
        Some(uri) => Err(Problem::new(format!(
            "`{}`: a redirect URI has https; with http, what goes there can be read on its way, \
             unless it is the user's own machine, such as http://localhost:3000/callback",
            shown(uri)
        ))
        .under("callbacks")
        .into()),
        None => Ok(()),
    }
}

/// Metadata is merged by key; an empty value or `null` removes the key.
fn merge_metadata(client: &mut Client, fields: &mut Fields) -> Read<()> {
    let Some(given) = fields.optional("client_metadata", crate::fields::open_object)? else {
        return Ok(());
    };
    let mut merged: JsonObject = std::mem::take(&mut client.client_metadata)
        .into_iter()
        .map(|(k, v)| (k, v.into()))
        .collect();
    for (key, value) in given {
        if value.is_null() || value == "" {
            merged.shift_remove(&key);
        } else {
            merged.insert(key, value);
        }
    }
    let bounded = texts_by_key(METADATA_ENTRIES_MAX, METADATA_CHARS_MAX);
    client.client_metadata =
        bounded(Value::Object(merged)).map_err(|problem| problem.under("client_metadata"))?;
    Ok(())
}

fn name(value: Value) -> Read<String> {
    let allowed = |name: &str| !name.contains(['<', '>']);
    text_where(1..=NAME_CHARS_MAX, allowed, "a name has no < and no >")(value)
}

fn is_url(text: &str) -> bool {
    url::Url::parse(text).is_ok() && leads_somewhere(text)
}

/// Where browsers may be sent after a logout: absolute URLs that lead somewhere.
pub(super) fn logout_urls(value: Value) -> Read<Vec<String>> {
    let url = text_where(
        1..=CALLBACK_CHARS_MAX,
        is_url,
        "a logout URL is an absolute URL that leads somewhere, such as https://app.example.com/",
    );
    list(0..=CALLBACKS_MAX, url)(value)
}

fn origins(value: Value) -> Read<Vec<String>> {
    set_of(0..=ORIGINS_MAX, origin)(value)
}

/// An origin (RFC 6454 section 6.2), as browsers write it in the header `Origin`.
fn origin(value: Value) -> Read<String> {
    let given = text(1..=ORIGIN_CHARS_MAX)(value)?;
    let url = url::Url::parse(&given).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
            && url.host_str().is_some_and(|host| !host.contains('*'))
    });
    url.map(|url| url.origin().ascii_serialization())
        .ok_or_else(|| {
            Problem::new(format!(
                "`{}`: an origin is a scheme and a host with its port, such as \
                 https://app.example.com or http://localhost:3000; without a path, and without \
                 placeholders",
                shown(&given)
            ))
        })
}

struct JwtConfiguration {
    algorithm: Option<SigningAlgorithm>,
    lifetime_s: Option<u32>,
}

fn jwt_configuration(value: Value) -> Read<JwtConfiguration> {
    object(|fields| {
        let read = JwtConfiguration {
            algorithm: fields.optional("alg", one_of(&ID_TOKEN_ALGORITHMS))?,
            lifetime_s: fields
                .optional("lifetime_in_seconds", integer(1..=TOKEN_LIFETIME_S_MAX))?,
        };
        if fields.optional("secret_encoded", flag)? == Some(true) {
            return Err(Problem::new("there are no encoded secrets here").under("secret_encoded"));
        }
        Ok(read)
    })(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_origin_is_kept_as_browsers_write_it() {
        for (given, kept) in [
            ("https://app.example.com", "https://app.example.com"),
            ("HTTPS://App.Example.com:443/", "https://app.example.com"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://[::1]:80", "http://[::1]"),
            ("https://münchen.example", "https://xn--mnchen-3ya.example"),
        ] {
            assert_eq!(origin(json!(given)).unwrap(), kept);
        }
    }

    #[test]
    fn what_is_more_or_less_than_an_origin_is_refused() {
        for wrong in [
            "*",
            "null",
            "app.example.com",
            "https://app.example.com/path",
            "https://app.example.com/?query",
            "https://app.example.com#fragment",
            "https://user@app.example.com",
            "https://:password@app.example.com",
            "https://*.example.com",
            "file:///",
            "com.example.app://callback",
            "",
        ] {
            assert!(origin(json!(wrong)).is_err(), "{wrong}");
        }
        let longest = format!("https://{}", "a.".repeat(131));
        assert_eq!(longest.len(), ORIGIN_CHARS_MAX);
        assert!(origin(json!(longest)).is_ok());
        assert!(origin(json!(format!("{longest}a"))).is_err());
    }

    #[test]
    fn an_origin_stands_in_a_list_once_however_it_is_spelt() {
        let twice = json!(["https://a.example", "https://A.example:443/"]);
        assert!(origins(twice).is_err());
        let many = |count: usize| {
            let hosts = (0..count).map(|number| format!("https://a{number}.example"));
            json!(hosts.collect::<Vec<_>>())
        };
        assert!(origins(many(ORIGINS_MAX)).is_ok());
        assert!(origins(many(ORIGINS_MAX + 1)).is_err());
    }
}
