//! From a trigger's result to signed tokens.

use std::sync::Arc;

use claimsmith_claims::{Ledger, SealedClaims};
use claimsmith_keys::{TokenType, sign_hs256};
use claimsmith_model::{
    Client, JsonObject, OnRefusal, Organization, RefusedClaim, ResourceServer, SigningAlgorithm,
    Timestamp, TokenDialect, TokenKind,
};
use serde_json::{Value, json};

use super::{Refused, TokenEndpointError, TokenService, login::Checked};
use crate::{
    TenantContext,
    pipeline::{RecordFacts, Sealed, TriggerResult, Verdict, record},
};

/// The claims that this server may write into an access token.
pub(crate) const ACCESS_TOKEN_CLAIMS: [&str; 13] = [
    "iss",
    "sub",
    "aud",
    "iat",
    "exp",
    "azp",
    "scope",
    "gty",
    "permissions",
    "org_id",
    "org_name",
    "jti",
    "client_id",
];

/// The claims that this server may write into every ID token; profile claims come
/// by scope.
pub(crate) const ID_TOKEN_CLAIMS: [&str; 12] = [
    "iss",
    "sub",
    "aud",
    "iat",
    "exp",
    "nonce",
    "auth_time",
    "sid",
    "at_hash",
    "c_hash",
    "org_id",
    "org_name",
];

/// What the server's own claims of an access token are made from.
pub(super) struct AccessTokenFacts<'a> {
    pub(super) subject: &'a str,
    pub(super) audience: Value,
    pub(super) client: &'a Client,
    /// The grant, as the reference product names it in `gty`; the authorization code
    /// grant has none.
    pub(super) gty: Option<&'static str>,
    pub(super) scope: &'a [String],
    /// What `permissions` holds where the API wants that claim.
    pub(super) permissions: &'a [String],
    pub(super) organization: Option<&'a Organization>,
}

impl TokenService {
    /// The claims that the server writes into an access token: those of the reference
    /// product, or of RFC 9068 section 2.2.
    pub(super) fn access_token_claims(
        &self,
        context: &TenantContext,
        api: &ResourceServer,
        facts: AccessTokenFacts<'_>,
        now: Timestamp,
    ) -> JsonObject {
        let now_s = now.as_seconds();
        let client_id = &facts.client.client_id;
        let mut claims = JsonObject::new();
        claims.insert("iss".into(), json!(context.tenant.issuer));
        claims.insert("sub".into(), json!(facts.subject));
        claims.insert("aud".into(), facts.audience);
        claims.insert("iat".into(), json!(now_s));
        claims.insert("exp".into(), json!(now_s + i64::from(api.token_lifetime_s)));
        if !facts.scope.is_empty() {
            claims.insert("scope".into(), json!(facts.scope.join(" ")));
        }
        insert_organization(&mut claims, facts.organization);
        match api.token_dialect {
            TokenDialect::AccessToken | TokenDialect::AccessTokenAuthz => {
                if let Some(gty) = facts.gty {
                    claims.insert("gty".into(), json!(gty));
                }
                claims.insert("azp".into(), json!(client_id));
            }
            TokenDialect::Rfc9068Profile | TokenDialect::Rfc9068ProfileAuthz => {
                claims.insert("client_id".into(), json!(client_id));
                claims.insert("jti".into(), json!(self.services.ids.token()));
            }
        }
        if matches!(
            api.token_dialect,
            TokenDialect::AccessTokenAuthz | TokenDialect::Rfc9068ProfileAuthz
        ) {
            claims.insert("permissions".into(), json!(facts.permissions));
        }
        claims
    }

    /// Ends a trigger's run that gives no token: writes its record, answers why.
    pub(super) fn refuse(
        &self,
        context: &TenantContext,
        result: TriggerResult,
        facts: RecordFacts,
    ) -> Refused {
        let execution_id = result.execution_id.clone();
        let error = match &result.verdict {
            Verdict::Denied(denial) => TokenEndpointError::Denied(denial.clone()),
            Verdict::Failed => TokenEndpointError::ActionFailed(execution_id.clone()),
            Verdict::GrantEnded => TokenEndpointError::InvalidRefreshToken,
            Verdict::HostFailed => TokenEndpointError::Host("an Action could not be run".into()),
            Verdict::Proceed => TokenEndpointError::ClaimRefused(execution_id.clone()),
        };
        let sealed = Sealed {
            refusal_failed: true,
            ..Sealed::default()
        };
        self.write_record(context, result, &sealed, facts);
        Refused {
            error,
            execution_id: Some(execution_id),
            client: None,
            claimed_client_id: None,
            user_id: None,
        }
    }

    /// Ends a trigger's run after which no token could be given: writes its record,
    /// answers with its identifier. The record says whose fault that was, as the answer
    /// does.
    pub(crate) fn fail(
        &self,
        context: &TenantContext,
        result: TriggerResult,
        facts: RecordFacts,
        error: impl Into<TokenEndpointError>,
    ) -> Refused {
        let execution_id = result.execution_id.clone();
        let error = error.into();
        let verdict = if error.is_servers() {
            Verdict::HostFailed
        } else {
            Verdict::GrantEnded
        };
        let result = TriggerResult { verdict, ..result };
        self.write_record(context, result, &Sealed::default(), facts);
        Refused {
            error,
            execution_id: Some(execution_id),
            client: None,
            claimed_client_id: None,
            user_id: None,
        }
    }

