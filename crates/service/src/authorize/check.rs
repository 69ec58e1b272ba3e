//! What must be right about a request before anybody is asked anything.

use std::sync::Arc;

use claimsmith_keys::VerifiedClaims;
use claimsmith_model::{
    Client, Connection, GrantType, OrganizationUsage, Secret, SigningAlgorithm,
    TokenEndpointAuthMethod, UserId,
};
use claimsmith_oauth::{AuthorizationRequest, ResponseMode, ResponseType, Scopes};
use serde_json::Value;

use super::{
    AuthorizeError, AuthorizeService, Visit,
    target::{STATE_BYTES_MAX, Target, is_web},
};
use crate::{
    DATABASE_CONNECTION,
    connection::of_realm,
    token::{login::login_api, scopes, target::one_api},
};

/// The longest `nonce` in bytes: it is in the ID token.
const NONCE_BYTES_MAX: usize = 1_024;
/// The longest of the other parameters that are shown or looked up, in bytes.
const TEXT_BYTES_MAX: usize = 1_024;
/// The characters of an S256 challenge: SHA-256 in base64url (RFC 7636 section 4.2).
const CHALLENGE_CHARS: usize = 43;

/// A request of which everything is known to be right but the user.
#[derive(Debug)]
pub(super) struct CheckedRequest {
    pub(super) client: Arc<Client>,
    pub(super) redirect_uri: String,
    pub(super) target: Target,
    pub(super) response_type: ResponseType,
    pub(super) prompt: Prompt,
    /// The greatest age of the user's login, in seconds.
    pub(super) max_age_s: Option<i64>,
    /// Where the user logs in.
    pub(super) connection: Connection,
    /// Whether the request names the connection itself.
    pub(super) names_connection: bool,
    /// The API's identifier, from `audience` or `resource`.
    pub(super) audience: Option<String>,
    /// The user whom an ID token that the client has was given for.
    pub(super) hinted_user: Option<UserId>,
    pub(super) request: AuthorizationRequest,
}

/// What the user is to be asked (OpenID Connect Core section 3.1.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Prompt {
    /// Nothing at all.
    pub(super) none: bool,
    /// To log in, though they may be. The page takes any account, so `select_account` is
    /// that, too.
    pub(super) login: bool,
    /// To agree, though they may have.
    pub(super) consent: bool,
}

impl CheckedRequest {
    /// The grant that records name: what gives the first tokens.
    pub(super) fn grant(&self) -> GrantType {
        if self.response_type.code {
            GrantType::AuthorizationCode
        } else {
            GrantType::Implicit
        }
    }
}

impl AuthorizeService {
    /// Checks everything that doesn't depend on the user.
    pub(super) async fn check(
        &self,
        visit: &Visit<'_>,
        target: &Target,
        request: AuthorizationRequest,
    ) -> Result<CheckedRequest, AuthorizeError> {
        if let Some(repeated) = &request.repeated {
            return Err(AuthorizeError::invalid(format!(
                "the parameter {repeated} appears more than once; send it once"
            )));
        }
        if let Some(parameter) = request.unsupported {
            return Err(AuthorizeError::Unsupported(parameter));
        }
        let response_type = response_type(&target.client, &request)?;
        check_mode(target, response_type, &request)?;
        check_lengths(&request)?;
        check_challenge(&target.client, response_type, &request)?;
        let scopes = scopes(request.scope.as_deref())?;
        check_id_token(response_type, &scopes, &request)?;
        check_organization(&target.client, &request)?;
        let prompt = Prompt::parse(request.prompt.as_deref().unwrap_or_default())?;
        let max_age_s = request.max_age.as_deref().map(max_age).transpose()?;
        let audience = one_api(request.audience.as_deref(), &request.resources)?;
        login_api(visit.context, &visit.configuration, audience).await?;
        let audience = audience.map(str::to_owned);
        let connection = connection(visit, &request).await?;
        let hinted_user = match &request.id_token_hint {
            Some(hint) => Some(self.hinted_user(visit, &target.client, hint).await?),
            None => None,
        };
        Ok(CheckedRequest {
            client: Arc::clone(&target.client),
            redirect_uri: target.redirect_uri.clone(),
            target: target.clone(),
            response_type,
            prompt,
            max_age_s,
            connection,
            names_connection: request.connection.is_some(),
            audience,
            hinted_user,
            request,
        })
    }

