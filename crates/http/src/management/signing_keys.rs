//! `/api/v2/keys/signing`.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use claimsmith_model::{KeyId, KeyUse, SigningAlgorithm, Timestamp};
use claimsmith_service::admin::signing_keys::{self, CertificateTexts, SigningKey};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    ApiError, At,
    access::{
        Admin, CreateSigningKeys, ReadSigningKeys, Routes, UpdateSigningKeys, get, post, put,
    },
    operation as answers,
    query::{FromQuery, Parameters},
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .at(
            "/keys/signing",
            get(list, "List signing keys", answers::list::<KeyView>()),
        )
        .at(
            "/keys/signing/rotate",
            post(
                rotate,
                "Sign with the next keys",
                answers::created::<ChangedView>(),
            ),
        )
        .at(
            "/keys/signing/{kid}",
            get(one, "Get a signing key", answers::ok::<KeyView>()),
        )
        .at(
            "/keys/signing/{kid}/revoke",
            put(revoke, "Revoke a signing key", answers::ok::<ChangedView>()),
        )
}

/// A key as callers see it.
#[derive(JsonSchema, Serialize)]
struct KeyView<'a> {
    kid: &'a KeyId,
    /// Of ours: the reference product has RS256 only.
    alg: SigningAlgorithm,
    #[serde(flatten)]
    certificate: CertificateView<'a>,
    current: bool,
    next: bool,
    previous: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    current_since: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    current_until: Option<Timestamp>,
    revoked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<Timestamp>,
}

#[derive(JsonSchema, Serialize)]
struct CertificateView<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    cert: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thumbprint: Option<&'a str>,
}

/// What a change answers with: the key that it made or ended.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "ChangedKey")]
struct ChangedView<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    cert: Option<&'a str>,
    kid: &'a KeyId,
    /// Of ours, after a rotation: the next key of each algorithm.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    keys: Vec<KeyView<'a>>,
}

fn view(key: &SigningKey) -> KeyView<'_> {
    let certificate = key.certificate.as_ref();
    let of = |text: fn(&CertificateTexts) -> &String| certificate.map(|it| text(it).as_str());
    KeyView {
        kid: &key.id,
        alg: key.algorithm,
        certificate: CertificateView {
            cert: of(|it| &it.pem),
            fingerprint: of(|it| &it.fingerprint),
            thumbprint: of(|it| &it.thumbprint),
        },
        current: key.key_use == KeyUse::Current,
        next: key.key_use == KeyUse::Next,
        previous: key.key_use == KeyUse::Previous,
        current_since: key.current_since,
        current_until: key.current_until,
        revoked: key.key_use == KeyUse::Revoked,
        revoked_at: key.revoked_at,
    }
}

/// `alg` alone: what to rotate.
struct Only(Option<SigningAlgorithm>);

impl FromQuery for Only {
    fn from_query(parameters: &mut Parameters) -> Result<Self, ApiError> {
        let choices = SigningAlgorithm::ASYMMETRIC.map(|algorithm| (algorithm.as_str(), algorithm));
        parameters.one_of("alg", &choices).map(Self)
    }
}

async fn list(admin: Admin<ReadSigningKeys>) -> Result<Response, ApiError> {
    let keys = signing_keys::list(&admin).await?;
    let views: Vec<_> = keys.iter().map(view).collect();
    Ok(Json(views).into_response())
}

async fn one(admin: Admin<ReadSigningKeys>, At(kid): At<KeyId>) -> Result<Response, ApiError> {
    let key = signing_keys::get(&admin, &kid).await?;
    Ok(Json(view(&key)).into_response())
}

/// The reference product rotates its one key and names the next one. We name that of
/// RS256, or else of the first algorithm, in the same place.
async fn rotate(admin: Admin<CreateSigningKeys, Only>) -> Result<Response, ApiError> {
    let rotated = signing_keys::rotate(&admin, admin.query.0).await?;
    let keys: Vec<_> = rotated.next.iter().map(view).collect();
    let rs256 = keys.iter().find(|key| key.alg == SigningAlgorithm::RS256);
    let Some(first) = rs256.or(keys.first()) else {
        return Ok(StatusCode::CREATED.into_response());
    };
    let body = ChangedView {
        cert: first.certificate.cert,
        kid: first.kid,
        keys,
    };
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

async fn revoke(admin: Admin<UpdateSigningKeys>, At(kid): At<KeyId>) -> Result<Response, ApiError> {
    let key = signing_keys::revoke(&admin, &kid).await?;
    let body = ChangedView {
        cert: view(&key).certificate.cert,
        kid: &key.id,
        keys: Vec::new(),
    };
    Ok(Json(body).into_response())
}
