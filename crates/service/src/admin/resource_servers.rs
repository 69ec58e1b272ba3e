//! Resource servers (APIs).

use std::collections::BTreeSet;

use claimsmith_model::{
    JsonObject, ResourceServer, ResourceServerId, Scope, Secret, SigningAlgorithm,
    TOKEN_LIFETIME_S_MAX, TokenDialect,
};
use claimsmith_oauth::{SCOPE_TOKEN_BYTES_MAX, SCOPES_MAX, is_scope_token};
use serde_json::Value;

use super::{Page, settings, transfer::OWN_ISSUER};
use crate::{
    ServiceError,
    fields::{Fields, Problem, Read, flag, integer, list, object, one_of, text, text_where},
    management::TenantAdmin,
};

pub(super) const IDENTIFIER_CHARS_MAX: usize = 600;
const NAME_CHARS_MAX: usize = 200;
const DESCRIPTION_CHARS_MAX: usize = 500;
/// The secret of HS256 must have as many bits as its hash (RFC 7518 section 3.2).
const SECRET_CHARS_MIN: usize = 32;
const SECRET_CHARS_MAX: usize = 512;
/// A day, as in the reference product.
const TOKEN_LIFETIME_S: u32 = 86_400;

const ALGORITHMS: [(&str, SigningAlgorithm); 4] = [
    ("RS256", SigningAlgorithm::RS256),
    ("ES256", SigningAlgorithm::ES256),
    ("EdDSA", SigningAlgorithm::EdDSA),
    ("HS256", SigningAlgorithm::HS256),
];
const DIALECTS: [(&str, TokenDialect); 4] = [
    ("access_token", TokenDialect::AccessToken),
    ("access_token_authz", TokenDialect::AccessTokenAuthz),
    ("rfc9068_profile", TokenDialect::Rfc9068Profile),
    ("rfc9068_profile_authz", TokenDialect::Rfc9068ProfileAuthz),
];

const NO_API: ServiceError = ServiceError::NotFound {
    message: "The resource server does not exist",
    code: Some("inexistent_resource_server"),
};

/// Creates an API.
///
/// # Errors
/// `Invalid…` for a wrong body, `Conflict` when the identifier is taken.
pub async fn create(admin: &TenantAdmin, body: JsonObject) -> Result<ResourceServer, ServiceError> {
    create_as(admin, admin.ids().resource_server_id(), body).await
}

/// Creates an API that has its identifier already.
pub(super) async fn create_as(
    admin: &TenantAdmin,
    id: ResourceServerId,
    body: JsonObject,
) -> Result<ResourceServer, ServiceError> {
    let now = admin.now();
    let mut fields = Fields::new(body);
    let identifier = fields.required("identifier", identifier)?;
    if identifier == admin.tenant().userinfo_audience() {
        return Err(ServiceError::Conflict(format!(
            "`{identifier}` is the tenant's own /userinfo endpoint"
        )));
    }
    if identifier.starts_with(OWN_ISSUER) {
        return Err(Problem::new(format!(
            "`{OWN_ISSUER}` stands for the tenant's issuer in an export; write the issuer itself"
        ))
        .under("identifier")
        .into());
    }
    let mut api = ResourceServer {
        id,
        name: identifier.chars().take(NAME_CHARS_MAX).collect(),
        identifier,
        scopes: Vec::new(),
        signing_algorithm: SigningAlgorithm::default(),
        signing_secret: None,
        token_lifetime_s: TOKEN_LIFETIME_S,
        allow_offline_access: false,
        enforce_policies: false,
        token_dialect: TokenDialect::default(),
        is_system: false,
        created_at: now,
        updated_at: now,
    };
    apply(admin, &mut api, fields)?;
    admin.publish_key(api.signing_algorithm).await?;
    admin.store().create_resource_server(&api).await?;
    Ok(api)
}

/// One API, by its `id` or its identifier.
///
/// # Errors
/// `NotFound`.
pub async fn get(admin: &TenantAdmin, key: &str) -> Result<ResourceServer, ServiceError> {
    if let Ok(id) = key.parse::<ResourceServerId>()
        && let Some(api) = admin.store().resource_server(&id).await?
    {
        return Ok(api);
    }
    admin
        .store()
        .resource_server_by_identifier(key)
        .await?
        .ok_or(NO_API)
}

/// APIs in the order of their identifiers, those with one of `identifiers` only when there
/// are any, and how many they are.
///
/// # Errors
/// When they can't be read.
pub async fn list_all(
    admin: &TenantAdmin,
    identifiers: &[String],
    page: Page,
) -> Result<(Vec<ResourceServer>, usize), ServiceError> {
    if identifiers.is_empty() {
        return Ok(admin.store().resource_servers(page).await?);
    }
    let mut found = Vec::new();
    for identifier in BTreeSet::from_iter(identifiers) {
        let api = admin.store().resource_server_by_identifier(identifier);
        found.extend(api.await?);
    }
    Ok(page.of(found))
}

