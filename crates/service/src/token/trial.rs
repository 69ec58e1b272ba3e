//! Trying out an Action: what a token would hold, with nothing issued and nothing kept.

use std::sync::Arc;

use claimsmith_claims::TokenContext;
use claimsmith_model::{
    ActionRun, AdmittedClaim, Command, Event, EventUser, ExecutionOutcome, JsonObject,
    RefusedClaim, Timestamp, TokenKind, Trigger, Warning,
};
use claimsmith_oauth::USER_CLAIMS;

use super::{
    TokenService,
    issue::{ACCESS_TOKEN_CLAIMS, ID_TOKEN_CLAIMS, warn_if_opaque},
};
use crate::{
    ServiceError, TenantContext,
    pipeline::{self, Bindings, Sealed, TriggerInput, Verdict, admitted, outcome},
};

/// What came of a trial.
#[derive(Debug, Clone)]
pub struct Trial {
    /// What a token request would have come to.
    pub outcome: ExecutionOutcome,
    /// The Action's part in it.
    pub run: ActionRun,
    /// The custom claims that the tokens would hold.
    pub admitted: Vec<AdmittedClaim>,
    /// The claims that they would not, with reason and remedy.
    pub refused: Vec<RefusedClaim>,
    /// The scopes that the access token would have.
    pub scopes: Vec<String>,
    /// What later Actions would find in the transaction.
    pub transaction_metadata: JsonObject,
    /// What would be done beside that.
    pub commands: Vec<Command>,
    /// What the author should know although nothing failed.
    pub warnings: Vec<Warning>,
    /// When it began.
    pub started_at: Timestamp,
}

impl TokenService {
    /// Runs an Action with a given event as a token request would: by the same pipeline,
    /// under the same limits and the same claim policy. Calls to other hosts are made;
    /// the cache is a copy, and nothing is issued, stored or recorded.
    ///
    /// # Errors
    /// When too much runs already, or the tenant's configuration can't be read.
    pub(crate) async fn try_out(
        &self,
        context: &TenantContext,
        trigger: Trigger,
        bindings: &Bindings,
        mut event: Event,
    ) -> Result<Trial, ServiceError> {
        if event.transaction.target_scopes.is_empty() {
            // An event as the reference product has them knows only what was asked for.
            event.transaction.target_scopes = event.transaction.requested_scopes.clone();
        }
        let has_id_token = trigger == Trigger::PostLogin && has_openid(&event);
        let has_jwt = trigger == Trigger::CredentialsExchange || event.resource_server.is_some();
        let input = trial_input(context, trigger, event).await?;
        let environment = &self.services.environment;
        let cache = Arc::new(context.action_cache(trigger).copy());
        let ids = &self.services.ids;
        let run = pipeline::run_bound(context, environment, ids, bindings, &cache, input);
        let mut result = run.await?;

        if !has_jwt {
            warn_if_opaque(&mut result);
        }
        if !has_id_token {
            warn_of_missing_id_token(trigger, &mut result);
        }
        let id_token = has_id_token.then(JsonObject::new);
        let checked = match result.verdict {
            Verdict::Proceed => Some(Self::seal(
                context,
                &mut result,
                JsonObject::new(),
                id_token,
            )),
            _ => None,
        };
        let sealed = match &checked {
            Some(Ok(checked)) => Sealed {
                access_token: has_jwt.then_some(&checked.access_token),
                id_token: checked.id_token.as_ref(),
                refusal_failed: false,
            },
            Some(Err(())) => Sealed {
                refusal_failed: true,
                ..Sealed::default()
            },
            None => Sealed::default(),
        };
        let transaction = result.event.transaction.clone();
        let run = result.runs.pop();
        let run = run.ok_or_else(|| ServiceError::internal("nothing was there to be tried"))?;
        Ok(Trial {
            admitted: admitted(&sealed),
            outcome: outcome(result.verdict, &sealed),
            run,
            refused: result.refused,
            scopes: transaction.target_scopes,
            transaction_metadata: transaction.metadata,
            commands: result.commands,
            warnings: result.warnings,
            started_at: result.started_at,
        })
    }
}