    /// The user whom an ID token of ours was given for. One that has expired still says
    /// who that was.
    async fn hinted_user(
        &self,
        visit: &Visit<'_>,
        client: &Client,
        hint: &Secret,
    ) -> Result<UserId, AuthorizeError> {
        let environment = &self.services().environment;
        let keys = visit
            .context
            .keys(SigningAlgorithm::HS256, environment)
            .await?;
        let issuer = &visit.context.tenant.issuer;
        let verified = keys.verify_past_id_token(hint.expose(), issuer).ok();
        let is_clients = |claims: &VerifiedClaims| {
            claims.as_object().get("aud").and_then(Value::as_str) == Some(client.client_id.as_str())
        };
        let verified = verified.filter(is_clients);
        let subject = verified.as_ref().and_then(|claims| claims.subject());
        subject
            .and_then(|subject| subject.parse().ok())
            .ok_or_else(|| {
                AuthorizeError::invalid(
                    "id_token_hint is not an ID token that this server gave the client",
                )
            })
    }
}

impl Prompt {
    fn parse(text: &str) -> Result<Self, AuthorizeError> {
        let mut prompt = Self::default();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            match word {
                "none" => prompt.none = true,
                "login" | "select_account" => prompt.login = true,
                "consent" => prompt.consent = true,
                _ => {
                    return Err(AuthorizeError::invalid(
                        "prompt is one or more of login, consent and select_account, or none",
                    ));
                }
            }
        }
        if prompt.none && (prompt.login || prompt.consent) {
            return Err(AuthorizeError::invalid(
                "prompt none goes with no other value: there would be something to ask",
            ));
        }
        Ok(prompt)
    }
}