/// Changes an API, by its `id` or its identifier, which itself never changes.
///
/// # Errors
/// `NotFound`; `Invalid…` for a wrong body or the server's own API.
pub async fn patch(
    admin: &TenantAdmin,
    key: &str,
    body: JsonObject,
) -> Result<ResourceServer, ServiceError> {
    let before = get(admin, key).await?;
    let mut after = before.clone();
    apply(admin, &mut after, Fields::new(body))?;
    if after == before {
        // Also of the server's own, which tools send back as they read it.
        return Ok(before);
    }
    must_not_be_system(&before)?;
    after.updated_at = admin.now();
    admin.publish_key(after.signing_algorithm).await?;
    admin
        .store()
        .update_resource_server(&before, &after)
        .await?;
    Ok(after)
}

/// Deletes an API, by its `id` or its identifier, and the client grants for it; one
/// that isn't there is no error.
///
/// # Errors
/// `Invalid…` for the server's own API, `Conflict` for the tenant's default audience.
pub async fn delete(admin: &TenantAdmin, key: &str) -> Result<(), ServiceError> {
    match get(admin, key).await {
        Ok(api) => {
            must_not_be_system(&api)?;
            let default_audience = settings::get(admin).default_audience;
            if default_audience.as_deref() == Some(api.identifier.as_str()) {
                return Err(ServiceError::Conflict(format!(
                    "`{}` is the tenant's default_audience; change that setting first",
                    api.identifier
                )));
            }
            Ok(admin.store().delete_resource_server(&api.id).await?)
        }
        Err(ServiceError::NotFound { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// What create and patch have in common.
fn apply(
    admin: &TenantAdmin,
    api: &mut ResourceServer,
    mut fields: Fields,
) -> Result<(), ServiceError> {
    fields.set("name", &mut api.name, text(1..=NAME_CHARS_MAX))?;
    fields.set("scopes", &mut api.scopes, scopes)?;
    fields.set(
        "signing_alg",
        &mut api.signing_algorithm,
        one_of(&ALGORITHMS),
    )?;
    fields.set(
        "token_lifetime",
        &mut api.token_lifetime_s,
        integer(1..=TOKEN_LIFETIME_S_MAX),
    )?;
    let for_web = fields.optional("token_lifetime_for_web", integer(1..=TOKEN_LIFETIME_S_MAX))?;
    if for_web.is_some_and(|for_web| for_web != api.token_lifetime_s) {
        let what = "tokens of web pages live as long as others: it must be what token_lifetime is";
        return Err(Problem::new(what).under("token_lifetime_for_web").into());
    }
    fields.set("allow_offline_access", &mut api.allow_offline_access, flag)?;
    fields.set("enforce_policies", &mut api.enforce_policies, flag)?;
    fields.set("token_dialect", &mut api.token_dialect, one_of(&DIALECTS))?;
    let secret = |value| text(SECRET_CHARS_MIN..=SECRET_CHARS_MAX)(value).map(Secret::new);
    let secret = fields.optional("signing_secret", secret)?;
    fields.finish()?;

    let is_hs256 = api.signing_algorithm == SigningAlgorithm::HS256;
    if !is_hs256 && secret.is_some() {
        return Err(
            Problem::new("only an API with signing_alg HS256 has a secret")
                .under("signing_secret")
                .into(),
        );
    }
    api.signing_secret = match (secret, api.signing_secret.take()) {
        _ if !is_hs256 => None,
        (Some(given), _) => Some(given),
        (None, Some(present)) => Some(present),
        (None, None) => Some(admin.ids().client_secret()),
    };
    Ok(())
}

fn must_not_be_system(api: &ResourceServer) -> Result<(), ServiceError> {
    if api.is_system {
        return Err(ServiceError::InvalidWithCode {
            message: "The Management API is the server's own; it can't be changed or deleted."
                .to_owned(),
            code: "operation_not_supported",
        });
    }
    Ok(())
}

fn identifier(value: Value) -> Read<String> {
    let visible = |text: &str| !text.chars().any(|c| c.is_control() || c.is_whitespace());
    text_where(
        1..=IDENTIFIER_CHARS_MAX,
        visible,
        "an identifier has no white space",
    )(value)
}

fn scopes(value: Value) -> Read<Vec<Scope>> {
    let scope = object(|fields| {
        let hint = "a scope has printable ASCII characters other than space, \" and \\";
        Ok(Scope {
            value: fields.required(
                "value",
                text_where(1..=SCOPE_TOKEN_BYTES_MAX, is_scope_token, hint),
            )?,
            description: fields.optional("description", text(0..=DESCRIPTION_CHARS_MAX))?,
        })
    });
    let scopes = list(0..=SCOPES_MAX, scope)(value)?;
    let mut seen = std::collections::HashSet::new();
    for (index, scope) in scopes.iter().enumerate() {
        if !seen.insert(scope.value.as_str()) {
            return Err(Problem::new("it stands in the list twice").under(&format!("[{index}]")));
        }
    }
    Ok(scopes)
}
