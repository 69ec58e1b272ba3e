//! A tenant in which there is one of each thing, so that a request that names one gets as
//! far as its body.

use axum::{Router, body::Body};
use claimsmith_model::Secret;
use http::{Request, header};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::{
    AppState, PlatformToken,
    management::{
        operation::{BodyShape, Operation},
        routes,
        tests::Api,
    },
    platform,
};

pub(crate) struct World {
    /// The routes alone: what is around them hands requests to tasks of their own.
    router: Router,
    token: String,
    things: Vec<(&'static str, String)>,
}

/// What the operator gives in these tests.
const PLATFORM_TOKEN: &str = "the-platform-token";

impl World {
    /// For the operator's requests.
    pub(crate) async fn of_the_operator() -> Self {
        let api = Api::start().await;
        Self {
            router: platform::router().with_state(state(&api)),
            token: PLATFORM_TOKEN.to_owned(),
            things: vec![
                ("/tenants", "dev".to_owned()),
                ("{trigger}", "post-login".to_owned()),
            ],
        }
    }

    pub(super) async fn of_a_tenant() -> Self {
        let api = Api::start().await;
        let mut things = vec![("{trigger}", "post-login".to_owned())];
        let mut make = async |path: &'static str, id: &str, body: Value| {
            let made = api.post(path, body).await;
            let id = made.body[id].as_str();
            let id = id.unwrap_or_else(|| panic!("{path}: {made:?}"));
            things.push((path, id.replace('|', "%7C")));
        };
        let api_identifier = "https://api.example.com/";
        make("/clients", "client_id", json!({ "name": "Reports" })).await;
        make(
            "/resource-servers",
            "id",
            json!({ "identifier": api_identifier }),
        )
        .await;
        make(
            "/actions/actions",
            "id",
            json!({ "name": "Add role", "supported_triggers": [{ "id": "post-login" }] }),
        )
        .await;
        make(
            "/connections",
            "id",
            json!({ "name": "partners", "strategy": "auth0" }),
        )
        .await;
        make("/users", "user_id", json!({ "username": "ada" })).await;
        make("/roles", "id", json!({ "name": "Editor" })).await;
        make("/organizations", "id", json!({ "name": "acme" })).await;
        let client = api.get("/clients?per_page=1").await.body[0]["client_id"].clone();
        make(
            "/client-grants",
            "id",
            json!({ "client_id": client, "audience": api_identifier, "scope": [] }),
        )
        .await;
        Self {
            router: routes().into_router().with_state(state(&api)),
            token: api.token,
            things,
        }
    }

    /// Sends an operation's request, with a body in which nothing is.
    pub(super) async fn ask(&self, operation: &Operation, body: BodyShape) {
        let mut path = operation.path.to_owned();
        for (thing, id) in &self.things {
            path = path.replace(&format!("{thing}/{{id}}"), &format!("{thing}/{id}"));
            path = path.replace(thing, if thing.starts_with('{') { id } else { thing });
        }
        let request = Request::builder()
            .method(&operation.method)
            .uri(path.replace(['{', '}'], ""))
            .header(header::HOST, "localhost")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(if body == BodyShape::List {
                "[]"
            } else {
                "{}"
            }))
            .unwrap();
        let _ = self.router.clone().oneshot(request).await;
    }
}

fn state(api: &Api) -> AppState {
    let platform_token = PlatformToken::new(Secret::new(PLATFORM_TOKEN));
    AppState::new(api.services.clone(), platform_token)
}