/// The words of a parameter that is a list of them.
pub(super) fn words(text: Option<&str>) -> Vec<String> {
    let words = text.unwrap_or_default().split(' ');
    let words = words.filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

fn response_type(
    client: &Client,
    request: &AuthorizationRequest,
) -> Result<ResponseType, AuthorizeError> {
    let asked = request.response_type.as_deref();
    let asked =
        asked.ok_or_else(|| AuthorizeError::invalid("the parameter response_type is missing"))?;
    let response_type = ResponseType::parse(asked).ok_or(AuthorizeError::ResponseType)?;
    for (needed, grant) in [
        (response_type.code, GrantType::AuthorizationCode),
        (response_type.gives_tokens(), GrantType::Implicit),
    ] {
        if needed && !client.grant_types.contains(&grant) {
            return Err(AuthorizeError::GrantNotAllowed(grant));
        }
    }
    Ok(response_type)
}

fn check_mode(
    target: &Target,
    response_type: ResponseType,
    request: &AuthorizationRequest,
) -> Result<(), AuthorizeError> {
    let Some(asked) = request.response_mode.as_deref() else {
        return Ok(());
    };
    match ResponseMode::from_wire(asked) {
        None => Err(AuthorizeError::invalid(
            "response_mode is query, fragment, form_post or web_message",
        )),
        Some(ResponseMode::Query) if response_type.gives_tokens() => Err(AuthorizeError::invalid(
            "tokens don't go into a query, which servers log; response_mode may be fragment, \
             form_post or web_message",
        )),
        Some(ResponseMode::FormPost | ResponseMode::WebMessage)
            if !is_web(&target.redirect_uri) =>
        {
            Err(AuthorizeError::invalid(
                "this response_mode needs a redirect_uri with http or https",
            ))
        }
        Some(_) => Ok(()),
    }
}

fn check_lengths(request: &AuthorizationRequest) -> Result<(), AuthorizeError> {
    let bounded = [
        ("state", &request.state, STATE_BYTES_MAX),
        ("nonce", &request.nonce, NONCE_BYTES_MAX),
        ("audience", &request.audience, TEXT_BYTES_MAX),
        ("organization", &request.organization, TEXT_BYTES_MAX),
        ("connection", &request.connection, TEXT_BYTES_MAX),
        ("login_hint", &request.login_hint, TEXT_BYTES_MAX),
        ("correlation_id", &request.correlation_id, TEXT_BYTES_MAX),
    ];
    for (name, value, max) in bounded {
        if value.as_ref().is_some_and(|value| value.len() > max) {
            return Err(AuthorizeError::invalid(format!(
                "the parameter {name} has more than {max} bytes"
            )));
        }
    }
    Ok(())
}

/// PKCE (RFC 7636, RFC 9700 section 2.1.1): who keeps no secret must prove at the token
/// endpoint that the code is theirs. `plain` proves nothing to who sees the request.
fn check_challenge(
    client: &Client,
    response_type: ResponseType,
    request: &AuthorizationRequest,
) -> Result<(), AuthorizeError> {
    let is_public = client.token_endpoint_auth_method == TokenEndpointAuthMethod::None;
    match (&request.code_challenge, &request.code_challenge_method) {
        (None, Some(_)) => Err(AuthorizeError::invalid(
            "there is a code_challenge_method and no code_challenge",
        )),
        (None, None) if is_public && response_type.code => Err(AuthorizeError::invalid(
            "a client without authentication must send code_challenge, with \
             code_challenge_method S256",
        )),
        (None, None) => Ok(()),
        (Some(challenge), method) => {
            if method.as_deref() != Some("S256") {
                return Err(AuthorizeError::invalid(
                    "code_challenge_method must be S256; without it, it would be plain",
                ));
            }
            let is_challenge = challenge.len() == CHALLENGE_CHARS
                && challenge
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
            if is_challenge {
                Ok(())
            } else {
                Err(AuthorizeError::invalid(
                    "code_challenge is not a SHA-256 in base64url, which has 43 characters",
                ))
            }
        }
    }
}

/// An ID token through the browser needs `openid`, and a `nonce` that ties it to the
/// client's own session (OpenID Connect Core sections 3.2.2.1 and 3.3.2.11).
fn check_id_token(
    response_type: ResponseType,
    scopes: &Scopes,
    request: &AuthorizationRequest,
) -> Result<(), AuthorizeError> {
    if !response_type.id_token {
        return Ok(());
    }
    if !scopes.contains("openid") {
        return Err(AuthorizeError::invalid(
            "a response_type with id_token needs the scope openid",
        ));
    }
    if request.nonce.is_none() {
        return Err(AuthorizeError::invalid(
            "a response_type with id_token needs the parameter nonce",
        ));
    }
    Ok(())
}

/// What can be said of the organization before it is known who logs in.
fn check_organization(
    client: &Client,
    request: &AuthorizationRequest,
) -> Result<(), AuthorizeError> {
    match (client.organization_usage, &request.organization) {
        (OrganizationUsage::Require, None) => Err(AuthorizeError::invalid(
            "the parameter organization is missing: this client's users log in to one \
             (organization_usage is require)",
        )),
        (OrganizationUsage::Deny, Some(_)) => Err(AuthorizeError::invalid(
            "this client's users can't log in to an organization (organization_usage is deny)",
        )),
        _ => Ok(()),
    }
}

fn max_age(text: &str) -> Result<i64, AuthorizeError> {
    text.parse::<u32>()
        .map(i64::from)
        .map_err(|_| AuthorizeError::invalid("max_age is a number of seconds"))
}

async fn connection(
    visit: &Visit<'_>,
    request: &AuthorizationRequest,
) -> Result<Connection, AuthorizeError> {
    let name = request.connection.as_deref().unwrap_or(DATABASE_CONNECTION);
    let found = of_realm(visit.context.store.as_ref(), name).await?;
    found.ok_or_else(|| AuthorizeError::invalid("there is no connection of that name"))
}
