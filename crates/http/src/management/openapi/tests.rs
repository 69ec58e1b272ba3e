use std::{collections::BTreeSet, fs, path::Path};

use http::Request;
use serde_json::Value;

use super::document;
use crate::management::{routes, tests::Api};

/// Where the document is left that the code makes, for `cargo xtask openapi`.
const MADE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/openapi.json");

/// What to do when the document isn't what the code makes.
const WRITTEN_BY: &str =
    "`cargo xtask openapi` writes docs/openapi.json anew; look at what has changed, and commit it";

#[tokio::test]
async fn the_committed_document_is_what_the_code_makes() {
    let made = serde_json::to_string_pretty(&document::make().await).unwrap() + "\n";
    fs::write(MADE, &made).unwrap();
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let committed = fs::read_to_string(committed).unwrap();
    let first = made.lines().zip(committed.lines()).find(|(a, b)| a != b);
    assert!(
        made == committed,
        "the first line that differs: {first:?}: {WRITTEN_BY}"
    );
}

#[test]
fn every_route_is_in_the_document_and_nothing_else() {
    let document: Value = serde_json::from_str(super::DOCUMENT).unwrap();
    let mut described = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            described.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let routes = routes();
    let routed = routes.operations().iter().map(|it| format!("{it:?}"));
    let mut routed: BTreeSet<_> = routed.collect();
    routed.insert("GET /openapi.json".to_owned());
    let differing: Vec<_> = described.symmetric_difference(&routed).collect();
    assert!(differing.is_empty(), "{differing:?}: {WRITTEN_BY}");
}

#[tokio::test]
async fn the_document_is_served_to_whoever_asks() {
    let api = Api::start().await;
    let request = Request::get("/api/v2/openapi.json");
    let answer = api
        .send(request, "no-token", axum::body::Body::empty())
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["openapi"], "3.1.0");
}
