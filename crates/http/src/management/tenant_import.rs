//! `/api/v2/tenants/import`: a document becomes a tenant's.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use claimsmith_model::{ActionId, ClientId, ConnectionId, Secret, UserId};
use claimsmith_service::admin::transfer::{self, Imported};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    ApiError,
    access::{self, Admin, CreateTenantImport, Routes},
    body::DocumentBody,
    operation as answers,
};
use crate::answer;

pub(super) fn routes() -> Routes {
    Routes::default().at(
        "/tenants/import",
        access::post(
            post,
            "Fill a new tenant with what an export holds",
            answers::created::<ImportedView>(),
        ),
    )
}

/// What an import has left to do.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Imported")]
struct ImportedView<'a> {
    made: MadeView<'a>,
    missing: MissingView<'a>,
}

/// The secrets that weren't given and had to be made.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "MadeSecrets")]
struct MadeView<'a> {
    clients: BTreeMap<&'a str, &'a str>,
    resource_servers: BTreeMap<&'a str, &'a str>,
}

/// What only an admin knows: names of secrets, and users without a password.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "MissingSecrets")]
struct MissingView<'a> {
    actions: BTreeMap<&'a str, &'a BTreeSet<String>>,
    connections: BTreeMap<&'a str, &'a BTreeSet<String>>,
    users: &'a [UserId],
}

fn view(imported: &Imported) -> ImportedView<'_> {
    let Imported { made, missing } = imported;
    ImportedView {
        made: MadeView {
            clients: shown(&made.clients, ClientId::as_str),
            resource_servers: shown(&made.resource_servers, String::as_str),
        },
        missing: MissingView {
            actions: named(&missing.actions, ActionId::as_str),
            connections: named(&missing.connections, ConnectionId::as_str),
            users: &missing.users,
        },
    }
}

fn shown<Id>(secrets: &BTreeMap<Id, Secret>, text: impl Fn(&Id) -> &str) -> BTreeMap<&str, &str> {
    let secrets = secrets.iter();
    secrets
        .map(|(id, secret)| (text(id), secret.expose()))
        .collect()
}

fn named<Id>(
    names: &BTreeMap<Id, BTreeSet<String>>,
    text: impl Fn(&Id) -> &str,
) -> BTreeMap<&str, &BTreeSet<String>> {
    names.iter().map(|(id, names)| (text(id), names)).collect()
}

async fn post(admin: Admin<CreateTenantImport>, body: DocumentBody) -> Result<Response, ApiError> {
    let imported = transfer::import(&admin, body.document, body.place).await?;
    let answer = Json(view(&imported));
    Ok((StatusCode::CREATED, answer::no_store(), answer).into_response())
}
