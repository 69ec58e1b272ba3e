use std::{collections::BTreeSet, fs, path::Path};

use claimsmith_service::MANAGEMENT_SCOPES;
use http::Request;
use serde_json::Value;

use super::{
    DOCUMENT, PATH,
    document::{self, Described},
    world::World,
};
use crate::management::{access::Routes, routes, tests::Api};

const INTRODUCTION: &str = "\
The Management API of a tenant: its shapes follow Auth0's, as far as it goes. Unknown \
properties and query parameters are refused by name.

A caller needs an access token for the audience `{issuer}api/v2/`, got with the client \
credentials grant, whose scopes include the one that an operation asks for.";

/// Where the documents are left that the code makes, for `cargo xtask openapi`.
const MADE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target");
const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");

/// What to do when a document isn't what the code makes.
const WRITTEN_BY: &str =
    "`cargo xtask openapi` writes the documents anew; look at what has changed, and commit it";

#[tokio::test]
async fn the_committed_document_is_what_the_code_makes() {
    let routes = routes();
    let scopes = MANAGEMENT_SCOPES.join(", ");
    let token = format!(
        "An access token for the audience `{{issuer}}api/v2/`. The scopes that there are: {scopes}."
    );
    let described = Described {
        title: "Claimsmith Management API",
        introduction: INTRODUCTION,
        server: ("/api/v2", "Under the tenant's own domain."),
        token: (token, Some("JWT")),
        own_path: PATH,
        operations: routes.operations(),
    };
    let made = document::make(&described, &World::of_a_tenant().await).await;
    agrees_with_committed(&made, "openapi.json");
}

/// Leaves a document where `cargo xtask openapi` finds it, and compares it with the one in
/// `docs/`.
pub(crate) fn agrees_with_committed(made: &Value, name: &str) {
    let made = serde_json::to_string_pretty(made).unwrap() + "\n";
    fs::write(Path::new(MADE).join(name), &made).unwrap();
    let committed = fs::read_to_string(Path::new(COMMITTED).join(name)).unwrap();
    let first = made.lines().zip(committed.lines()).find(|(a, b)| a != b);
    assert!(
        made == committed,
        "the first line that differs: {first:?}: {WRITTEN_BY}"
    );
}

#[test]
fn every_route_is_in_the_document_and_nothing_else() {
    assert_routes_are_described(DOCUMENT, &routes(), PATH);
}

pub(crate) fn assert_routes_are_described(document: &str, routes: &Routes, own_path: &str) {
    let document: Value = serde_json::from_str(document).unwrap();
    let mut described = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            described.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let routed = routes.operations().iter().map(|it| format!("{it:?}"));
    let mut routed: BTreeSet<_> = routed.collect();
    routed.insert(format!("GET {own_path}"));
    let differing: Vec<_> = described.symmetric_difference(&routed).collect();
    assert!(differing.is_empty(), "{differing:?}: {WRITTEN_BY}");
}

#[tokio::test]
async fn the_documents_are_served_to_whoever_asks() {
    let api = Api::start().await;
    for path in ["/api/v2/openapi.json", "/platform/v1/openapi.json"] {
        let request = Request::get(path);
        let answer = api
            .send(request, "no-token", axum::body::Body::empty())
            .await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.body["openapi"], "3.1.0");
    }
}
