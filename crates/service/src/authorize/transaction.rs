//! A request that waits for the user: sealed into the form of a page, so that a request
//! of somebody who hasn't logged in leaves nothing here.
//!
//! The form is good for the browser that it was given to, which has a cookie of 256
//! random bits: nobody can make another's browser log in, or agree, by a form of their
//! own.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use claimsmith_model::{JsonObject, Secret, SessionId, Timestamp};
use claimsmith_oauth::AuthorizationRequest;
use serde::{Deserialize, Serialize};

use super::{AuthorizeService, PageError, Visit};
use crate::{ServiceError, SessionSecret};

/// How long a page waits for its user, in seconds.
const WAITING_S: i64 = 3_600;
/// What the sealed texts are for.
const PURPOSE: &str = "authorize";

/// A request that waits for the user.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Transaction {
    parameters: JsonObject,
    id_token_hint: Option<Secret>,
    /// What the user is asked.
    pub(super) step: Step,
    /// The SHA-256 of the browser's cookie, in base64url.
    browser: String,
    expires_at: Timestamp,
}

/// What the user is asked.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Step {
    /// To log in.
    Login,
    /// To agree.
    Consent(AskedConsent),
}

/// What the user is asked to agree to.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct AskedConsent {
    /// The session that the user is asked in.
    pub(super) session_id: SessionId,
    /// Whether the user logged in for this request.
    pub(super) is_fresh: bool,
    /// The scopes that the page shows.
    pub(super) scope: Vec<String>,
    /// The API that they belong to.
    pub(super) audience: Option<String>,
}

impl Transaction {
    /// The request as it came.
    pub(super) fn request(&self) -> Option<AuthorizationRequest> {
        let request = AuthorizationRequest::from_parameters(self.parameters.clone());
        request.ok().map(|request| AuthorizationRequest {
            id_token_hint: self.id_token_hint.clone(),
            ..request
        })
    }
}

impl AuthorizeService {
    /// Seals a request for a page. Answers the text, and the cookie that it is good with:
    /// the browser's own, so that pages in several tabs stay good.
    pub(super) fn seal_transaction(
        &self,
        visit: &Visit<'_>,
        request: &AuthorizationRequest,
        step: Step,
    ) -> Result<(String, SessionSecret), ServiceError> {
        let services = self.services();
        let own = visit.browser.binding.clone();
        let binding = own.unwrap_or_else(|| SessionSecret::generate(&services.ids));
        let transaction = Transaction {
            parameters: request.parameters.clone(),
            id_token_hint: request.id_token_hint.clone(),
            step,
            browser: hash(&binding),
            expires_at: visit.now.plus_seconds(WAITING_S),
        };
        let tenant = &visit.context.tenant.id;
        let sealed = services.states.seal(tenant, PURPOSE, &transaction)?;
        Ok((sealed, binding))
    }

    /// Opens what a form brought back.
    pub(super) fn open_transaction(
        &self,
        visit: &Visit<'_>,
        state: &str,
    ) -> Result<Transaction, PageError> {
        let tenant = &visit.context.tenant.id;
        let opened: Option<Transaction> = self.services().states.open(tenant, PURPOSE, state);
        let binding = visit.browser.binding.as_ref().map(hash);
        opened
            .filter(|transaction| {
                visit.now < transaction.expires_at
                    && binding.is_some_and(|binding| {
                        let (ours, given) = (transaction.browser.as_bytes(), binding.as_bytes());
                        verify_slices_are_equal(ours, given).is_ok()
                    })
            })
            .ok_or(PageError::Expired)
    }
}

fn hash(secret: &SessionSecret) -> String {
    URL_SAFE_NO_PAD.encode(secret.sha256())
}
