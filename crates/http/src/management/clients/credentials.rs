//! `/api/v2/clients/{id}/credentials`: the public keys of a client.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use claimsmith_model::{AssertionAlgorithm, ClientCredential, ClientId, Timestamp};
use claimsmith_service::admin::client_credentials;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use crate::management::{
    ApiError, At, JsonBody,
    access::{
        Admin, CreateClientCredentials, DeleteClientCredentials, ReadClientCredentials, Routes, get,
    },
    operation as answers,
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .at(
            "/clients/{id}/credentials",
            get(
                list,
                "List the public keys of a client",
                answers::list::<CredentialView>(),
            )
            .post(
                create,
                "Give a client a further public key",
                answers::created::<CredentialView>(),
            ),
        )
        .at(
            "/clients/{id}/credentials/{credential}",
            get(
                one,
                "Get what is known of a client's public key",
                answers::ok::<CredentialView>(),
            )
            .delete(
                delete,
                "Take a public key from a client",
                answers::nothing(),
            ),
        )
}

/// A key without the key itself.
#[derive(JsonSchema, Serialize)]
pub(in crate::management) struct CredentialView<'a> {
    id: &'a str,
    credential_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
    alg: AssertionAlgorithm,
    created_at: Timestamp,
}

pub(in crate::management) fn view(key: &ClientCredential) -> CredentialView<'_> {
    CredentialView {
        id: &key.id,
        credential_type: "public_key",
        name: key.name.as_deref(),
        kid: key.key_id.as_deref(),
        alg: key.algorithm,
        created_at: key.created_at,
    }
}

async fn list(
    admin: Admin<ReadClientCredentials>,
    At(id): At<ClientId>,
) -> Result<Response, ApiError> {
    let keys = client_credentials::list_all(&admin, &id).await?;
    let views: Vec<_> = keys.iter().map(view).collect();
    Ok(Json(views).into_response())
}

async fn create(
    admin: Admin<CreateClientCredentials>,
    At(id): At<ClientId>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let key = client_credentials::create(&admin, &id, body).await?;
    Ok((StatusCode::CREATED, Json(view(&key))).into_response())
}

async fn one(
    admin: Admin<ReadClientCredentials>,
    At((id, credential)): At<(ClientId, String)>,
) -> Result<Response, ApiError> {
    let key = client_credentials::get(&admin, &id, &credential).await?;
    Ok(Json(view(&key)).into_response())
}

async fn delete(
    admin: Admin<DeleteClientCredentials>,
    At((id, credential)): At<(ClientId, String)>,
) -> Result<StatusCode, ApiError> {
    client_credentials::delete(&admin, &id, &credential).await?;
    Ok(StatusCode::NO_CONTENT)
}
