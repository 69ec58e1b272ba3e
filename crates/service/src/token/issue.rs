//! From a trigger's result to signed tokens.

use std::sync::Arc;

use claimsmith_claims::SealedClaims;
use claimsmith_keys::{KeySet, TokenType, sign_hs256};
use claimsmith_model::{
    Client, JsonObject, OnRefusal, ResourceServer, SigningAlgorithm, TokenDialect, TokenKind,
};

use super::{Refused, TokenEndpointError, TokenService};
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
pub(crate) const ID_TOKEN_CLAIMS: [&str; 8] = [
    "iss", "sub", "aud", "iat", "exp", "nonce", "org_id", "org_name",
];

/// The tokens' claims, checked and ready to sign.
pub(super) struct Checked {
    pub(super) access_token: SealedClaims,
    pub(super) id_token: Option<SealedClaims>,
}

impl TokenService {
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
        }
    }

    /// Ends a trigger's run that the server could not complete: writes its record,
    /// answers with its identifier.
    pub(super) fn fail(
        &self,
        context: &TenantContext,
        result: TriggerResult,
        facts: RecordFacts,
        error: impl Into<TokenEndpointError>,
    ) -> Refused {
        let execution_id = result.execution_id.clone();
        let result = TriggerResult {
            verdict: Verdict::HostFailed,
            ..result
        };
        self.write_record(context, result, &Sealed::default(), facts);
        Refused {
            error: error.into(),
            execution_id: Some(execution_id),
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
        let (access_token, mut refused) = result.access_token.clone().seal(access_token);
        let id_token = id_token.map(|claims| {
            let (sealed, refused_late) = result.id_token.clone().seal(claims);
            refused.extend(refused_late);
            sealed
        });
        result.has_refusal |= !refused.is_empty();
        result.refused.extend(refused);
        let on_refusal = context.tenant.settings.claims.on_refusal;
        if on_refusal == OnRefusal::Fail && result.has_refusal {
            return Err(());
        }
        Ok(Checked {
            access_token,
            id_token,
        })
    }

    pub(super) fn write_record(
        &self,
        context: &TenantContext,
        result: TriggerResult,
        sealed: &Sealed<'_>,
        facts: RecordFacts,
    ) {
        let record = record(result, sealed, facts);
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
        let keys = self.keys(context, api.signing_algorithm).await?;
        keys.sign(api.signing_algorithm, typ, claims).map_err(host)
    }

    /// Signs an ID token as its client, or else the tenant, wants it.
    pub(super) async fn sign_id_token(
        &self,
        context: &TenantContext,
        client: &Client,
        claims: &SealedClaims,
    ) -> Result<String, TokenEndpointError> {
        let algorithm = client
            .id_token_signing_algorithm
            .unwrap_or(context.tenant.settings.signing_algorithm);
        let keys = self.keys(context, algorithm).await?;
        keys.sign(algorithm, TokenType::Jwt, claims).map_err(host)
    }

    async fn keys(
        &self,
        context: &TenantContext,
        algorithm: SigningAlgorithm,
    ) -> Result<Arc<KeySet>, TokenEndpointError> {
        Ok(context.keys(algorithm, &self.services.environment).await?)
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