/// What the event's own request would have put in.
async fn trial_input(
    context: &TenantContext,
    trigger: Trigger,
    event: Event,
) -> Result<TriggerInput, ServiceError> {
    let configuration = context.configuration().await?;
    let audience = event.resource_server.as_ref();
    let audience = audience.map(|api| api.identifier.as_str());
    let api = match audience {
        Some(audience) => configuration.api(audience).await?,
        None => None,
    };
    let granted = match (audience, event.client.client_id.parse()) {
        (Some(audience), Ok(client)) => configuration
            .grant(&client, audience)
            .await?
            .map(|grant| Arc::clone(&grant.scope)),
        _ => None,
    };
    // Without a client grant by that name, the event's own scopes are what can be had.
    let grant_scopes = match trigger {
        Trigger::CredentialsExchange => {
            granted.unwrap_or_else(|| Arc::from(event.transaction.target_scopes.as_slice()))
        }
        Trigger::PostLogin => Arc::new([]),
    };
    let scopes: Arc<[String]> = Arc::from(event.transaction.requested_scopes.as_slice());
    let ledger = |kind, server_claims, own_api| {
        context.policy.ledger(TokenContext {
            kind,
            server_claims,
            own_api,
            scopes: Arc::clone(&scopes),
        })
    };
    let own_api = api.is_some_and(|api| api.is_system);
    Ok(TriggerInput {
        trigger,
        access_token: ledger(
            TokenKind::AccessToken,
            Arc::new(ACCESS_TOKEN_CLAIMS),
            own_api,
        ),
        id_token: ledger(TokenKind::IdToken, id_token_claims(&event), false),
        grant_scopes,
        event,
    })
}

/// The names that the server would write into the ID token, those of the profile by scope.
fn id_token_claims(event: &Event) -> Arc<[&'static str]> {
    let by_scope = |name: &&str| {
        let scopes = event.transaction.target_scopes.iter();
        let mut names = scopes.flat_map(|scope| claimsmith_oauth::claims_for_scope(scope));
        names.any(|of_scope| of_scope == name)
    };
    let profile = USER_CLAIMS.into_iter().filter(by_scope).filter(|name| {
        let user = event.user.as_ref();
        user.is_some_and(|user| has_profile_claim(user, name))
    });
    ID_TOKEN_CLAIMS.into_iter().chain(profile).collect()
}

fn has_profile_claim(user: &EventUser, name: &str) -> bool {
    match name {
        "name" => user.name.is_some(),
        "given_name" => user.given_name.is_some(),
        "family_name" => user.family_name.is_some(),
        "nickname" => user.nickname.is_some(),
        "picture" => user.picture.is_some(),
        "updated_at" => true,
        "email" | "email_verified" => user.email.is_some(),
        "phone_number" => user.phone_number.is_some(),
        "phone_number_verified" => user.phone_verified.is_some(),
        _ => false,
    }
}

fn has_openid(event: &Event) -> bool {
    let scopes = &event.transaction.target_scopes;
    scopes.iter().any(|scope| scope == "openid")
}

/// Warns that claims of an ID token are not to be seen, because there would be none.
fn warn_of_missing_id_token(trigger: Trigger, result: &mut pipeline::TriggerResult) {
    let names: Vec<&str> = result.id_token.names().take(10).collect();
    if names.is_empty() {
        return;
    }
    let (why, remedy) = match trigger {
        Trigger::PostLogin => (
            "The event's scopes have no openid",
            "Put openid into the event's transaction.requested_scopes.",
        ),
        Trigger::CredentialsExchange => (
            "The client credentials grant gives no ID token",
            "Set the claims on the access token.",
        ),
    };
    result.warnings.push(Warning {
        code: "no_id_token".to_owned(),
        message: format!(
            "{why}, so there is no ID token that could show {}.",
            names.join(", ")
        ),
        remedy: remedy.to_owned(),
    });
}
