//! The record of a run of a trigger.

use std::sync::Arc;

use claimsmith_claims::SealedClaims;
use claimsmith_model::{
    AdmittedClaim, ClientId, ExecutionId, ExecutionOutcome, ExecutionRecord, GrantType,
    RequestOrigin, Timestamp, TokenKind, UserId,
};

use super::{TriggerResult, Verdict};

/// What a record needs beside the trigger's result.
#[derive(Debug)]
pub(crate) struct RecordFacts {
    pub(crate) client_id: ClientId,
    pub(crate) user_id: Option<UserId>,
    pub(crate) grant: GrantType,
    /// The run of the script that let the user in, where one did.
    pub(crate) login_execution_id: Option<ExecutionId>,
    pub(crate) ended_at: Timestamp,
}

/// What was really signed, or nothing when no token was issued.
#[derive(Debug, Default)]
pub(crate) struct Sealed<'a> {
    pub(crate) access_token: Option<&'a SealedClaims>,
    pub(crate) id_token: Option<&'a SealedClaims>,
    /// A refused claim ended the grant (`claims.on_refusal` is `fail`).
    pub(crate) refusal_failed: bool,
}

/// Makes the record.
pub(crate) fn record(
    result: TriggerResult,
    sealed: &Sealed<'_>,
    facts: RecordFacts,
) -> Arc<ExecutionRecord> {
    let admitted = admitted(sealed);
    Arc::new(ExecutionRecord {
        id: result.execution_id,
        trigger: result.trigger.into(),
        client_id: Some(facts.client_id),
        user_id: facts.user_id,
        grant_type: Some(facts.grant.as_str().to_owned()),
        origin: RequestOrigin::of_event(Arc::unwrap_or_clone(result.event)),
        outcome: outcome(result.verdict, sealed),
        runs: result.runs,
        script: None,
        login_execution_id: facts.login_execution_id,
        admitted,
        refused: result.refused,
        warnings: result.warnings,
        started_at: result.started_at,
        ended_at: facts.ended_at,
    })
}

/// What the run came to.
pub(crate) fn outcome(verdict: Verdict, sealed: &Sealed<'_>) -> ExecutionOutcome {
    match verdict {
        Verdict::Proceed if sealed.refusal_failed => ExecutionOutcome::ClaimRefused,
        Verdict::Proceed => ExecutionOutcome::Issued,
        Verdict::Denied(denial) => ExecutionOutcome::Denied(denial),
        Verdict::Failed => ExecutionOutcome::Failed,
        Verdict::GrantEnded => ExecutionOutcome::GrantEnded,
        Verdict::HostFailed => ExecutionOutcome::HostFailed,
    }
}

/// The custom claims that were signed.
pub(crate) fn admitted(sealed: &Sealed<'_>) -> Vec<AdmittedClaim> {
    let signed = |token, claims: Option<&SealedClaims>| -> Vec<AdmittedClaim> {
        claims
            .map(|claims| claims.admitted().map(|claim| claim.record(token)).collect())
            .unwrap_or_default()
    };
    let mut admitted = signed(TokenKind::AccessToken, sealed.access_token);
    admitted.extend(signed(TokenKind::IdToken, sealed.id_token));
    admitted
}
