//! Client authentication (RFC 6749 section 2.3, OpenID Connect Core section 9).

use std::sync::Arc;

use aws_lc_rs::{constant_time::verify_slices_are_equal, digest};
use claimsmith_keys::{AssertionError, ExpectedAssertion, unverified_subject, verify_assertion};
use claimsmith_model::{Client, ClientId, Secret, TokenEndpointAuthMethod};
use claimsmith_oauth::{ClientParameters, JWT_BEARER};

use super::{TokenEndpointError, TokenService};
use crate::{TenantContext, configuration::Configuration};

/// What a client gave in the `Authorization: Basic` header.
#[derive(Debug, Clone)]
pub struct ClientCredentials {
    /// The `client_id`.
    pub client_id: String,
    /// The `client_secret`.
    pub client_secret: Secret,
}

/// The proof that came along.
enum Proof<'a> {
    /// Nothing: a public client, or somebody who pretends to be another one.
    None,
    Secret(&'a Secret),
    /// A signed JWT.
    Assertion(&'a Secret),
}

impl TokenService {
    /// The client that the request comes from.
    ///
    /// A client with a secret may give it in the header or in the body, whatever its
    /// `token_endpoint_auth_method` says: it is the same proof, and libraries differ in
    /// what they send. A client with `private_key_jwt` is known by its assertions alone, and
    /// a public one by its `client_id`. More than one way at once is an error
    /// (RFC 6749 section 2.3).
    pub(super) async fn authenticate(
        &self,
        context: &TenantContext,
        configuration: &Configuration<'_>,
        header: Option<&ClientCredentials>,
        body: &ClientParameters,
    ) -> Result<Arc<Client>, TokenEndpointError> {
        let (id, proof) = presented(header, body)?;
        let id: ClientId = id.parse().map_err(|_| TokenEndpointError::InvalidClient)?;
        let client = configuration.client(&id).await?;
        let client = client.ok_or(TokenEndpointError::InvalidClient)?;
        match (client.token_endpoint_auth_method, proof) {
            (TokenEndpointAuthMethod::None, Proof::None | Proof::Secret(_)) => Ok(client),
            (
                TokenEndpointAuthMethod::ClientSecretPost
                | TokenEndpointAuthMethod::ClientSecretBasic,
                Proof::Secret(secret),
            ) if is_same_secret(secret.expose(), &client.client_secret) => Ok(client),
            (TokenEndpointAuthMethod::PrivateKeyJwt, Proof::Assertion(assertion)) => {
                self.verify(context, &client, assertion).await?;
                Ok(client)
            }
            _ => Err(TokenEndpointError::InvalidClient),
        }
    }

    /// Verifies an assertion, and sees to it that it is good once.
    async fn verify(
        &self,
        context: &TenantContext,
        client: &Client,
        assertion: &Secret,
    ) -> Result<(), TokenEndpointError> {
        let issuer = context.tenant.issuer.as_str();
        let expected = ExpectedAssertion {
            client_id: client.client_id.as_str(),
            audiences: &[issuer, &format!("{issuer}oauth/token")],
            now: self.services.environment.clock.now(),
        };
        let verified = verify_assertion(&client.credentials, assertion.expose(), &expected);
        let verified = verified.map_err(|error| match error {
            AssertionError::NotSigned => TokenEndpointError::InvalidClient,
            AssertionError::Claim(text) => TokenEndpointError::InvalidAssertion(text),
        })?;
        let once = format!("{}\n{}", client.client_id, verified.jti);
        let store = &context.store;
        if store
            .use_once("client_assertion", &once, verified.ends_at)
            .await?
        {
            Ok(())
        } else {
            Err(TokenEndpointError::InvalidAssertion(
                "it was used already: each request needs one with a jti of its own",
            ))
        }
    }
}

/// The client that a request says it comes from, be it right or not.
#[must_use]
pub fn named_client(
    header: Option<&ClientCredentials>,
    body: &ClientParameters,
) -> Option<ClientId> {
    let in_header = header.map(|credentials| credentials.client_id.clone());
    let in_assertion = || unverified_subject(body.client_assertion.as_ref()?.expose());
    let named = in_header.or_else(|| body.client_id.clone());
    named.or_else(in_assertion)?.parse().ok()
}

/// Who the client says that it is, and by what.
fn presented<'a>(
    header: Option<&'a ClientCredentials>,
    body: &'a ClientParameters,
) -> Result<(String, Proof<'a>), TokenEndpointError> {
    let invalid = |text: &str| Err(TokenEndpointError::InvalidRequest(text.to_owned()));
    if let Some(assertion) = &body.client_assertion {
        if header.is_some() || body.client_secret.is_some() {
            return invalid("give client_assertion or a client_secret, not both");
        }
        if body.client_assertion_type.as_deref() != Some(JWT_BEARER) {
            return invalid(&format!("client_assertion_type must be {JWT_BEARER}"));
        }
        let subject = unverified_subject(assertion.expose());
        let subject = subject.ok_or(TokenEndpointError::InvalidClient)?;
        if body.client_id.as_ref().is_some_and(|id| *id != subject) {
            return invalid("client_id differs from the sub of client_assertion");
        }
        return Ok((subject, Proof::Assertion(assertion)));
    }
    if let Some(header) = header {
        if body.client_secret.is_some() {
            return invalid(
                "give client_secret in the Authorization header or in the body, not in both",
            );
        }
        if body
            .client_id
            .as_ref()
            .is_some_and(|id| *id != header.client_id)
        {
            return invalid("client_id differs from the one in the Authorization header");
        }
        return Ok((
            header.client_id.clone(),
            Proof::Secret(&header.client_secret),
        ));
    }
    let id = body.client_id.clone();
    let id = id.ok_or(TokenEndpointError::NoClientAuthentication)?;
    let secret = body.client_secret.as_ref();
    Ok((id, secret.map_or(Proof::None, Proof::Secret)))
}

/// Compares a given secret with the right one, in a time that tells neither how
/// long nor how alike they are.
#[must_use]
pub fn is_same_secret(given: &str, right: &Secret) -> bool {
    let hash = |text: &str| digest::digest(&digest::SHA256, text.as_bytes());
    verify_slices_are_equal(hash(given).as_ref(), hash(right.expose()).as_ref()).is_ok()
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use claimsmith_model::Secret;

    use super::*;

    #[test]
    fn a_request_names_its_client_in_the_header_the_body_or_an_assertion_alone() {
        let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
        let assertion = format!(
            "{}.{}.c2ln",
            part(r#"{"alg":"ES256"}"#),
            part(r#"{"sub":"by-assertion"}"#)
        );
        let header = ClientCredentials {
            client_id: "by-header".to_owned(),
            client_secret: Secret::new("secret"),
        };
        let body = |client_id: Option<&str>, assertion: Option<&str>| ClientParameters {
            client_id: client_id.map(str::to_owned),
            client_assertion: assertion.map(Secret::new),
            ..ClientParameters::default()
        };
        let named = |header: Option<&ClientCredentials>, body: &ClientParameters| {
            named_client(header, body).map(|client| client.to_string())
        };

        let by_assertion = body(None, Some(&assertion));
        assert_eq!(named(None, &by_assertion).as_deref(), Some("by-assertion"));
        let both = body(Some("by-body"), Some(&assertion));
        assert_eq!(named(None, &both).as_deref(), Some("by-body"));
        assert_eq!(named(Some(&header), &both).as_deref(), Some("by-header"));
        assert_eq!(named(None, &body(None, Some("no assertion"))), None);
        assert_eq!(named(None, &body(None, None)), None);
    }
}