    /// Seals the claims, each token's own with those of the Actions. `Err` when the
    /// tenant wants no token after a refusal.
    pub(super) fn seal(
        context: &TenantContext,
        result: &mut TriggerResult,
        access_token: JsonObject,
        id_token: Option<JsonObject>,
    ) -> Result<Checked, ()> {
        let ledgers = (result.access_token.take(), result.id_token.take());
        let (checked, refused) = seal(ledgers, access_token, id_token);
        result.has_refusal |= !refused.is_empty();
        result.refused.extend(refused);
        let on_refusal = context.tenant.settings.claims.on_refusal;
        if on_refusal == OnRefusal::Fail && result.has_refusal {
            return Err(());
        }
        Ok(checked)
    }

    pub(super) fn write_record(
        &self,
        context: &TenantContext,
        result: TriggerResult,
        sealed: &Sealed<'_>,
        facts: RecordFacts,
    ) {
        let record = record(result, sealed, facts);
        self.services.metrics.trigger_run(context, &record);
        self.services
            .environment
            .executions
            .record(&context.tenant.id, record);
    }

    /// Signs an access token as its API wants it.
    pub(super) async fn sign_access_token(
        &self,
        context: &TenantContext,
        api: &ResourceServer,
        claims: &SealedClaims,
    ) -> Result<String, TokenEndpointError> {
        let typ = match api.token_dialect {
            TokenDialect::AccessToken | TokenDialect::AccessTokenAuthz => TokenType::Jwt,
            TokenDialect::Rfc9068Profile | TokenDialect::Rfc9068ProfileAuthz => {
                TokenType::AccessTokenJwt
            }
        };
        if api.signing_algorithm == SigningAlgorithm::HS256 {
            let secret = api.signing_secret.as_ref();
            let secret = secret
                .ok_or_else(|| TokenEndpointError::Host("an HS256 API has no secret".into()))?;
            return sign_hs256(secret, typ, claims).map_err(host);
        }
        let environment = &self.services.environment;
        let signed = context.sign(api.signing_algorithm, typ, claims, environment);
        Ok(signed.await?)
    }

    /// Signs an ID token as its client, or else the tenant, wants it.
    pub(crate) async fn sign_id_token(
        &self,
        context: &TenantContext,
        client: &Client,
        claims: &SealedClaims,
    ) -> Result<String, TokenEndpointError> {
        let algorithm = client
            .id_token_signing_algorithm
            .unwrap_or(context.tenant.settings.signing_algorithm);
        let environment = &self.services.environment;
        let signed = context.sign(algorithm, TokenType::Jwt, claims, environment);
        Ok(signed.await?)
    }
}

/// Seals what was offered for the access token and the ID token, each with the server's
/// own claims; answers what was refused, too.
pub(super) fn seal(
    (for_access_token, for_id_token): (Ledger, Ledger),
    access_token: JsonObject,
    id_token: Option<JsonObject>,
) -> (Checked, Vec<RefusedClaim>) {
    let (access_token, mut refused) = for_access_token.seal(access_token);
    let id_token = id_token.map(|claims| {
        let (sealed, refused_late) = for_id_token.seal(claims);
        refused.extend(refused_late);
        sealed
    });
    let checked = Checked {
        access_token,
        id_token,
    };
    (checked, refused)
}

/// Says in a token which organization the user logged in to.
pub(super) fn insert_organization(claims: &mut JsonObject, organization: Option<&Organization>) {
    if let Some(organization) = organization {
        claims.insert("org_id".into(), json!(organization.id));
        claims.insert("org_name".into(), json!(organization.name));
    }
}

/// Warns that claims of an access token are not to be seen, because it is opaque.
pub(super) fn warn_if_opaque(result: &mut TriggerResult) {
    let names: Vec<&str> = result.access_token.names().take(10).collect();
    if names.is_empty() {
        return;
    }
    let message = format!(
        "The request asked for no audience, so the access token is opaque and can't show {}.",
        names.join(", ")
    );
    result.warnings.push(claimsmith_model::Warning {
        code: "opaque_access_token".to_owned(),
        message,
        remedy: "Ask for an audience, or give the tenant a default_audience; or set the claims on \
                 the ID token."
            .to_owned(),
    });
}

fn host(error: claimsmith_keys::KeyError) -> TokenEndpointError {
    TokenEndpointError::Host(Box::new(error))
}

/// The claim policy's view of the two tokens.
pub(super) fn empty_ledger(context: &TenantContext, kind: TokenKind) -> claimsmith_claims::Ledger {
    context.policy.ledger(claimsmith_claims::TokenContext {
        kind,
        server_claims: Arc::new([]),
        own_api: false,
        scopes: Arc::new([]),
    })
}
