//! Verifying a token that this server signed.

use claimsmith_model::{JsonObject, Timestamp};
use jsonwebtoken::{Header, Validation, decode, decode_header, errors::ErrorKind};
use serde_json::Value;

use crate::{VerifyError, algorithm::jwt_algorithm, key_set::Key, token::TokenType};

/// The longest token in bytes that is looked at. A token may hold 100 KB of custom
/// claims, which base64 makes 137 KB; the rest is room for permissions and scopes.
pub const TOKEN_BYTES_MAX: usize = 256 * 1024;

/// What a token must say to be accepted.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The `iss`.
    pub issuer: &'a str,
    /// The `aud`, or one of them.
    pub audience: &'a str,
    /// The present time.
    pub now: Timestamp,
    /// How many seconds the clocks of signer and verifier may differ.
    pub leeway_s: u32,
}

/// The claims of a token whose signature, issuer, audience and time were found
/// right. Nothing else makes one.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedClaims(JsonObject);

impl VerifiedClaims {
    /// All claims.
    #[must_use]
    pub const fn as_object(&self) -> &JsonObject {
        &self.0
    }

    /// The `sub` (RFC 7519 section 4.1.2).
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.text("sub")
    }

    /// The client that the token was issued to: `client_id` (RFC 9068
    /// section 2.2), else `azp`.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.text("client_id").or_else(|| self.text("azp"))
    }

    /// The scopes, with a space between (RFC 8693 section 4.2); empty when there
    /// are none.
    #[must_use]
    pub fn scope(&self) -> &str {
        self.text("scope").unwrap_or_default()
    }

    fn text(&self, claim: &str) -> Option<&str> {
        self.0.get(claim).and_then(Value::as_str)
    }
}

/// Verifies `token` with the one of `keys` that it names.
pub(crate) fn verify(
    keys: &[Key],
    token: &str,
    expected: &Expected<'_>,
) -> Result<VerifiedClaims, VerifyError> {
    let claims = signed_claims(keys, token, expected.issuer, Some(expected.audience))?;
    check_times(&claims, expected)?;
    Ok(VerifiedClaims(claims))
}

/// Verifies an ID token that tells of a login, be it expired, for whichever client.
pub(crate) fn verify_past_id_token(
    keys: &[Key],
    token: &str,
    issuer: &str,
) -> Result<VerifiedClaims, VerifyError> {
    let claims = VerifiedClaims(signed_claims(keys, token, issuer, None)?);
    // In ID tokens the audience is the client; access tokens say it by these.
    if claims.client_id().is_some() {
        return Err(VerifyError::WrongType);
    }
    Ok(claims)
}

/// The claims of a token of this issuer, whenever it was or will be good.
fn signed_claims(
    keys: &[Key],
    token: &str,
    issuer: &str,
    audience: Option<&str>,
) -> Result<JsonObject, VerifyError> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(VerifyError::TooLong);
    }
    let unverified_header = decode_header(token).map_err(|_| VerifyError::Malformed)?;
    let key = key_for(keys, &unverified_header)?;

    // The library would read the system's clock; who cares about times checks them.
    let mut validation = Validation::new(jwt_algorithm(key.algorithm()));
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    validation.set_issuer(&[issuer]);
    match audience {
        Some(audience) => validation.set_audience(&[audience]),
        None => validation.validate_aud = false,
    }
    let token = decode::<JsonObject>(token, key.public(), &validation);
    Ok(token.map_err(|error| refusal(error.kind()))?.claims)
}

/// The key that the header names, if the header fits it.
fn key_for<'a>(keys: &'a [Key], header: &Header) -> Result<&'a Key, VerifyError> {
    // An extension that the signer calls critical and we don't know (RFC 7515
    // section 4.1.11). We write none.
    if header.crit.is_some() {
        return Err(VerifyError::Malformed);
    }
    let kid = header.kid.as_deref().ok_or(VerifyError::UnknownKey)?;
    let key = keys
        .iter()
        .find(|key| key.id() == kid)
        .ok_or(VerifyError::UnknownKey)?;
    // The key decides about the algorithm, not the token (RFC 8725 section 3.1).
    if header.alg != jwt_algorithm(key.algorithm()) {
        return Err(VerifyError::WrongAlgorithm);
    }
    let own_types = [TokenType::Jwt, TokenType::AccessTokenJwt].map(TokenType::as_str);
    match &header.typ {
        Some(typ) if own_types.contains(&typ.as_str()) => Ok(key),
        _ => Err(VerifyError::WrongType),
    }
}

fn check_times(claims: &JsonObject, expected: &Expected<'_>) -> Result<(), VerifyError> {
    let now_s = expected.now.as_seconds();
    let leeway_s = i64::from(expected.leeway_s);
    let expires_s = seconds(claims, "exp")?.ok_or(VerifyError::BadClaim("exp"))?;
    if now_s >= expires_s.saturating_add(leeway_s) {
        return Err(VerifyError::Expired);
    }
    match seconds(claims, "nbf")? {
        Some(not_before_s) if now_s.saturating_add(leeway_s) < not_before_s => {
            Err(VerifyError::NotYetValid)
        }
        _ => Ok(()),
    }
}

/// A date claim in whole seconds, as this server writes them.
fn seconds(claims: &JsonObject, claim: &'static str) -> Result<Option<i64>, VerifyError> {
    claims
        .get(claim)
        .map(|value| value.as_i64().ok_or(VerifyError::BadClaim(claim)))
        .transpose()
}

fn refusal(kind: &ErrorKind) -> VerifyError {
    match kind {
        ErrorKind::InvalidSignature => VerifyError::BadSignature,
        ErrorKind::InvalidIssuer => VerifyError::WrongIssuer,
        ErrorKind::InvalidAudience => VerifyError::WrongAudience,
        ErrorKind::MissingRequiredClaim(claim) => match claim.as_str() {
            "iss" => VerifyError::BadClaim("iss"),
            "aud" => VerifyError::BadClaim("aud"),
            _ => VerifyError::BadClaim("exp"),
        },
        _ => VerifyError::Malformed,
    }
}
