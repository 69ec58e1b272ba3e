//! The custom claims of one token, as they are offered.

use std::{collections::BTreeMap, sync::Arc};

use claimsmith_model::{JsonObject, Refusal, RefusedClaim, TokenKind};
use serde_json::Value;

use crate::{
    CLAIMS_BYTES_MAX, CLAIMS_MAX, Policy, RefusalCode, SealedClaims, TokenContext, refused_claim,
    sealed::{AdmittedRef, Origin},
    spelling::shown,
    value::{self, Measure},
};

/// The custom claims offered for one token, judged one by one.
///
/// A name holds its last admitted write. A refused claim changes nothing. A clone is
/// independent of its original, and cheap while nothing has been admitted.
#[derive(Debug, Clone)]
pub struct Ledger {
    policy: Arc<Policy>,
    token: TokenContext,
    claims: BTreeMap<String, Admitted>,
    /// The sum of all `claim_bytes`; at most [`CLAIMS_BYTES_MAX`].
    bytes: usize,
}

/// A claim that was admitted.
#[derive(Debug, Clone)]
struct Admitted {
    value: Value,
    action: Box<str>,
    measure: Measure,
}

impl Ledger {
    pub(crate) const fn new(policy: Arc<Policy>, token: TokenContext) -> Self {
        Self {
            policy,
            token,
            claims: BTreeMap::new(),
            bytes: 0,
        }
    }

    /// What was offered so far, leaving nothing behind.
    #[must_use]
    pub fn take(&mut self) -> Self {
        let empty = Self::new(Arc::clone(&self.policy), self.token.clone());
        std::mem::replace(self, empty)
    }

    /// Offers a claim in the name of an Action. An admitted claim replaces an earlier
    /// one of the same name, whose size is free again.
    ///
    /// # Errors
    /// The refusal, with one of the codes of [`RefusalCode`]. What was admitted before
    /// stays, an earlier write of the same name too.
    pub fn offer(&mut self, action: &str, name: &str, value: &Value) -> Result<(), Refusal> {
        self.check_name(name)?;
        let measure = self.check_size(name, value)?;
        self.admit(action, name, value.clone(), measure);
        Ok(())
    }

    /// Offers a claim whose value is JSON text, as a guest writes it, and answers the
    /// parsed value. Whole numbers beyond 64 bits become floating point.
    ///
    /// # Errors
    /// As [`Ledger::offer`], and `invalid_value` when the text isn't one JSON value.
    pub fn offer_json(
        &mut self,
        action: &str,
        name: &str,
        value_json: &str,
    ) -> Result<Value, Refusal> {
        // The name first: it is cheap to check, and the weightier mistake.
        self.check_name(name)?;
        let value = value::parse(name, value_json)?;
        let measure = self.check_size(name, &value)?;
        self.admit(action, name, value.clone(), measure);
        Ok(value)
    }

    /// The admitted value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.claims.get(name).map(|claim| &claim.value)
    }

    /// The admitted names, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.claims.keys().map(String::as_str)
    }

    /// The admitted claims, in alphabetical order of their names.
    pub fn admitted(&self) -> impl Iterator<Item = AdmittedRef<'_>> {
        self.claims.iter().map(|(name, claim)| AdmittedRef {
            name,
            value: &claim.value,
            action: &claim.action,
            value_bytes: claim.measure.value_bytes,
        })
    }

    /// Which token the claims are for.
    #[must_use]
    pub const fn token(&self) -> TokenKind {
        self.token.kind
    }

    /// What the admitted claims take of [`CLAIMS_BYTES_MAX`], in bytes.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The authoritative check: judges the whole final set again, against the claims
    /// that the server really writes, and gives the only type from which a token can
    /// be signed. Claims refused here come back as the report's entries.
    #[must_use]
    pub fn seal(self, server_claims: JsonObject) -> (SealedClaims, Vec<RefusedClaim>) {
        let mut kept = Self::new(Arc::clone(&self.policy), self.token.clone());
        let mut refused = Vec::new();
        for (name, claim) in self.claims {
            let is_written = |folded: &str| {
                kept.is_server_claim(folded)
                    || server_claims
                        .keys()
                        .any(|written| written.eq_ignore_ascii_case(folded))
            };
            let verdict = kept
                .policy
                .check_name(&name, &kept.token, is_written)
                .and_then(|()| kept.check_size(&name, &claim.value));
            match verdict {
                Ok(measure) => {
                    kept.bytes += measure.claim_bytes;
                    kept.claims.insert(name, Admitted { measure, ..claim });
                }
                Err(refusal) => {
                    refused.push(refused_claim(
                        kept.token.kind,
                        &claim.action,
                        &name,
                        refusal,
                    ));
                }
            }
        }
        let mut custom = JsonObject::with_capacity(kept.claims.len());
        let mut origins = Vec::with_capacity(kept.claims.len());
        for (name, claim) in kept.claims {
            custom.insert(name, claim.value);
            origins.push(Origin {
                action: claim.action,
                value_bytes: claim.measure.value_bytes,
            });
        }
        (SealedClaims::new(server_claims, custom, origins), refused)
    }

    fn check_name(&self, name: &str) -> Result<(), Refusal> {
        self.policy
            .check_name(name, &self.token, |folded| self.is_server_claim(folded))
    }

    fn is_server_claim(&self, folded: &str) -> bool {
        self.token
            .server_claims
            .iter()
            .any(|written| written.eq_ignore_ascii_case(folded))
    }

    /// Whether there is room for the claim in place of an earlier one of its name.
    fn check_size(&self, name: &str, value: &Value) -> Result<Measure, Refusal> {
        let earlier = self.claims.get(name);
        if earlier.is_none() && self.claims.len() >= CLAIMS_MAX {
            return Err(RefusalCode::TooManyClaims.because(
                format!(
                    "`{}` would be one more than the {CLAIMS_MAX} custom claims that a {} may have",
                    shown(name),
                    self.token.kind
                ),
                "put related values into one claim, as an object or an array",
            ));
        }
        let taken = self.bytes - earlier.map_or(0, |claim| claim.measure.claim_bytes);
        let left = CLAIMS_BYTES_MAX.saturating_sub(taken);
        value::measure(name, value, left)?.ok_or_else(|| {
            RefusalCode::TokenTooLarge.because(
                format!(
                    "`{}` needs more than the {left} bytes that are left of the {CLAIMS_BYTES_MAX} for the custom claims of the {}",
                    shown(name),
                    self.token.kind
                ),
                "put less into the token, such as an identifier by which the API finds the rest",
            )
        })
    }

    fn admit(&mut self, action: &str, name: &str, value: Value, measure: Measure) {
        self.bytes += measure.claim_bytes;
        let admitted = Admitted {
            value,
            action: action.into(),
            measure,
        };
        if let Some(earlier) = self.claims.get_mut(name) {
            self.bytes -= earlier.measure.claim_bytes;
            *earlier = admitted;
        } else {
            self.claims.insert(name.to_owned(), admitted);
        }
    }
}
